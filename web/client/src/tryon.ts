/** Makes the journey happen: consent, visit, camera, connection, and all of it again when something breaks. */

import { openCamera, whenAllowed, type CameraTrouble } from './camera'
import type { Connection } from './connection'
import type { FromServer, ToServer } from './control'
import { next, START, type Event, type Journey, type Screen } from './journey'
import { Line } from './line'
import { consentIn, Problem, Unreachable, visitOver, type ConsentText, type Deed, type Shop, type Visit } from './session'
import type { Say } from './words'
import { WaitingLine } from './waiting'
import { visitOf, type Tab } from './kept'
import type { BodyShown } from './stage'
import { firstWorn, idsOf, isGarment, isWearable, put, wornFrom, type Kind, type Product, type Worn } from './worn'

/** What the page shows of a try-on. */
export interface View {
  show(journey: Journey): void
  stock(catalogue: readonly Product[], consent: ConsentText): void
  /** To where clothes are tried on. */
  toFittingRoom(product: string): void
  worn(worn: Worn, reveal: boolean): void
  preview(track: MediaStreamTrack | null): void
  /** Resolves at the first frame. */
  returned(stream: MediaStream): Promise<void>
  clear(): void
  message(message: FromServer): void
  /** Whether her body is seen. */
  body(shown: BodyShown): void
  connections(made: number): void
  note(text: string): void
  /** What speaks for this visit from now on. */
  receipt(receipt: string): void
  framesShown(): number
  rtt(ms: number): void
}

/** What the server says when a body cannot be shown. */
const NO_BODY: ReadonlySet<string> = new Set([
  'unknown-avatar', 'avatar-not-ready', 'avatar-not-available', 'unknown-product', 'unknown-size', 'wear-invalid', 'garment-unwearable', 'unavailable',
])

/** The camera is let go on every other screen. */
const CAMERA_ON: ReadonlySet<Screen> = new Set(['asking-camera', 'connecting', 'live', 'queue', 'lost'])

export class TryOn {
  #journey: Journey = START
  #catalogue: readonly Product[] = []
  #consent: ConsentText | null = null
  #agreedTo: ConsentText | null = null
  #visit: Visit | null = null
  #camera: MediaStreamTrack | null = null
  #worn: Worn = {}
  /** What the server last said is on; the page shows a wish at once and goes back to this if it is refused. */
  #confirmed: Worn = {}
  #turn = 0
  /** Where her body is turned, while it is to be seen. */
  #yaw: number | null = null
  /** That wish has come true. */
  #bodySeen = false
  #retryTimer = 0
  readonly #line: Line
  readonly #waiting: WaitingLine

  constructor(
    private readonly say: Say,
    private readonly shop: Shop,
    private product: string | null,
    private readonly view: View,
    private readonly tab: Tab,
  ) {
    this.#line = new Line(shop, {
      returned: (stream) => view.returned(stream),
      connections: (made) => view.connections(made),
      framesShown: () => view.framesShown(),
      rtt: (ms) => view.rtt(ms),
      onLive: () => this.#dispatch({ type: 'picture' }),
      greeting: () => [{ type: 'wear', products: idsOf(this.#worn) }, ...this.#bodyWish()],
      onMessage: (message) => this.#onMessage(message),
      onDropped: (code) => this.#onDropped(code),
    })
    this.#waiting = new WaitingLine(shop, {
      onPlace: (members) => this.#dispatch({ type: 'placed', members }),
      onTurn: () => this.retry(),
      onGone: () => this.#dispatch({ type: 'line-lost' }),
    })
  }

  get connection(): Connection | null {
    return this.#line.connection
  }

  get products(): readonly Product[] {
    const ids = new Set(idsOf(this.#worn))
    return this.#catalogue.filter(({ id }) => ids.has(id))
  }

  start(): void {
    void this.#proceed()
  }

  refuse(trouble: CameraTrouble): void {
    this.#dispatch({ type: 'camera-failed', trouble })
  }

  agree(): void {
    this.#agreedTo = this.#consent
    this.#dispatch({ type: 'agreed' })
    void this.#proceed()
  }

  retry(): void {
    this.#dispatch({ type: 'retrying' })
    void this.#proceed()
  }

  /** The network is back: what is waiting for its next try need not wait. */
  nudge(): void {
    if (this.#journey.retryInMs !== null) this.retry()
  }

  restart(): void {
    this.#forget()
    this.#dispatch({ type: 'ready' })
  }

  leave(): void {
    this.#forget()
    this.#dispatch({ type: 'left' })
  }

  away(): void {
    if (this.#journey.screen !== 'live') return
    this.#hangUp()
    this.#dispatch({ type: 'away' })
  }

  /** The page is going: nothing that waits for an answer. */
  close(): void {
    this.#line.end()
  }

  wear(kind: Kind, id: string | null): void {
    this.#wear(put(this.#worn, kind, id), false)
  }

  /** What the page around the frame asks for. */
  wearProduct(id: string): void {
    const product = this.#catalogue.find((one) => one.id === id)
    if (product && isWearable(product)) this.#wear(put(this.#worn, product.kind, id), true)
  }

  /** Tells the shop's sums of the day what she did with what she wears, or with what is named. */
  report(kind: Deed['kind'], products: string[] = idsOf(this.#worn)): void {
    const known = products.filter((id) => this.#catalogue.some((product) => product.id === id))
    if (this.#visit) void this.shop.report(this.#visit, { kind, products: known })
  }

  /** Her body in the picture's place, in what it wore in the fitting room; or herself again. */
  showBody(on: boolean): void {
    this.#yaw = on ? 0 : null
    this.#bodySeen = false
    if (on) for (const wish of this.#bodyWish()) this.#line.send(wish)
    else this.#line.send({ type: 'view', mode: 'live' })
    this.view.body(on ? 'coming' : 'off')
  }

  turnBody(yaw: number): void {
    if (this.#yaw === null) return
    this.#yaw = yaw
    this.#line.send({ type: 'view', mode: 'avatar', yaw })
  }

  takeAllOff(): void {
    this.#wear({}, false)
  }

  #wear(worn: Worn, reveal: boolean): void {
    this.#worn = worn
    this.#line.send({ type: 'wear', products: idsOf(worn) })
    this.view.worn(worn, reveal)
  }

  /** Takes the next step that is still missing. Every start, retry and resume goes through here. */
  async #proceed(): Promise<void> {
    clearTimeout(this.#retryTimer)
    this.#waiting.leave()
    const turn = ++this.#turn
    const stale = () => turn !== this.#turn
    try {
      if (!this.#consent) {
        await this.#stock()
        if (!stale()) this.#dispatch({ type: 'ready' })
        return
      }
      if (!this.#agreedTo) return this.#dispatch({ type: 'ready' })
      const visit = this.#visit ?? (await this.#openVisit(this.#agreedTo))
      if (stale()) return
      this.#visit = visit
      this.view.receipt(visit.receipt)
      this.view.body(this.tab.read()?.body ? 'off' : 'none')
      if (!this.#camera) {
        const camera = await openCamera()
        if (stale()) return camera.stop()
        this.#hold(camera)
        this.#dispatch({ type: 'camera-open' })
      }
      if (this.#camera) await this.#line.connect(visit, this.#camera, this.#journey.ticket)
    } catch (error) {
      if (!stale()) this.#fail(error)
    }
  }

  async #stock(): Promise<void> {
    const [catalogue, consent] = await Promise.all([this.shop.catalogue(), this.shop.consent()])
    this.#catalogue = catalogue
    this.#consent = consent
    const asked = catalogue.find(({ id }) => id === this.product)
    if (asked && isGarment(asked)) this.view.toFittingRoom(asked.id)
    if (this.product !== null && !asked) {
      this.product = null
      this.view.note(this.say('note.gone'))
    }
    this.view.stock(catalogue, consent)
    this.#wear(firstWorn(this.product, catalogue), true)
  }

  async #openVisit(agreedTo: ConsentText): Promise<Visit> {
    const visit = (await this.#takeUp(agreedTo)) ?? (await this.#newVisit(agreedTo))
    this.tab.keep(visit, this.tab.read()?.body ?? null)
    return visit
  }

  /** The visit that the tab has, if it is not over. */
  async #takeUp(agreedTo: ConsentText): Promise<Visit | null> {
    const kept = this.tab.read()
    if (!kept) return null
    try {
      return await this.shop.agreeToCamera(visitOf(kept), agreedTo)
    } catch (problem) {
      if (!visitOver(problem)) throw problem
      this.tab.forget()
      return null
    }
  }

  async #newVisit(agreedTo: ConsentText): Promise<Visit> {
    try {
      return await this.shop.openVisit(this.product, agreedTo)
    } catch (problem) {
      if (!(problem instanceof Problem && problem.code === 'unknown-product') || this.product === null) throw problem
      this.product = null
      return this.shop.openVisit(null, agreedTo)
    }
  }

  #hold(camera: MediaStreamTrack): void {
    this.#camera = camera
    camera.onended = () => {
      this.#hangUp()
      this.#dispatch({ type: 'camera-failed', trouble: 'camera-lost' })
    }
    this.view.preview(camera)
  }

  #onMessage(message: FromServer): void {
    if (message.type === 'move' && this.#visit && this.#camera) void this.#line.move(this.#visit, this.#camera)
    if (message.type === 'worn') this.#confirmed = wornFrom(message.products, this.#catalogue)
    if (message.type === 'error' && message.code === 'unknown-product') {
      this.#worn = this.#confirmed
      this.view.worn(this.#worn, false)
      this.view.note(this.say('note.not-wearable'))
    }
    if (message.type === 'view' || (message.type === 'error' && NO_BODY.has(message.code))) this.#onBody(message)
    this.view.message(message)
  }

  #bodyWish(): ToServer[] {
    const body = this.tab.read()?.body
    return this.#yaw === null || !body ? [] : [{ type: 'view', mode: 'avatar', ...body, scene: 'studio', yaw: this.#yaw }]
  }

  #onBody(message: FromServer & { type: 'view' | 'error' }): void {
    if (message.type === 'view' && message.mode === 'avatar') {
      this.#bodySeen = message.state === 'shown'
      if (this.#yaw !== null) this.view.body(this.#bodySeen ? 'on' : 'coming')
      return
    }
    if (message.type === 'view' && message.code === null && this.#yaw !== null) return // the answer to an earlier wish
    const gone = message.code === 'unknown-avatar'
    if (message.type === 'error' && !gone && (this.#yaw === null || this.#bodySeen)) return // it was about something else
    this.#yaw = null
    if (gone && this.#visit) this.tab.keep(this.#visit, null)
    if (message.code) this.view.note(this.say(gone ? 'note.body-gone' : 'note.body-trouble'))
    this.view.body(gone ? 'none' : 'off')
  }

  #onDropped(code: string): void {
    this.#dispatch({ type: 'dropped', code })
    this.#bodySeen = false // over the next connection it is yet to be shown; one that moves takes it along
    if (this.#yaw !== null) this.view.body('coming')
    if (this.#camera) this.view.preview(this.#camera)
    this.view.clear()
  }

  #hangUp(): void {
    clearTimeout(this.#retryTimer)
    this.#waiting.leave()
    this.#turn++
    if (this.#yaw !== null) this.view.body('off')
    this.#yaw = null
    this.#line.end()
    this.view.clear()
  }

  #forget(): void {
    this.#hangUp()
    this.#visit = this.#agreedTo = null
  }

  #fail(error: unknown): void {
    if (typeof error === 'string') {
      const trouble = error as CameraTrouble
      this.#dispatch({ type: 'camera-failed', trouble })
      if (trouble === 'camera-refused') void whenAllowed(() => this.#journey.screen === 'camera-refused' && this.retry())
    } else if (error instanceof Problem && error.code === 'unknown-product') {
      this.product = this.#visit = null // what the visit began with has been taken from the shop since
      this.#dispatch({ type: 'dropped', code: error.code })
    } else if (error instanceof Problem) {
      this.#dispatch({ type: 'refused', refusal: error })
      this.#afterRefusal(error)
    } else if (error instanceof Unreachable) this.#dispatch({ type: 'unreachable' })
    else this.#dispatch({ type: 'dropped', code: error instanceof Error ? error.name : 'unknown' })
  }

  #afterRefusal({ members }: Problem): void {
    const { screen } = this.#journey
    if (screen === 'queue' && this.#visit && typeof members['events'] === 'string') {
      this.#waiting.follow(this.#visit, members['events'])
    }
    if (screen === 'session-expired') this.#forget()
    if (screen !== 'consent') return
    this.#forget()
    const current = consentIn(members)
    this.#consent = current
    if (current) this.view.stock(this.#catalogue, current)
    else void this.#proceed()
  }

  #dispatch(event: Event): void {
    this.#journey = next(this.#journey, event)
    const { screen, retryInMs } = this.#journey
    if (!CAMERA_ON.has(screen)) this.#releaseCamera()
    this.view.show(this.#journey)
    clearTimeout(this.#retryTimer)
    if (retryInMs !== null) this.#retryTimer = window.setTimeout(() => this.retry(), retryInMs)
  }

  #releaseCamera(): void {
    if (this.#camera) {
      this.#camera.onended = null
      this.#camera.stop()
    }
    this.#camera = null
    this.view.preview(null)
  }
}
