/** The form: how to stand, the two photos, and what the shopper says of herself. */

import { h } from '../dom'
import { takePhoto } from './camera'
import { silhouette } from './silhouette'
import type { Photos } from './api'
import type { Say } from './words'

type View = 'front' | 'side'

export function photosScreen(say: Say, send: (photos: Photos) => void, wrong: string | null): HTMLElement {
  const front = new Slot(say, 'front')
  const side = new Slot(say, 'side')
  const height = field(say('photos.height'), { name: 'height_cm', min: '120', max: '220', required: true })
  const weight = field(say('photos.weight'), { name: 'weight_kg', min: '30', max: '250' })
  const sex = choice(say('photos.shape'), 'sex', [
    ['female', say('photos.female')],
    ['male', say('photos.male')],
    ['neutral', say('photos.neutral')],
  ])
  const clothing = choice(say('photos.clothes'), 'clothing', [
    ['tight', say('photos.tight')],
    ['everyday', say('photos.everyday')],
  ])
  const says = h('p', { class: 'wrong', role: 'alert', hidden: wrong === null }, wrong)
  const form = h(
    'form',
    { class: 'photos', novalidate: true },
    h('h1', { tabindex: '-1' }, say('photos.heading')),
    h('ol', { class: 'tips' }, ...(['clothes', 'arms', 'camera'] as const).map((tip) => h('li', {}, say(`photos.tip-${tip}`)))),
    h('div', { class: 'slots' }, front.element, side.element),
    h('div', { class: 'stated' }, height, weight, sex, clothing),
    says,
    h('div', { class: 'ways' }, h('button', { type: 'submit', class: 'primary', 'data-way': 'send' }, say('photos.send'))),
  )
  form.onsubmit = (event) => {
    event.preventDefault()
    const said = new FormData(form)
    const text = (name: string): string => String(said.get(name) ?? '').replace(',', '.').trim()
    if (!front.photo || !form.checkValidity()) {
      says.hidden = false
      says.textContent = say('photos.needs')
      if (front.photo) form.reportValidity()
      return
    }
    const stated = { heightCm: text('height_cm'), weightKg: text('weight_kg'), sex: text('sex'), clothing: text('clothing') }
    send({ front: front.photo, side: side.photo, ...stated })
  }
  return form
}

/** A place for one photo: an outline until there is one. */
class Slot {
  photo: Blob | null = null
  readonly element: HTMLElement
  readonly #plate = h('div', { class: 'slot-plate' })
  readonly #says = h('p', { class: 'wrong', role: 'alert', hidden: true })

  constructor(
    private readonly say: Say,
    private readonly view: View,
  ) {
    const choose = h('input', { type: 'file', accept: 'image/jpeg,image/png,image/webp,image/heic,image/heif', class: 'spoken', name: view })
    choose.onchange = () => choose.files?.[0] && this.#show(choose.files[0])
    const label = h('label', { class: 'quiet' }, say('photos.choose'), choose)
    const camera = h('button', { type: 'button', class: 'quiet', onclick: () => void this.#shoot() }, say('photos.camera'))
    const why = view === 'side' && h('p', { class: 'small' }, say('photos.side-why'))
    this.#plate.append(silhouette(view))
    this.element = h(
      'section',
      { class: 'slot', 'data-view': view },
      h('h2', {}, say(`photos.${view}`)),
      this.#plate,
      why,
      h('div', { class: 'ways' }, camera, label),
      this.#says,
    )
  }

  async #shoot(): Promise<void> {
    try {
      const photo = await takePhoto(this.say, this.view)
      if (photo) this.#show(photo)
    } catch {
      this.#says.hidden = false
      this.#says.textContent = this.say('camera.refused')
    }
  }

  #show(photo: Blob): void {
    this.photo = photo
    this.#says.hidden = true
    const url = URL.createObjectURL(photo)
    const picture = h('img', { src: url, alt: this.say(`photos.${this.view}`) })
    picture.onload = () => URL.revokeObjectURL(url)
    this.#plate.replaceChildren(picture)
    // A HEIC photo is none that every browser can show; the server opens it.
    picture.onerror = () => this.#plate.replaceChildren(silhouette(this.view))
    this.element.classList.add('has-photo')
  }
}

function field(label: string, attributes: Record<string, string | boolean>): HTMLElement {
  const input = h('input', { type: 'number', inputmode: 'decimal', step: '0.1', autocomplete: 'off', ...attributes })
  return h('label', { class: 'field' }, h('span', {}, label), input)
}

function choice(label: string, name: string, values: [string, string][]): HTMLElement {
  const choices = values.map(([value, says]) => h('label', {}, h('input', { type: 'radio', name, value }), h('span', {}, says)))
  return h('fieldset', { class: 'choice' }, h('legend', {}, label), h('div', {}, ...choices))
}
