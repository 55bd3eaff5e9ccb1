/** The products: glasses and hats, one of each at a time. Native radio buttons, so that arrow keys try things on. */

import { h, icon } from './dom'
import { engraving, hatSize } from './fit'
import type { Key, Say } from './words'
import { KINDS, type Kind, type Product, type Worn } from './worn'

const NAMES: Record<Kind, { title: Key; none: Key }> = {
  glasses: { title: 'strip.glasses', none: 'strip.no-glasses' },
  hat: { title: 'strip.hat', none: 'strip.no-hat' },
}

export class Strip {
  readonly element = h('div', { class: 'strip' })
  readonly #tabs = new Map<Kind, HTMLButtonElement>()
  readonly #groups = new Map<Kind, HTMLFieldSetElement>()
  readonly #allOff: HTMLButtonElement

  constructor(
    private readonly say: Say,
    catalogue: readonly Product[],
    private readonly choose: (kind: Kind, id: string | null) => void,
    allOff: () => void,
    /** Where clothes are tried on, if the shop has some: not in the mirror. */
    clothes: string | null,
  ) {
    const kinds = KINDS.filter((kind) => catalogue.some((product) => product.kind === kind))
    for (const kind of kinds) {
      this.#tabs.set(kind, this.#tab(kind))
      this.#groups.set(kind, this.#group(kind, catalogue.filter((product) => product.kind === kind)))
    }
    this.#allOff = h('button', { type: 'button', class: 'quiet all-off', onclick: allOff }, say('strip.all-off'))
    const link = (name: string): HTMLElement | '' => (clothes === null ? '' : h('a', { class: name, href: clothes }, say('strip.clothes')))
    const bar = h('div', { class: 'strip-bar' }, h('div', { class: 'tabs' }, ...this.#tabs.values(), link('tab')), this.#allOff)
    this.element.append(bar, ...this.#groups.values(), link('quiet clothes'))
    if (kinds[0]) this.#open(kinds[0])
  }

  show(worn: Worn): void {
    for (const [kind, group] of this.#groups) {
      const id = worn[kind] ?? ''
      for (const input of group.querySelectorAll('input')) input.checked = input.value === id
      this.#tabs.get(kind)?.toggleAttribute('data-worn', id !== '')
    }
    this.#allOff.disabled = Object.keys(worn).length === 0
  }

  /** Brings what is worn into view, without moving the page. */
  reveal(worn: Worn): void {
    const kind = KINDS.findLast((one) => worn[one] !== undefined)
    if (!kind) return
    this.#open(kind)
    const group = this.#groups.get(kind)
    const chosen = group?.querySelector('input:checked')?.closest('label')
    const rail = group?.querySelector<HTMLElement>('.tiles')
    if (chosen && rail) rail.scrollLeft = chosen.offsetLeft - (rail.clientWidth - chosen.clientWidth) / 2
  }

  #open(kind: Kind): void {
    for (const [one, tab] of this.#tabs) tab.setAttribute('aria-pressed', String(one === kind))
    for (const [one, group] of this.#groups) group.toggleAttribute('data-open', one === kind)
  }

  #tab(kind: Kind): HTMLButtonElement {
    return h('button', { type: 'button', class: 'tab', onclick: () => this.#open(kind) }, this.say(NAMES[kind].title))
  }

  #group(kind: Kind, products: readonly Product[]): HTMLFieldSetElement {
    const none = this.#tile(kind, null, h('span', { class: 'plate bare' }, icon('none')), this.say(NAMES[kind].none), null)
    const tiles = products.map((product) => {
      const picture = product.thumbnail
        ? h('img', { src: product.thumbnail, alt: '', loading: 'lazy', decoding: 'async', draggable: 'false' })
        : null
      return this.#tile(kind, product.id, h('span', { class: 'plate' }, picture), product.name, sizeOf(this.say, product))
    })
    const legend = h('legend', {}, this.say(NAMES[kind].title), ' ', h('span', { class: 'count' }, String(products.length)))
    return h('fieldset', { class: 'group', 'data-kind': kind }, legend, h('div', { class: 'tiles' }, none, ...tiles))
  }

  #tile(kind: Kind, id: string | null, plate: HTMLElement, name: string, size: HTMLElement | null): HTMLLabelElement {
    const input = h('input', {
      type: 'radio',
      name: `wear-${kind}`,
      value: id ?? '',
      checked: id === null,
      onchange: () => this.choose(kind, id),
    })
    const label = h('label', { class: 'tile', 'data-product': id ?? '' }, input, plate, h('span', { class: 'name' }, name), size)
    return label
  }
}

function sizeOf(say: Say, { kind, dimensions }: Product): HTMLElement | null {
  const marks = kind === 'glasses' ? engraving(dimensions) : null
  if (marks) {
    const { lensMm, bridgeMm, templeMm } = marks
    const spoken = say('strip.sizes', { lens: lensMm, bridge: bridgeMm, temple: templeMm })
    const box = h('span', { class: 'boxing' })
    const engraved = h('span', { 'aria-hidden': 'true' }, String(lensMm), box, `${bridgeMm}–${templeMm}`)
    return h('span', { class: 'size' }, engraved, h('span', { class: 'spoken' }, spoken))
  }
  const size = hatSize(dimensions)
  return size === null ? null : h('span', { class: 'size' }, size)
}
