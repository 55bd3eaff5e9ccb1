/** The avatar in the mirror: her camera agreed to, a live connection of the same visit, and a finger that turns it. */

import '../style/standing.css'
import { openCamera } from '../camera'
import { h } from '../dom'
import { Line } from '../line'
import { Problem, type ConsentText, type Shop, type Visit } from '../session'
import { Turn } from './turn'
import type { FromServer, ToServer } from '../control'
import type { Say } from '../fitting/words'

export interface Standing {
  shop: Shop
  visit: Visit
  avatar: string
  /** What is worn just now. */
  wear(): { product: string; size: string | null }[]
  say: Say
}

type Scene = 'studio' | 'room'

/** The button that opens it. It needs no WebGL: the picture comes from the server. */
export function mirrorWay(about: Standing): HTMLButtonElement {
  const open = (): void => void new Mirror(about).open()
  return h('button', { type: 'button', class: 'quiet', 'data-way': 'mirror', onclick: open }, about.say('stand.open'))
}

class Mirror {
  readonly #dialog: HTMLDialogElement
  readonly #video = h('video', { playsinline: true, autoplay: true })
  readonly #surface: HTMLElement
  readonly #status = h('p', { class: 'standing-status', role: 'status' })
  readonly #scenes: HTMLElement
  readonly #turn: Turn
  readonly #line: Line
  #camera: MediaStreamTrack | null = null
  #scene: Scene = 'studio'

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
      greeting: () => this.#wish({ yaw: this.#turn.yaw }),
      onMessage: (message) => this.#heard(message),
      onDropped: () => void this.#connect(),
    })
  }

  async open(): Promise<void> {
    document.body.append(this.#dialog)
    this.#dialog.showModal()
    this.#say('stand.preparing')
    await this.#connect()
  }

  async #connect(): Promise<void> {
    const { shop, visit } = this.about
    try {
      this.#camera ??= await openCamera()
      if (!this.#dialog.open) return this.#end()
      await this.#line.connect(visit, this.#camera, null)
    } catch (error) {
      if (error instanceof Problem && error.code === 'consent-required') this.#ask(await shop.consent())
      else if (error instanceof Problem && error.code === 'queue') this.#say('stand.full')
      else this.#say(typeof error === 'string' ? 'stand.no-camera' : 'stand.trouble')
    }
  }

  /** A visit that began with photos has not agreed to the camera yet. */
  #ask(text: ConsentText): void {
    this.#releaseCamera()
    const { say } = this.about
    const card = h('section', { class: 'standing-consent' })
    const agree = async (): Promise<void> => {
      card.remove()
      try {
        await this.about.shop.agreeToCamera(this.about.visit, text)
        await this.#connect()
      } catch {
        this.#say('stand.trouble')
      }
    }
    card.append(
      h('h2', {}, text.title),
      ...text.paragraphs.map((paragraph) => h('p', {}, paragraph)),
      h(
        'div',
        { class: 'ways' },
        h('button', { type: 'button', class: 'primary', 'data-way': 'agree', onclick: () => void agree() }, say('consent.agree')),
        h('button', { type: 'button', class: 'quiet', 'data-way': 'decline', onclick: () => this.#dialog.close() }, say('consent.decline')),
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
    return { type: 'view', mode: 'avatar', avatar: this.about.avatar, wear: this.about.wear(), scene: this.#scene, ...more }
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
    this.#turn.stop()
    this.#line.end()
    this.#releaseCamera()
    this.#dialog.remove()
  }
}
