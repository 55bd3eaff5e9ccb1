/** A notice as an element: a whole sheet, or a card over the mirror. */

import { h } from '../dom'
import { countdown, type Notice, type Way } from '../notices'

const TICK_MS = 500

export interface Ways {
  act(way: Way): void
  /** Where the mirror can be opened in a tab of its own. */
  tab: string
}

/** `retryAt` is a time of performance.now(); the code is for the shop's support, small print at the foot. */
export function noticeElement(notice: Notice, { act, tab }: Ways, retryAt: number | null, code: string | null): HTMLElement {
  const heading = h('h1', { tabindex: '-1' }, notice.title)
  const figure = notice.figure === null ? null : h('p', { class: 'figure', 'aria-hidden': 'true' }, notice.figure)
  const progress = notice.busy ? h('span', { class: 'progress', 'aria-hidden': 'true' }) : null
  const steps = notice.steps.length === 0 ? null : h('ol', { class: 'steps' }, ...notice.steps.map((step) => h('li', {}, step)))
  const ways = notice.ways.map(({ way, label }, index) => {
    const look = index === 0 && way !== 'leave' ? 'primary' : 'quiet'
    return way === 'open-tab'
      ? h('a', { class: look, href: tab, target: '_blank', rel: 'noopener', 'data-way': way }, label)
      : h('button', { type: 'button', class: look, 'data-way': way, onclick: () => act(way) }, label)
  })
  const element = h(
    'section',
    { class: 'notice' },
    figure,
    heading,
    ...notice.lines.map((line) => h('p', {}, line)),
    steps,
    progress,
    retryAt !== null && notice.figure === null && counter(retryAt),
    ways.length > 0 && h('div', { class: 'ways' }, ...ways),
    code !== null && h('p', { class: 'code' }, code),
  )
  return element
}

function counter(retryAt: number): HTMLElement {
  const element = h('p', { class: 'countdown' })
  const count = () => {
    element.textContent = countdown(retryAt - performance.now())
    if (!element.isConnected && timer !== 0) clearInterval(timer)
  }
  let timer = 0
  count()
  timer = window.setInterval(count, TICK_MS)
  return element
}
