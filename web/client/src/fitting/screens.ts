/** The screens between: what she agrees to, how far the work is, and the ends. */

import { h } from '../dom'
import { silhouette } from './silhouette'
import type { ConsentText } from '../session'
import type { Avatar } from './api'
import type { Say } from './words'

const STAGES = ['queued', 'looking', 'fitting', 'measuring', 'shaping', 'exporting'] as const

export interface ConsentWays {
  agree(): void
  decline(): void
  /** Absent where there is nothing to bring. */
  bring: ((archive: Blob) => void) | null
}

export function consentScreen(say: Say, shop: string, text: ConsentText, privacy: string, ways: ConsentWays): HTMLElement {
  const buttons = h(
    'div',
    { class: 'ways' },
    h('button', { type: 'button', class: 'primary', 'data-way': 'agree', onclick: ways.agree }, say('consent.agree')),
    h('button', { type: 'button', class: 'quiet', 'data-way': 'decline', onclick: ways.decline }, say('consent.decline')),
  )
  const { bring } = ways
  if (bring) {
    const input = h('input', { type: 'file', accept: '.zip,.json', class: 'spoken', name: 'archive' })
    input.onchange = () => input.files?.[0] && bring(input.files[0])
    buttons.append(h('label', { class: 'quiet' }, say('consent.bring'), input))
  }
  const hero = h('figure', { class: 'hero shapes', 'aria-hidden': 'true' })
  hero.append(silhouette('front'), silhouette('side'))
  return h(
    'section',
    { class: 'consent' },
    hero,
    h(
      'div',
      { class: 'consent-words' },
      h('div', { class: 'lead' }, h('h1', { tabindex: '-1' }, say('consent.heading')), h('p', {}, say('consent.lead', { shop }))),
      h(
        'section',
        { class: 'terms', 'aria-labelledby': 'terms-title' },
        h('h2', { id: 'terms-title' }, text.title),
        ...text.paragraphs.map((paragraph) => h('p', {}, paragraph)),
        h('p', {}, h('a', { href: privacy, target: '_blank', rel: 'noopener' }, say('privacy'))),
      ),
      buttons,
    ),
  )
}

/** How far it is: the stages that the server goes through, a bar, and what is left. */
export class WorkingScreen {
  readonly element: HTMLElement
  readonly #bar = h('progress', { max: '1' })
  readonly #eta = h('p', { class: 'small', role: 'status' })
  readonly #stages = new Map(STAGES.map((stage) => [stage as string, h('li', { 'data-stage': stage })]))

  constructor(
    private readonly say: Say,
    stop: () => void,
  ) {
    for (const [stage, item] of this.#stages) item.textContent = say(`working.${stage as (typeof STAGES)[number]}`)
    this.element = h(
      'section',
      { class: 'notice working' },
      h('h1', { tabindex: '-1' }, say('working.heading')),
      this.#bar,
      this.#eta,
      h('ol', { class: 'stages' }, ...this.#stages.values()),
      h('div', { class: 'ways' }, h('button', { type: 'button', class: 'quiet', 'data-way': 'stop', onclick: stop }, say('working.cancel'))),
    )
    this.#eta.textContent = say('working.sending')
  }

  show(avatar: Avatar): void {
    const now = avatar.status === 'queued' || avatar.stage === '' ? 'queued' : avatar.stage
    const at = STAGES.findIndex((stage) => stage === now)
    for (const [index, stage] of STAGES.entries()) {
      const item = this.#stages.get(stage)
      item?.classList.toggle('done', index < at)
      item?.classList.toggle('now', index === at)
      if (index === at) item?.setAttribute('aria-current', 'step')
      else item?.removeAttribute('aria-current')
    }
    this.#bar.value = Math.max(0.02, avatar.progress)
    const left = avatar.eta_seconds ?? 0
    this.#eta.textContent = left > 4 ? this.say('working.eta', { s: left }) : this.say('working.eta-soon')
  }
}

export function notice(heading: string, line: string, ...ways: HTMLElement[]): HTMLElement {
  return h(
    'section',
    { class: 'notice' },
    h('h1', { tabindex: '-1' }, heading),
    h('div', { class: 'lines' }, h('p', {}, line)),
    h('div', { class: 'ways' }, ...ways),
  )
}

export function way(name: string, label: string, go: () => void, kind: 'primary' | 'quiet' = 'primary'): HTMLElement {
  return h('button', { type: 'button', class: kind, 'data-way': name, onclick: go }, label)
}
