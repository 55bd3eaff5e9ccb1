/** The consent: what happens with the picture, in plain words, before the camera opens. */

import { h } from '../dom'
import type { ConsentText } from '../session'
import type { Say } from '../words'
import type { Product } from '../worn'

export interface ConsentFacts {
  shop: string
  text: ConsentText
  /** What will be worn first; the picture beside the text. */
  first: Product | null
  changed: boolean
  /** Where all of it is told in full. */
  privacy: string
  agree(): void
  decline(): void
}

export function consentScreen(say: Say, facts: ConsentFacts): HTMLElement {
  const { shop, text, first, changed, privacy, agree, decline } = facts
  const heading = h('h1', { tabindex: '-1' }, say(first ? 'consent.heading-product' : 'consent.heading'))
  const lead = first ? say('consent.lead-product', { product: first.name, shop }) : say('consent.lead', { shop })
  const picture = first?.thumbnail
    ? h('figure', { class: 'hero', 'data-kind': first.kind }, h('img', { src: first.thumbnail, alt: first.name, width: '512', height: '512' }))
    : null
  const terms = h(
    'section',
    { class: 'terms', 'aria-labelledby': 'terms-title' },
    h('h2', { id: 'terms-title' }, text.title),
    changed && h('p', { class: 'changed', role: 'alert' }, say('consent.changed')),
    ...text.paragraphs.map((paragraph) => h('p', {}, paragraph)),
    h('p', {}, h('a', { href: privacy, target: '_blank', rel: 'noopener' }, say('consent.privacy'))),
  )
  const ways = h(
    'div',
    { class: 'ways' },
    h('button', { type: 'button', class: 'primary', 'data-way': 'agree', onclick: agree }, say('consent.agree')),
    h('button', { type: 'button', class: 'quiet', 'data-way': 'decline', onclick: decline }, say('consent.decline')),
  )
  const words = h('div', { class: 'consent-words' }, h('div', { class: 'lead' }, heading, h('p', {}, lead)), terms, ways)
  return h('section', { class: 'consent' }, picture, words)
}
