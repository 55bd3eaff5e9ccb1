/** Trying on: what is worn in which size, the fit of it, two sizes beside each other. The newest wish wins. */

import { h } from '../dom'
import { card } from './sizes'
import { Rack } from './rack'
import { canTuck, inSize, putOn, takeOff, wearOf, type Chosen, type Garment, type Outfit } from './wardrobe'
import type { Avatar, Dressed, Fit, FittingRoom } from './api'
import type { KeptBody } from '../kept'
import type { Plate } from './plate'
import type { Say } from './words'

export interface Surroundings {
  say: Say
  language: string
  room: FittingRoom
  plate: Plate
  /** A refusal in words. */
  explain(error: unknown): string
  /** Told what is on, whenever it changed. */
  wears(body: KeptBody): void
}

export class Dressing {
  readonly element: HTMLElement
  readonly #rack: Rack
  readonly #cards = h('div', { class: 'cards' })
  readonly #wrong = h('p', { class: 'wrong', role: 'alert', hidden: true })
  readonly #fits = new Map<string, Fit>()
  #outfit: Outfit = []
  #beside: { id: string; size: string } | null = null
  #tucked = false
  #held = false
  #wish = 0
  #disposed = false

  constructor(
    private readonly around: Surroundings,
    private avatar: Avatar,
    private readonly garments: readonly Garment[],
  ) {
    const { say } = around
    this.#rack = new Rack(say, garments, (garment, on) => this.#toggle(garment, on))
    this.element = h('div', { class: 'dressing' }, this.#rack.element, this.#wrong, this.#cards)
    this.#lay()
  }

  /** What is on, for the mirror. */
  get worn(): KeptBody {
    const wear = this.#outfit.map(({ garment, size }) => ({ product: garment.id, size }))
    return { avatar: this.avatar.id, wear, tucked: this.#tucked && canTuck(this.#outfit) }
  }

  /** Puts on what was worn before, and what the page was opened for. */
  start(garment: Garment | null, before: KeptBody | null): Promise<void> {
    for (const { product, size } of before?.wear ?? []) {
      const known = this.garments.find(({ id, sizes }) => id === product && (size === null || sizes.includes(size)))
      if (!known) continue
      this.#outfit = putOn(this.#outfit, known)
      if (size !== null) this.#outfit = inSize(this.#outfit, product, size)
    }
    this.#tucked = before?.tucked ?? false
    if (garment) this.#outfit = putOn(this.#outfit, garment)
    return this.#show()
  }

  /** Until the body is made anew, wishes wait. */
  hold(): void {
    this.#held = true
  }

  /** The same clothes on the body as it is now; what was recommended for another shape need not be so for this one. */
  renew(avatar: Avatar, reshaped: boolean): Promise<void> {
    this.avatar = avatar
    this.#held = false
    if (reshaped) {
      this.#fits.clear()
      this.#outfit = this.#outfit.map(({ garment }) => ({ garment, size: null }))
      this.#beside = null
    }
    return this.#show()
  }

  /** What was asked for before says nothing any more: the body may be erased. */
  dispose(): void {
    this.#disposed = true
    this.#wish++
  }

  #toggle(garment: Garment, on: boolean): void {
    this.#outfit = on ? putOn(this.#outfit, garment) : takeOff(this.#outfit, garment.id)
    if (!this.#outfit.some(({ garment: { id } }) => id === this.#beside?.id)) this.#beside = null
    void this.#show()
  }

  #resize(id: string, size: string): void {
    this.#outfit = inSize(this.#outfit, id, size)
    if (this.#beside?.id === id && this.#beside.size === size) this.#beside = null
    void this.#show()
  }

  #compare(id: string, size: string | null): void {
    this.#beside = size === null ? null : { id, size }
    void this.#show()
  }

  /** Asks for what is wished, and shows it unless something else was wished meanwhile. */
  async #show(): Promise<void> {
    if (this.#disposed) return
    const wish = ++this.#wish
    const { plate, explain } = this.around
    this.#wrong.hidden = true
    this.#lay()
    if (this.#held) return
    try {
      const [one, two] = await Promise.all([this.#dressed(this.#outfit), this.#dressed(this.#other())])
      if (wish !== this.#wish) return
      for (const { product, size } of one?.garments ?? []) this.#outfit = inSize(this.#outfit, product, size)
      this.#lay()
      const files = this.avatar.files
      if (!files) return
      void this.#learn(wish)
      await plate.show({ body: files.body, garment: one?.files.garment ?? null, beside: two?.files.garment ?? null, picture: one?.files.picture ?? files.thumbnail })
      if (wish !== this.#wish) return
      plate.name(...this.#names())
      this.around.wears(this.worn)
    } catch (error) {
      if (wish !== this.#wish) return
      this.#wrong.textContent = explain(error)
      this.#wrong.hidden = false
    }
  }

  #dressed(outfit: Outfit | null): Promise<Dressed | null> {
    if (!outfit || outfit.length === 0) return Promise.resolve(null)
    return this.around.room.outfit(this.avatar, wearOf(outfit), this.#tucked && canTuck(outfit))
  }

  #other(): Outfit | null {
    return this.#beside && inSize(this.#outfit, this.#beside.id, this.#beside.size)
  }

  /** Of the two sizes that stand beside each other. */
  #names(): string[] {
    const compared = this.#outfit.find(({ garment }) => garment.id === this.#beside?.id)
    return compared && this.#beside ? [compared.size ?? '', this.#beside.size] : []
  }

  /** How each thing fits, fetched once for a body. */
  async #learn(wish: number): Promise<void> {
    const { room, language } = this.around
    const unknown = this.#outfit.filter(({ garment }) => !this.#fits.has(garment.id))
    const avatar = this.avatar
    for (const fit of await Promise.all(unknown.map(({ garment }) => room.fit(avatar, garment.id, language))))
      if (avatar === this.avatar) this.#fits.set(fit.product, fit)
    if (wish === this.#wish) this.#lay()
  }

  /** Puts the cards down anew; a key's focus stays where it was. */
  #lay(): void {
    const { say, plate } = this.around
    if (!this.#beside) plate.name()
    const held = document.activeElement
    const focus = held instanceof HTMLInputElement && this.#cards.contains(held) ? [held.name, held.value] : null
    const way = held instanceof HTMLElement && this.#cards.contains(held) ? held.dataset['way'] : undefined
    this.#rack.show(this.#outfit)
    const tuck = canTuck(this.#outfit) && this.#tuck()
    const empty = this.#outfit.length === 0 && h('p', { class: 'empty' }, say('clothes.none-on'))
    this.#cards.replaceChildren(...[empty, tuck].filter((item) => item !== false), ...this.#outfit.toReversed().map((chosen) => this.#card(chosen)))
    if (focus) this.#cards.querySelector<HTMLElement>(`input[name="${focus[0]}"][value="${CSS.escape(focus[1] ?? '')}"]`)?.focus()
    else if (way) this.#cards.querySelector<HTMLElement>(`[data-way="${way}"]`)?.focus()
    const fits = this.#outfit.map(({ garment }) => this.#fits.get(garment.id)).find((fit) => fit !== undefined)
    plate.colours(this.#outfit.length > 0 && fits ? fits.colours : null)
  }

  #card({ garment, size }: Chosen): HTMLElement {
    const beside = this.#beside?.id === garment.id ? this.#beside.size : null
    return card(this.around.say, { garment, size, beside, fit: this.#fits.get(garment.id) ?? null }, {
      size: (wanted) => this.#resize(garment.id, wanted),
      beside: (wanted) => this.#compare(garment.id, wanted),
      off: () => this.#toggle(garment, false),
    })
  }

  #tuck(): HTMLElement {
    const input = h('input', { type: 'checkbox', name: 'tucked', checked: this.#tucked })
    input.onchange = () => {
      this.#tucked = input.checked
      void this.#show()
    }
    return h('label', { class: 'switch' }, input, h('span', {}, this.around.say('clothes.tucked')))
  }
}
