/** The consent: what happens with the picture, in plain words, before the camera opens. */

import { h } from '../dom'
import type { ConsentText } from '../session'
import type { Product } from '../worn'

export interface ConsentFacts {
  shop: string
  text: ConsentText
  /** What will be worn first; the picture beside the text. */
  first: Product | null
  changed: boolean
  agree(): void
  decline(): void
}

export function consentScreen({ shop, text, first, changed, agree, decline }: ConsentFacts): HTMLElement {
  const heading = h('h1', { tabindex: '-1' }, first ? 'See it on your own face' : 'See it on yourself')
  const lead = first
    ? `${first.name} by ${shop}, in its true size, live in your camera’s picture.`
    : `${shop}, in true size, live in your camera’s picture.`
  const picture = first?.thumbnail
    ? h('figure', { class: 'hero', 'data-kind': first.kind }, h('img', { src: first.thumbnail, alt: first.name, width: '512', height: '512' }))
    : null
  const terms = h(
    'section',
    { class: 'terms', 'aria-labelledby': 'terms-title' },
    h('h2', { id: 'terms-title' }, text.title),
    changed && h('p', { class: 'changed', role: 'alert' }, 'This text has changed. Please read it again.'),
    ...text.paragraphs.map((paragraph) => h('p', {}, paragraph)),
  )
  const ways = h(
    'div',
    { class: 'ways' },
    h('button', { type: 'button', class: 'primary', 'data-way': 'agree', onclick: agree }, 'I agree, open my camera'),
    h('button', { type: 'button', class: 'quiet', 'data-way': 'decline', onclick: decline }, 'Not now'),
  )
  const words = h('div', { class: 'consent-words' }, h('div', { class: 'lead' }, heading, h('p', {}, lead)), terms, ways)
  return h('section', { class: 'consent' }, picture, words)
}
