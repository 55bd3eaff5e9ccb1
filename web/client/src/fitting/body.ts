/** The body and what can be done with it: look, correct, take along, delete. */

import { h } from '../dom'
import { measuresPanel } from './measures'
import type { Avatar, FittingRoom } from './api'
import type { Say } from './words'

export interface BodyWays {
  correct(name: string, cm: number): void
  takeAlong(): void
  erase(): void
  again(): void
}

const TURNS = [
  ['front', 0],
  ['side', -Math.PI / 2],
  ['back', Math.PI],
] as const

export function bodyScreen(say: Say, avatar: Avatar, room: FittingRoom, ways: BodyWays): HTMLElement {
  const plate = h('div', { class: 'body-plate' })
  const panel = h(
    'div',
    { class: 'body-panel' },
    h('h1', { tabindex: '-1' }, say('body.heading')),
    avatar.failure && h('p', { class: 'wrong', role: 'alert' }, avatar.failure.advice),
    measuresPanel(say, avatar, ways.correct),
    hints(say, avatar),
    avatar.origin === 'photos' && h('p', { class: 'small' }, say('body.gone')),
    h(
      'div',
      { class: 'ways' },
      way('take-along', say('body.export'), ways.takeAlong),
      way('again', say('body.again'), ways.again),
      sure(say, ways.erase),
    ),
  )
  void showBody(say, plate, avatar, room)
  return h('section', { class: 'body-room' }, plate, panel)
}

function way(name: string, label: string, go: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: 'quiet', 'data-way': name, onclick: go }, label)
}

/** What cannot be undone is asked twice. */
function sure(say: Say, go: () => void): HTMLElement {
  const button = way('erase', say('body.delete'), () => {
    if (button.dataset['sure'] === 'yes') return go()
    button.dataset['sure'] = 'yes'
    button.textContent = say('body.delete-sure')
  })
  button.classList.add('danger')
  return button
}

function hints(say: Say, avatar: Avatar): HTMLElement | null {
  if (avatar.findings.length === 0) return null
  const lines = avatar.findings.map(({ advice }) => h('li', {}, advice))
  return h('section', { class: 'hints' }, h('h2', {}, say('body.hints')), h('ul', {}, ...lines))
}

/** The viewer, loaded only now: it is most of what the page weighs. A picture where the browser has no WebGL. */
async function showBody(say: Say, plate: HTMLElement, avatar: Avatar, room: FittingRoom): Promise<void> {
  if (!avatar.files) return
  try {
    const [{ Viewer }, glb] = await Promise.all([import('./viewer'), room.file(avatar.files.body)])
    const viewer = new Viewer(say('body.viewer'))
    const turns = TURNS.map(([name, yaw]) => {
      const button = h('button', { type: 'button', class: 'quiet' }, say(`body.${name}`))
      button.onclick = () => viewer.turnTo(yaw)
      return button
    })
    plate.replaceChildren(viewer.element, h('div', { class: 'turns' }, ...turns))
    await viewer.show('body', glb)
    plate.dataset['state'] = 'shown'
    new MutationObserver((_, watching) => {
      if (plate.isConnected) return
      watching.disconnect()
      viewer.dispose()
    }).observe(document.body, { childList: true, subtree: true })
  } catch {
    const picture = new Blob([await room.file(avatar.files.thumbnail)], { type: 'image/png' })
    plate.replaceChildren(h('img', { src: URL.createObjectURL(picture), alt: '' }), h('p', { class: 'small' }, say('body.no-3d')))
    plate.dataset['state'] = 'picture'
  }
}
