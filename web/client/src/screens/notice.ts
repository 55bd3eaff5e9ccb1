/** A notice as an element: a whole sheet, or a card over the mirror. */

import { h } from '../dom'
import { countdown, type Notice, type Way } from '../notices'
import type { Say } from '../words'

const TICK_MS = 250

export interface Ways {
  act(way: Way): void
  /** Where the mirror can be opened in a tab of its own. */
  tab: string
}

/** Made once for a screen and then only told what changed, so that focus stays and a screen reader hears no more than news. */
export class NoticeCard {
  readonly element: HTMLElement
  readonly #figure = h('p', { class: 'figure' })
  readonly #heading = h('h1', { tabindex: '-1' })
  readonly #lines: HTMLElement
  readonly #progress = h('span', { class: 'progress', 'aria-hidden': 'true' })
  readonly #countdown = h('p', { class: 'countdown', 'aria-hidden': 'true' })
  #timer = 0

  constructor(
    private readonly say: Say,
    notice: Notice,
    ways: Ways,
    code: string | null,
  ) {
    this.#lines = h('div', { class: 'lines', role: 'status' }, ...notice.lines.map(() => h('p')))
    const steps = notice.steps.map((step) => h('li', {}, step))
    this.element = h(
      'section',
      { class: 'notice' },
      this.#figure,
      this.#heading,
      this.#lines,
      steps.length > 0 && h('ol', { class: 'steps' }, ...steps),
      this.#progress,
      this.#countdown,
      notice.ways.length > 0 && h('div', { class: 'ways' }, ...notice.ways.map((way, index) => button(way, index, ways))),
      code !== null && h('p', { class: 'code' }, code),
    )
  }

  /** `retryAt` is a time of performance.now(). */
  update(notice: Notice, retryAt: number | null): void {
    show(this.#heading, notice.title)
    show(this.#figure, notice.figure ?? '')
    notice.lines.forEach((line, index) => show(this.#lines.children[index], line))
    this.#progress.hidden = !notice.busy
    clearInterval(this.#timer)
    const counted = notice.figure === null
    const count = () => {
      show(this.#countdown, retryAt === null || !counted ? '' : countdown(this.say, retryAt - performance.now()))
      if (retryAt === null || !this.element.isConnected) clearInterval(this.#timer)
    }
    this.#timer = window.setInterval(count, TICK_MS)
    count()
  }
}

function show(element: Element | undefined, text: string): void {
  if (element && element.textContent !== text) element.textContent = text
}

function button({ way, label }: Notice['ways'][number], index: number, { act, tab }: Ways): HTMLElement {
  const look = index === 0 && way !== 'leave' ? 'primary' : 'quiet'
  return way === 'open-tab'
    ? h('a', { class: look, href: tab, target: '_blank', rel: 'noopener', 'data-way': way }, label)
    : h('button', { type: 'button', class: look, 'data-way': way, onclick: () => act(way) }, label)
}
