/** The avatar in the mirror: her camera agreed to, a live connection of the same visit, and a finger that turns it. */

import '../style/standing.css'
import { openCamera } from '../camera'
import { h } from '../dom'
import { Line } from '../line'
import { Problem, type ConsentText, type Shop, type Visit } from '../session'
import { Turn } from './turn'
import type { FromServer, ToServer } from '../control'
import type { KeptBody } from '../kept'
import type { Say } from '../fitting/words'

export interface Standing {
  shop: Shop
  visit: Visit
  /** The body, and what it wears just now. */
  body(): KeptBody
  /** Told when she has agreed to her camera. */
  agreed(): void
  say: Say
}

type Scene = 'studio' | 'room'

const AGAIN_S = 5

/** The ways to it. It needs no WebGL: the picture comes from the server. */
export class Mirror {
  constructor(private readonly about: Standing) {}

  /** A button that opens it. */
  way(): HTMLButtonElement {
    const open = (): void => void new Glass(this.about).open()
    return h('button', { type: 'button', class: 'quiet', 'data-way': 'mirror', onclick: open }, this.about.say('stand.open'))
  }

  /** Opens it with a word why, where the page itself cannot show a body. The camera is not asked for before she agrees. */
  lead(): void {
    new Glass(this.about).lead()
  }
}

class Glass {
  readonly #dialog: HTMLDialogElement
  readonly #video = h('video', { playsinline: true, autoplay: true })
  readonly #surface: HTMLElement
  readonly #status = h('p', { class: 'standing-status', role: 'status' })
  readonly #scenes: HTMLElement
  readonly #turn: Turn
  readonly #line: Line
  #camera: MediaStreamTrack | null = null
  #scene: Scene = 'studio'
  #ticket: string | null = null
  #again = 0

  constructor(private readonly about: Standing) {
    const { say } = about
    this.#video.muted = true
    this.#surface = h('div', { class: 'standing-picture', tabindex: '0', role: 'img', 'aria-label': say('stand.hint') }, this.#video, this.#status)
    this.#turn = new Turn(this.#surface, (yaw) => this.#send({ yaw }))
    const choice = (scene: Scene): HTMLButtonElement =>
      h('button', { type: 'button', 'data-scene': scene, 'aria-pressed': String(scene === 'studio'), onclick: () => this.#choose(scene) }, say(`stand.${scene}`))
    this.#scenes = h('div', { class: 'standing-scenes', role: 'group', 'aria-label': say('stand.scene'), hidden: true }, choice('studio'), choice('room'))
    const close = h('button', { type: 'button', class: 'quiet', 'data-way': 'close', onclick: () => this.#dialog.close() }, say('stand.close'))
    const bar = h('div', { class: 'standing-bar' }, this.#scenes, close)
    this.#dialog = h('dialog', { class: 'standing', 'aria-label': say('stand.open'), onclose: () => this.#end() }, this.#surface, bar)
    this.#line = new Line(about.shop, {
      returned: (stream) => this.#returned(stream),
      connections: () => undefined,
      framesShown: () => this.#video.getVideoPlaybackQuality().totalVideoFrames,
      rtt: () => undefined,
      onLive: () => undefined,
      greeting: () => [this.#wish({ yaw: this.#turn.yaw })],
      onMessage: (message) => this.#heard(message),
      onDropped: () => void this.#connect(),
    })
  }

  async open(): Promise<void> {
    this.#show()
    this.#say('stand.preparing')
    if (this.about.visit.camera) await this.#connect()
    else await this.#try(async () => this.#ask(await this.about.shop.consent(), null))
  }

  lead(): void {
    const { say, shop, visit } = this.about
    this.#show()
    if (visit.camera) this.#card(say('stand.instead'), [say('stand.instead-line')], say('stand.open'), () => this.#connect())
    else void this.#try(async () => this.#ask(await shop.consent(), say('stand.instead-line')))
  }

  #show(): void {
    document.body.append(this.#dialog)
    this.#dialog.showModal()
  }

  async #connect(): Promise<void> {
    const { shop, visit } = this.about
    if (!this.#dialog.open) return
    await this.#try(async () => {
      try {
        this.#camera ??= await openCamera()
        if (!this.#dialog.open) return this.#end()
        await this.#line.connect(visit, this.#camera, this.#ticket)
        this.#ticket = null
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'consent-required')) throw error
        this.#ask(await shop.consent(), null) // the text is another since she agreed
      }
    })
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      if (error instanceof Problem && error.code === 'queue') this.#wait(error)
      else this.#say(typeof error === 'string' ? 'stand.no-camera' : 'stand.trouble')
    }
  }

  /** Every mirror is in use: she keeps her place in the line, and it is tried again when the server said. */
  #wait({ members, retryAfterS }: Problem): void {
    if (!this.#dialog.open) return
    this.#say('stand.full')
    if (typeof members['ticket'] === 'string') this.#ticket = members['ticket']
    clearTimeout(this.#again)
    this.#again = window.setTimeout(() => void this.#connect(), 1000 * (retryAfterS ?? AGAIN_S))
  }

  /** A visit that began with photos has not agreed to the camera yet. first: a word before the text. */
  #ask(text: ConsentText, first: string | null): void {
    this.#releaseCamera()
    const { shop, visit, say } = this.about
    this.#card(text.title, [...(first ? [first] : []), ...text.paragraphs], say('consent.agree'), async () => {
      await shop.agreeToCamera(visit, text)
      this.about.agreed()
      await this.#connect()
    })
  }

  #card(title: string, paragraphs: string[], yes: string, go: () => Promise<void>): void {
    const card = h('section', { class: 'standing-consent' })
    const agree = (): void => {
      card.remove()
      this.#say('stand.preparing')
      void this.#try(go)
    }
    card.append(
      h('h2', {}, title),
      ...paragraphs.map((paragraph) => h('p', {}, paragraph)),
      h(
        'div',
        { class: 'ways' },
        h('button', { type: 'button', class: 'primary', 'data-way': 'agree', onclick: agree }, yes),
        h('button', { type: 'button', class: 'quiet', 'data-way': 'decline', onclick: () => this.#dialog.close() }, this.about.say('consent.decline')),
      ),
    )
    this.#dialog.append(card)
  }

  async #returned(stream: MediaStream): Promise<void> {
    this.#video.srcObject = stream
    await new Promise<void>((painted) => this.#video.addEventListener('loadeddata', () => painted(), { once: true }))
  }

  #heard(message: FromServer): void {
    if (message.type === 'move' && this.#camera) void this.#line.move(this.about.visit, this.#camera)
    if (message.type === 'view') this.#seen(message)
    if (message.type === 'error' && message.code !== 'unknown-product') this.#say(message.code === 'unknown-avatar' ? 'stand.gone' : 'stand.trouble')
  }

  #seen(view: FromServer & { type: 'view' }): void {
    const shown = view.mode === 'avatar' && view.state === 'shown'
    this.#dialog.toggleAttribute('data-shown', shown)
    this.#scenes.hidden = !shown
    if (shown) this.#say(null)
    else this.#say(view.mode === 'avatar' ? 'stand.preparing' : 'stand.gone')
    for (const button of this.#scenes.querySelectorAll('button')) button.setAttribute('aria-pressed', String(button.dataset['scene'] === this.#scene))
  }

  #choose(scene: Scene): void {
    this.#scene = scene
    this.#send({})
  }

  #send(more: { yaw?: number }): void {
    this.#line.send(this.#wish(more))
  }

  #wish(more: { yaw?: number }): ToServer {
    return { type: 'view', mode: 'avatar', ...this.about.body(), scene: this.#scene, ...more }
  }

  #say(key: Parameters<Say>[0] | null): void {
    this.#status.textContent = key ? this.about.say(key) : ''
    this.#status.hidden = key === null
  }

  #releaseCamera(): void {
    this.#camera?.stop()
    this.#camera = null
  }

  #end(): void {
    clearTimeout(this.#again)
    this.#turn.stop()
    this.#line.end()
    this.#releaseCamera()
    this.#dialog.remove()
  }
}
