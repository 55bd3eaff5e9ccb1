/** The mirror: the returned picture, the tools on it, the hint, and what lies over it while there is no picture. */

import { h, icon } from './dom'
import type { Say } from './words'

export interface Tools {
  snapshot(): void
  leave(): void
}

export class Stage {
  readonly element: HTMLElement
  readonly veil = h('div', { class: 'veil', hidden: true })
  readonly #preview = video('preview')
  readonly #hint = h('p', { class: 'hint', role: 'status', 'aria-live': 'polite' })
  readonly #mirrorButton: HTMLButtonElement
  #shown = video('returned')
  #spare = video('returned')
  #mirrored = true

  constructor(say: Say, tools: Tools) {
    this.#mirrorButton = tool('mirror', say('stage.mirror'), () => this.mirror(!this.#mirrored))
    const bar = h(
      'div',
      { class: 'tools', role: 'group', 'aria-label': say('stage.tools') },
      h('h1', { class: 'spoken', tabindex: '-1' }, say('stage.heading')),
      this.#mirrorButton,
      tool('snapshot', say('stage.snapshot'), tools.snapshot, 'shutter'),
      tool('close', say('stage.leave'), tools.leave),
    )
    const videos = h('div', { class: 'videos' }, this.#preview, this.#spare, this.#shown)
    this.element = h('section', { class: 'stage', 'aria-label': say('stage.name') }, videos, this.#hint, this.veil, bar)
    this.mirror(true)
  }

  get mirrored(): boolean {
    return this.#mirrored
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

function tool(name: 'mirror' | 'snapshot' | 'close', label: string, act: () => void, look = ''): HTMLButtonElement {
  return h('button', { type: 'button', class: `tool ${look}`, 'aria-label': label, title: label, onclick: act }, icon(name))
}
