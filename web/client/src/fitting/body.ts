/** The fitting room itself: the body on its stage, and beside it clothes, measures, and what is hers to do with it. */

import { h } from '../dom'
import { Dressing } from './dressing'
import { measuresPanel } from './measures'
import { Plate } from './plate'
import { colours, NEUTRAL, skinChoice } from './skin'
import { tabs } from './tabs'
import type { View } from './advice'
import type { Avatar, FittingRoom } from './api'
import type { Garment } from './wardrobe'
import type { KeptBody } from '../kept'
import type { Say } from './words'

export interface BodyWays {
  correct(name: string, cm: number): void
  paint(skin: string): void
  takeAlong(): void
  erase(): void
  again(): void
  explain(error: unknown): string
  /** The same, with the photo that it is about. */
  about(view: View | null, what: unknown): string
  wears(body: KeptBody): void
  /** Told when she has agreed to her camera. */
  agreed(): void
}

export interface Stock {
  language: string
  garments: readonly Garment[]
  /** What the page was opened for. */
  first: Garment | null
  /** What she wore when she was here before. */
  before: KeptBody | null
}

export class BodyScreen {
  readonly element: HTMLElement
  readonly #plate: Plate
  readonly #dressing: Dressing
  readonly #measures = h('div')
  readonly #own = h('div')
  readonly #wrong = h('p', { class: 'wrong', role: 'alert', hidden: true })
  readonly #hints = h('div')
  readonly #refit = h('p', { class: 'refit', role: 'status', hidden: true })

  constructor(
    private readonly say: Say,
    avatar: Avatar,
    room: FittingRoom,
    { language, garments, first, before }: Stock,
    private readonly ways: BodyWays,
  ) {
    const mirror = room.mirror(say, () => this.#dressing.worn, ways.agreed)
    this.#plate = new Plate(say, room, mirror)
    this.#dressing = new Dressing({ say, language, room, plate: this.#plate, explain: ways.explain, wears: ways.wears }, avatar, garments)
    const clothes = garments.length > 0 ? this.#dressing.element : h('div', { class: 'dressing' }, h('p', { class: 'empty' }, say('clothes.none-sold')))
    const all = [
      { name: 'clothes', label: say('clothes.title'), content: clothes },
      { name: 'measures', label: say('body.measures'), content: h('div', {}, this.#measures, this.#hints) },
      { name: 'hers', label: say('body.hers'), content: this.#own },
    ]
    // Without clothes to try on it is the measures that one comes for.
    const order = garments.length > 0 ? all : [all[1]!, all[0]!, all[2]!]
    const panel = h('div', { class: 'body-panel' }, h('h1', { tabindex: '-1' }, say('body.heading')), this.#refit, this.#wrong, tabs(say('body.heading'), order), h('div', { class: 'ways' }, mirror.way()))
    this.element = h('section', { class: 'body-room' }, this.#plate.element, panel)
    this.#tell(avatar)
    void this.#dressing.start(first, before).then(() => this.#paint(avatar.skin ?? NEUTRAL))
  }

  /** Says that the body is being made anew, while the old one stands. */
  working(avatar: Avatar): void {
    this.#dressing.hold()
    this.#refit.hidden = false
    this.#refit.textContent = this.say('body.refit', { percent: `${Math.round(100 * avatar.progress)}\u00a0%` })
  }

  /** The body as it is now, in what it wore; of another shape, in the sizes that fit now. */
  async renew(avatar: Avatar, reshaped: boolean): Promise<void> {
    this.#refit.hidden = true
    this.#tell(avatar)
    await this.#dressing.renew(avatar, reshaped)
    this.#paint(avatar.skin ?? NEUTRAL)
  }

  dispose(): void {
    this.#dressing.dispose()
    this.#plate.dispose()
  }

  #tell(avatar: Avatar): void {
    this.#wrong.hidden = avatar.failure === null
    this.#wrong.textContent = avatar.failure && this.ways.about(avatar.failure.view, avatar.failure)
    this.#measures.replaceChildren(measuresPanel(this.say, avatar, this.ways.correct))
    this.#own.replaceChildren(this.#hers(avatar))
    const lines = avatar.findings.map((finding) => h('li', {}, this.ways.about(finding.view, finding)))
    this.#hints.replaceChildren(...(lines.length > 0 ? [h('section', { class: 'hints' }, h('h2', {}, this.say('body.hints')), h('ul', {}, ...lines))] : []))
  }

  #hers(avatar: Avatar): HTMLElement {
    const { say, ways } = this
    const choose = (skin: string): void => {
      this.#paint(skin)
      ways.paint(skin)
    }
    const gone = avatar.origin === 'photos' && h('p', { class: 'small' }, say('body.gone'))
    return h(
      'div',
      { class: 'hers' },
      skinChoice(say, avatar.skin ?? NEUTRAL, choose),
      gone,
      h('div', { class: 'ways' }, way('take-along', say('body.export'), ways.takeAlong), way('again', say('body.again'), ways.again), sure(say, ways.erase)),
    )
  }

  #paint(skin: string): void {
    this.#plate.paint(...colours(skin))
  }
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
