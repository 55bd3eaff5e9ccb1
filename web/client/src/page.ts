/** The page as the shopper sees it: puts the parts together and shows a journey on them. */

import { fitLine, verdict } from './fit'
import { h } from './dom'
import { hintFor, HintGate } from './hints'
import { browserOf, noticeFor, type Notice, type Way } from './notices'
import { consentScreen } from './screens/consent'
import { NoticeCard } from './screens/notice'
import { Stage, type BodyShown } from './stage'
import { Strip } from './strip'
import { sayer, type Say, type Words } from './words'
import { idsOf, isGarment, type Kind, type Product, type Worn } from './worn'
import type { Fit, FromServer } from './control'
import type { Journey, Screen } from './journey'
import type { ConsentText } from './session'
import type { View } from './tryon'

export interface Controls {
  agree(): void
  retry(): void
  restart(): void
  leave(): void
  snapshot(): void
  choose(kind: Kind, id: string | null): void
  takeAllOff(): void
  body(on: boolean): void
  turn(yaw: number): void
  /** Absent where there is no page around the mirror that has a cart. */
  addToCart: (() => void) | null
}

/** What the page knows from the beginning. */
export interface About {
  shop: string
  /** Where it is told what is kept. */
  privacy: string
  /** Where clothes are tried on. */
  fittingRoom: string
  words: Words
}

/** Screens on which the mirror stays in sight, the words on a card over it. */
const IN_ROOM: ReadonlySet<Screen> = new Set(['connecting', 'live', 'queue', 'lost', 'paused'])
const NOTE_MS = 6000
const HINT_TICK_MS = 150
const ADDED_MS = 2500

export class Page implements View {
  readonly stage: Stage
  onRtt: (ms: number) => void = () => undefined
  readonly #sheet = h('div', { class: 'sheet' })
  readonly #note = h('p', { class: 'note', role: 'status', hidden: true })
  readonly #fitLine = h('p', { class: 'fit' })
  readonly #rail: HTMLElement
  readonly #room: HTMLElement
  readonly #gate = new HintGate()
  readonly #say: Say
  readonly #data: HTMLAnchorElement
  readonly #cart: HTMLButtonElement | null
  #strip: Strip | null = null
  #catalogue: readonly Product[] = []
  #consent: ConsentText | null = null
  #worn: Worn = {}
  #fit: Fit | null = null
  #screen: Screen | null = null
  #body: BodyShown = 'none'
  #card: NoticeCard | null = null

  constructor(
    private readonly main: HTMLElement,
    private readonly about: About,
    private readonly controls: Controls,
  ) {
    const say = (this.#say = sayer(about.words))
    this.stage = new Stage(say, controls)
    this.#rail = h('aside', { class: 'rail', 'aria-label': say('strip.name') })
    this.#cart = controls.addToCart && h('button', { type: 'button', class: 'primary cart', onclick: controls.addToCart }, say('cart.add'))
    const below = h('div', { class: 'below' }, this.#fitLine, this.#cart)
    this.#room = h('div', { class: 'room' }, h('div', { class: 'mirror' }, this.stage.element, below), this.#rail)
    this.#data = h('a', { class: 'data', href: about.privacy, target: '_blank', rel: 'noopener', hidden: true }, say('privacy.link'))
    const brand = h('span', { class: 'brand' }, about.shop || 'Vitrine')
    const bar = h('header', { class: 'bar' }, brand, h('span', { class: 'live-mark' }, say('bar.live')), this.#data)
    main.replaceChildren(bar, this.#note, this.#sheet, this.#room)
    setInterval(() => this.#hint(), HINT_TICK_MS)
  }

  show(journey: Journey): void {
    const { screen, retryInMs, code } = journey
    const arrived = screen !== this.#screen
    const entered = IN_ROOM.has(screen) && !(this.#screen && IN_ROOM.has(this.#screen))
    this.#screen = screen
    this.main.dataset['screen'] = screen
    this.main.toggleAttribute('data-room', IN_ROOM.has(screen))
    if (entered) this.#strip?.reveal(this.#worn)
    if (arrived && screen !== 'live') this.#gate.clear()
    this.stage.veil.hidden = screen === 'live' || !IN_ROOM.has(screen)
    const notice = noticeFor(this.#say, journey, { shop: this.about.shop, browser: browserOf(navigator.userAgent) })
    if (!notice || arrived) this.#card = null
    if (!notice) this.stage.veil.replaceChildren()
    if (screen === 'consent') this.#showConsent(journey.consentChanged)
    if (notice) {
      this.#card ??= this.#newCard(notice, screen, code)
      this.#card.update(notice, retryInMs === null || screen === 'connecting' ? null : performance.now() + retryInMs)
    }
    if (arrived && screen !== 'loading') this.main.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
  }

  stock(catalogue: readonly Product[], consent: ConsentText): void {
    this.#consent = consent
    if (catalogue === this.#catalogue) {
      if (this.#screen === 'consent') this.#showConsent(true)
      return
    }
    this.#catalogue = catalogue
    this.#strip = new Strip(this.#say, catalogue, this.controls.choose, this.controls.takeAllOff, catalogue.some(isGarment) ? this.about.fittingRoom : null)
    this.#rail.replaceChildren(this.#strip.element)
  }

  toFittingRoom(product: string): void {
    window.location.replace(`${this.about.fittingRoom}&wear=${product}`)
  }

  worn(worn: Worn, reveal: boolean): void {
    this.#worn = worn
    this.#fit = this.#fit && { ...this.#fit, frameWidthMm: null }
    this.main.dataset['worn'] = idsOf(worn).join(' ')
    this.#strip?.show(worn)
    if (this.#cart) this.#cart.disabled = idsOf(worn).length === 0
    if (reveal) this.#strip?.reveal(worn)
    this.#showFit()
  }

  preview(track: MediaStreamTrack | null): void {
    this.stage.preview(track)
  }

  returned(stream: MediaStream): Promise<void> {
    return this.stage.returned(stream)
  }

  clear(): void {
    this.stage.clear()
  }

  framesShown(): number {
    return this.stage.framesShown
  }

  connections(made: number): void {
    this.main.dataset['connections'] = String(made)
  }

  rtt(ms: number): void {
    this.main.dataset['rttMs'] = ms.toFixed(1)
    this.onRtt(ms)
  }

  body(shown: BodyShown): void {
    this.#body = shown
    this.#gate.clear()
    this.stage.body(shown)
  }

  message(message: FromServer): void {
    if (message.type === 'face') {
      this.main.dataset['face'] = message.state
      this.#gate.want(hintFor(this.about.words, message.state, message.hint), performance.now())
    }
    if (message.type === 'fit') {
      this.#fit = message.fit
      this.#showFit()
    }
  }

  note(text: string): void {
    this.#note.textContent = text
    this.#note.hidden = false
    setTimeout(() => (this.#note.hidden = true), NOTE_MS)
  }

  /** The link to what is kept of her opens it with what proves that it is hers. After '#', where no server sees it. */
  receipt(receipt: string): void {
    this.#data.href = `${this.about.privacy}#${receipt}`
    this.#data.hidden = false
  }

  added(): void {
    if (!this.#cart) return
    this.#cart.textContent = this.#say('cart.added')
    setTimeout(() => this.#cart && (this.#cart.textContent = this.#say('cart.add')), ADDED_MS)
  }

  /** Of her face nothing is said while her body is seen. */
  #hint(): void {
    if (this.#body === 'on' || this.#body === 'coming') return
    this.stage.hint(this.#screen === 'live' ? this.#gate.at(performance.now()) : null)
  }

  #newCard(notice: Notice, screen: Screen, code: string | null): NoticeCard {
    const inRoom = IN_ROOM.has(screen)
    const card = new NoticeCard(this.#say, notice, { act: (way) => this.#act(way), tab: tabAddress() }, inRoom ? null : code)
    this.#sheet.replaceChildren(...(inRoom ? [] : [card.element]))
    this.stage.veil.replaceChildren(...(inRoom ? [card.element] : []))
    return card
  }

  #showConsent(changed: boolean): void {
    if (!this.#consent) return
    const first = this.#catalogue.find(({ id }) => idsOf(this.#worn).includes(id)) ?? null
    const { agree, leave } = this.controls
    this.#sheet.replaceChildren(
      consentScreen(this.#say, { ...this.about, text: this.#consent, first, changed, agree, decline: leave }),
    )
  }

  #showFit(): void {
    const glasses = this.#catalogue.find(({ id }) => id === this.#worn.glasses)
    const line = glasses ? fitLine(this.#say, this.#fit, glasses.dimensions['frame_width_mm'] ?? null) : fitLine(this.#say, this.#fit, null)
    const opinion = glasses ? verdict(this.#say, this.#fit) : null
    this.#fitLine.replaceChildren(...(opinion ? [h('strong', {}, opinion), ' '] : []), line ?? '')
  }

  #act(way: Way): void {
    if (way === 'retry') this.controls.retry()
    if (way === 'restart') this.controls.restart()
    if (way === 'leave') this.controls.leave()
    if (way === 'reload') window.location.reload()
  }
}

function tabAddress(): string {
  const address = new URL(window.location.href)
  address.searchParams.delete('embed')
  const local = address.hostname === 'localhost'
  if (address.protocol === 'http:' && !local) address.protocol = 'https:'
  return address.href
}
