/** The shop's clothes to choose from: native check boxes, so that keys put things on too. */

import { h } from '../dom'
import type { Garment, Outfit } from './wardrobe'
import type { Say } from './words'

export class Rack {
  readonly element: HTMLElement
  readonly #inputs = new Map<string, HTMLInputElement>()

  constructor(say: Say, garments: readonly Garment[], toggle: (garment: Garment, on: boolean) => void) {
    const tiles = garments.map((garment) => {
      const input = h('input', { type: 'checkbox', name: 'wear-garment', value: garment.id })
      input.onchange = () => toggle(garment, input.checked)
      this.#inputs.set(garment.id, input)
      const picture = garment.thumbnail && h('img', { src: garment.thumbnail, alt: '', loading: 'lazy', decoding: 'async', draggable: 'false' })
      const sizes = garment.sizes.length > 1 ? `${garment.sizes[0]}–${garment.sizes.at(-1)}` : (garment.sizes[0] ?? '')
      return h('label', { class: 'piece' }, input, h('span', { class: 'plate' }, picture), h('span', { class: 'name' }, garment.name), h('span', { class: 'size' }, sizes))
    })
    this.element = h('div', { class: 'rack', role: 'group', 'aria-label': say('clothes.title') }, ...tiles)
  }

  show(outfit: Outfit): void {
    for (const [id, input] of this.#inputs) input.checked = outfit.some(({ garment }) => garment.id === id)
  }
}
