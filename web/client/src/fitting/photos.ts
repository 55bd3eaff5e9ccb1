/** The form: how to stand, the two photos, and what the shopper says of herself. It keeps what was said for another try. */

import { h } from '../dom'
import { takePhotos, type View } from './camera'
import { silhouette } from './silhouette'
import { NEUTRAL } from './skin'
import type { Photos } from './api'
import type { Say } from './words'

/** What came of the last try: in words, and which photo it was about. */
export interface Wrong {
  words: string
  view: View | null
}

export class PhotosScreen {
  readonly element: HTMLFormElement
  readonly #slots: Record<View, Slot>
  readonly #says = h('p', { class: 'wrong', role: 'alert', hidden: true })

  constructor(
    private readonly say: Say,
    private readonly send: (photos: Photos) => void,
  ) {
    this.#slots = { front: this.#slot('front'), side: this.#slot('side') }
    const { front, side } = this.#slots
    const skin = h('input', { type: 'checkbox', name: 'skin', value: 'photo' })
    this.element = h(
      'form',
      { class: 'photos', novalidate: true },
      h('h1', { tabindex: '-1' }, say('photos.heading')),
      h('ol', { class: 'tips' }, ...(['clothes', 'arms', 'camera'] as const).map((tip) => h('li', {}, say(`photos.tip-${tip}`)))),
      this.#says,
      h('div', { class: 'slots' }, front.element, side.element),
      h(
        'div',
        { class: 'stated' },
        field(say('photos.height'), 'cm', { name: 'height_cm', min: '120', max: '220', required: true }),
        field(say('photos.weight'), 'kg', { name: 'weight_kg', min: '30', max: '250' }),
        choice(say('photos.shape'), 'sex', (['female', 'male', 'neutral'] as const).map((value) => [value, say(`photos.${value}`)])),
        choice(say('photos.clothes'), 'clothing', (['tight', 'everyday'] as const).map((value) => [value, say(`photos.${value}`)])),
      ),
      h('label', { class: 'switch' }, skin, h('span', {}, say('photos.skin'))),
      h('div', { class: 'ways' }, h('button', { type: 'submit', class: 'primary', 'data-way': 'send' }, say('photos.send'))),
    )
    this.element.onsubmit = (event) => {
      event.preventDefault()
      this.#submit()
    }
  }

  /** What was wrong with the last try: in words, and at the photo to take again. */
  blame(wrong: Wrong | null): void {
    this.#says.hidden = wrong === null
    this.#says.textContent = wrong?.words ?? null
    for (const [view, slot] of Object.entries(this.#slots)) slot.blame(wrong?.view === view)
  }

  #slot(view: View): Slot {
    return new Slot(this.say, view, () => void this.#shoot(view))
  }

  #submit(): void {
    const said = new FormData(this.element)
    const text = (name: string): string => String(said.get(name) ?? '').replace(',', '.').trim()
    const { front, side } = this.#slots
    if (!front.photo || !this.element.checkValidity()) {
      this.blame({ words: this.say('photos.needs'), view: front.photo ? null : 'front' })
      if (front.photo) this.element.reportValidity()
      else this.#says.scrollIntoView({ block: 'center' })
      return
    }
    const stated = { heightCm: text('height_cm'), weightKg: text('weight_kg'), sex: text('sex'), clothing: text('clothing') }
    this.send({ front: front.photo, side: side.photo, ...stated, skin: text('skin') || NEUTRAL })
  }

  /** From the front one goes on to the side, if that is not there yet. */
  async #shoot(view: View): Promise<void> {
    const views: View[] = view === 'front' && !this.#slots.side.photo ? ['front', 'side'] : [view]
    try {
      await takePhotos(this.say, views, (taken, photo) => this.#slots[taken].show(photo))
    } catch {
      this.#slots[view].refuse(this.say('camera.refused'))
    }
  }
}

/** A place for one photo: an outline until there is one. */
class Slot {
  photo: Blob | null = null
  readonly element: HTMLElement
  readonly #plate = h('div', { class: 'slot-plate' })
  readonly #says = h('p', { class: 'wrong', role: 'alert', hidden: true })
  readonly #shoot: HTMLButtonElement

  constructor(
    private readonly say: Say,
    private readonly view: View,
    shoot: () => void,
  ) {
    const choose = h('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp,image/heic,image/heif', class: 'spoken', name: view })
    choose.onchange = () => choose.files?.[0] && this.show(choose.files[0])
    const label = h('label', { class: 'quiet' }, h('span', {}, say('photos.choose')), choose)
    this.#shoot = h('button', { type: 'button', class: 'quiet', 'data-way': `camera-${view}`, onclick: shoot }, say('photos.camera'))
    const why = view === 'side' && h('p', { class: 'small' }, say('photos.side-why'))
    this.#plate.append(silhouette(view))
    const head = h('header', {}, h('h2', {}, say(`photos.${view}`)), why)
    this.element = h('section', { class: 'slot', 'data-view': view }, head, this.#plate, h('div', { class: 'ways' }, this.#shoot, label), this.#says)
  }

  blame(on: boolean): void {
    this.element.toggleAttribute('data-wrong', on)
    if (this.photo) this.#shoot.textContent = this.say(on ? 'photos.retake' : 'photos.again')
  }

  refuse(words: string): void {
    this.#says.hidden = false
    this.#says.textContent = words
  }

  show(photo: Blob): void {
    this.photo = photo
    this.#says.hidden = true
    const url = URL.createObjectURL(photo)
    const picture = h('img', { src: url, alt: this.say(`photos.${this.view}`) })
    picture.onload = () => URL.revokeObjectURL(url)
    this.#plate.replaceChildren(picture)
    // A HEIC photo is none that every browser can show; the server opens it.
    picture.onerror = () => this.#plate.replaceChildren(silhouette(this.view), h('p', { class: 'small' }, this.say('photos.there')))
    this.element.classList.add('has-photo')
    this.blame(false)
  }
}

function field(label: string, unit: string, attributes: Record<string, string | boolean>): HTMLElement {
  const input = h('input', { type: 'number', inputmode: 'decimal', step: '0.1', autocomplete: 'off', ...attributes })
  return h('label', { class: 'field' }, h('span', {}, label), h('span', { class: 'with-unit' }, input, h('i', { 'aria-hidden': 'true' }, unit)))
}

function choice(label: string, name: string, values: [string, string][]): HTMLElement {
  const choices = values.map(([value, says]) => h('label', {}, h('input', { type: 'radio', name, value }), h('span', {}, says)))
  return h('fieldset', { class: 'choice' }, h('legend', {}, label), h('div', {}, ...choices))
}
