/** Whether her body is in the picture's place; `none`: she has none. */
export type BodyShown = 'none' | 'off' | 'coming' | 'on'

/** The mirror: the returned picture, the tools on it, the hint, and what lies over it while there is no picture. */

import { h, icon } from './dom'
import { Turn } from './standing/turn'
import type { Say } from './words'

export interface Tools {
  snapshot(): void
  leave(): void
  /** Her body in the picture's place, or herself again. */
  body(on: boolean): void
  /** Where it is to be turned, in degrees to the picture's right. */
  turn(yaw: number): void
}

/** How to turn a body is said for so long. */
const TOLD_MS = 5000

export class Stage {
  readonly element: HTMLElement
  readonly veil = h('div', { class: 'veil', hidden: true })
  readonly #preview = video('preview')
  readonly #hint = h('p', { class: 'hint', role: 'status', 'aria-live': 'polite' })
  readonly #mirrorButton: HTMLButtonElement
  readonly #bodyButton: HTMLButtonElement
  readonly #videos: HTMLElement
  #body: BodyShown = 'none'
  readonly #turn: Turn
  #told = 0
  #shown = video('returned')
  #spare = video('returned')
  #mirrored = true

  constructor(
    private readonly say: Say,
    tools: Tools,
  ) {
    this.#mirrorButton = tool('mirror', say('stage.mirror'), () => this.mirror(!this.#mirrored))
    this.#bodyButton = tool('body', say('stage.body'), () => tools.body(this.#body === 'off'), 'other')
    const bar = h(
      'div',
      { class: 'tools', role: 'group', 'aria-label': say('stage.tools') },
      h('h1', { class: 'spoken', tabindex: '-1' }, say('stage.heading')),
      this.#mirrorButton,
      this.#bodyButton,
      tool('snapshot', say('stage.snapshot'), tools.snapshot, 'shutter'),
      tool('close', say('stage.leave'), tools.leave),
    )
    this.#videos = h('div', { class: 'videos' }, this.#preview, this.#spare, this.#shown)
    this.#turn = new Turn(this.#videos, tools.turn, () => this.#body === 'on')
    this.element = h('section', { class: 'stage', 'aria-label': say('stage.name') }, this.#videos, this.#hint, this.veil, bar)
    this.mirror(true)
    this.body('none')
  }

  get mirrored(): boolean {
    return this.#mirrored && this.#body !== 'on' // what stands on a garment is to be read
  }

  get picture(): HTMLVideoElement {
    return this.#shown
  }

  /** Frames painted so far: the cheapest sign of life a browser gives. */
  get framesShown(): number {
    return this.#shown.getVideoPlaybackQuality().totalVideoFrames
  }

  mirror(on: boolean): void {
    this.#mirrored = on
    this.element.toggleAttribute('data-mirrored', on)
    this.#mirrorButton.setAttribute('aria-pressed', String(on))
  }

  body(shown: BodyShown): void {
    const hidden = this.#body === 'none' || this.#body === 'off'
    if (shown === 'coming' && hidden) this.#turn.reset() // on a new connection it stays as she turned it
    this.#body = shown
    this.element.dataset['body'] = shown
    this.#bodyButton.hidden = shown === 'none'
    this.#mirrorButton.hidden = shown === 'on'
    this.#bodyButton.setAttribute('aria-pressed', String(shown === 'on' || shown === 'coming'))
    for (const [name, value] of Object.entries({ tabindex: '0', role: 'img', 'aria-label': this.say('stage.body-hint') }))
      if (shown === 'on') this.#videos.setAttribute(name, value)
      else this.#videos.removeAttribute(name)
    clearTimeout(this.#told)
    this.hint(shown === 'on' ? this.say('stage.body-hint') : shown === 'coming' ? this.say('stage.body-coming') : null)
    if (shown === 'on') this.#told = window.setTimeout(() => this.hint(null), TOLD_MS)
  }

  /** The camera's own picture, seen until the returned one is there. */
  preview(track: MediaStreamTrack | null): void {
    this.#preview.srcObject = track ? new MediaStream([track]) : null
    this.#preview.hidden = track === null
    if (track) void this.#preview.play().catch(() => undefined)
  }

  /** Shows a returned stream from its first frame on; until then whatever was seen stays. Resolves at that frame. */
  async returned(stream: MediaStream): Promise<void> {
    const fresh = this.#spare
    fresh.srcObject = stream
    await new Promise<void>((painted) => fresh.addEventListener('loadeddata', () => painted(), { once: true }))
    if (fresh.srcObject !== stream) return
    this.#spare = this.#shown
    this.#shown = fresh
    this.#spare.classList.remove('on')
    fresh.classList.add('on')
    this.#spare.srcObject = null
    this.preview(null)
    this.#shape()
    fresh.onresize = () => this.#shape()
  }

  /** No returned picture any more. */
  clear(): void {
    for (const one of [this.#shown, this.#spare]) {
      one.classList.remove('on')
      one.srcObject = null
    }
  }

  hint(text: string | null): void {
    if ((this.#hint.textContent || null) !== text) this.#hint.textContent = text ?? ''
  }

  #shape(): void {
    const { videoWidth, videoHeight } = this.#shown
    this.element.toggleAttribute('data-portrait', videoHeight > videoWidth)
  }
}

function video(name: string): HTMLVideoElement {
  const element = h('video', { class: name, playsinline: true, autoplay: true, 'disablepictureinpicture': true })
  element.muted = true
  return element
}

function tool(name: 'mirror' | 'body' | 'snapshot' | 'close', label: string, act: () => void, look = ''): HTMLButtonElement {
  return h('button', { type: 'button', class: `tool ${look}`, 'aria-label': label, title: label, onclick: act }, icon(name))
}
