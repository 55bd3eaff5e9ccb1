/** The camera with an outline to stand in and a self-timer. Its pictures stay in this page until they are sent. */

import { h } from '../dom'
import { silhouette } from './silhouette'
import type { Say } from './words'

export type View = 'front' | 'side'

/** For somebody who holds the phone, and for oneself. */
const COUNTS_S = [3, 10]
const QUALITY = 0.92
const [TICK_HZ, SHOT_HZ] = [880, 1320]

/** Takes a photo of each view, each looked at and taken again if she likes. Raises what `getUserMedia` raises. */
export async function takePhotos(say: Say, views: readonly View[], took: (view: View, photo: Blob) => void): Promise<void> {
  const finder = new Finder(say)
  await finder.open()
  try {
    for (const view of views) {
      const photo = await finder.shoot(view, views)
      if (!photo) return
      took(view, photo)
    }
  } finally {
    finder.close()
  }
}

class Finder {
  readonly #video = h('video', { autoplay: true, playsinline: true, class: 'finder-video' })
  readonly #frame = h('div', { class: 'finder-frame' })
  readonly #says = h('p', { class: 'finder-says', role: 'status' })
  readonly #steps = h('p', { class: 'finder-steps' })
  readonly #ways = h('div', { class: 'ways' })
  readonly #dialog = h('dialog', { class: 'finder' }, h('header', {}, this.#steps, this.#says), h('div', { class: 'finder-place' }, this.#frame), this.#ways)
  readonly #sound = typeof AudioContext === 'undefined' ? null : new AudioContext()
  #stream: MediaStream | null = null
  #facing: 'environment' | 'user' = 'environment'
  #timer = 0
  #over: () => void = () => undefined

  constructor(private readonly say: Say) {
    this.#video.muted = true
    this.#video.onloadedmetadata = () => {
      this.#frame.style.aspectRatio = `${this.#video.videoWidth} / ${this.#video.videoHeight}`
      this.#frame.classList.toggle('wide', this.#video.videoWidth > this.#video.videoHeight)
    }
    this.#dialog.addEventListener('cancel', () => this.#over())
  }

  async open(): Promise<void> {
    await this.#start()
    document.body.append(this.#dialog)
    this.#dialog.showModal()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const track of this.#stream?.getTracks() ?? []) track.stop()
    void this.#sound?.close()
    this.#dialog.close()
    this.#dialog.remove()
  }

  /** One photo that she is content with, or null when she goes back. */
  async shoot(view: View, views: readonly View[]): Promise<Blob | null> {
    this.#steps.textContent = `${views.indexOf(view) + 1} / ${views.length} · ${this.say(`photos.${view}`)}`
    this.#dialog.dataset['view'] = view
    for (;;) {
      const photo = await this.#one(view)
      if (!photo || (await this.#looked(photo))) return photo
    }
  }

  #one(view: View): Promise<Blob | null> {
    return new Promise((resolve) => {
      this.#over = () => resolve(null)
      this.#dialog.dataset['step'] = 'stand'
      this.#says.textContent = this.say(`camera.stand-${view}`)
      this.#frame.replaceChildren(this.#video, silhouette(view))
      void this.#video.play().catch(() => undefined)
      const starts = COUNTS_S.map((s) =>
        h('button', { type: 'button', class: s === COUNTS_S.at(-1) ? 'primary' : 'quiet', 'data-way': `shoot-${s}`, onclick: () => this.#count(s, resolve) }, this.say('camera.start', { s })),
      )
      const turn = h('button', { type: 'button', class: 'quiet', 'data-way': 'switch', onclick: () => void this.#switch() }, this.say('camera.turn'))
      const back = h('button', { type: 'button', class: 'quiet', 'data-way': 'back', onclick: () => resolve(null) }, this.say('camera.close'))
      this.#ways.replaceChildren(...starts.toReversed(), turn, back)
    })
  }

  #count(seconds: number, done: (photo: Blob | null) => void): void {
    let left = seconds
    const number = h('p', { class: 'finder-count', 'aria-hidden': 'true' }, String(left))
    this.#dialog.dataset['step'] = 'count'
    this.#frame.append(number)
    const stop = h('button', { type: 'button', class: 'quiet', 'data-way': 'stop' }, this.say('camera.stop'))
    stop.onclick = () => {
      clearInterval(this.#timer)
      number.remove()
      void this.#one((this.#dialog.dataset['view'] ?? 'front') as View).then(done)
    }
    this.#ways.replaceChildren(stop)
    this.#beep(TICK_HZ)
    this.#timer = window.setInterval(() => {
      left -= 1
      number.textContent = String(left)
      this.#says.textContent = this.say('camera.still')
      this.#beep(left > 0 ? TICK_HZ : SHOT_HZ)
      if (left > 0) return
      clearInterval(this.#timer)
      number.remove()
      void grab(this.#video).then(done)
    }, 1000)
  }

  /** Whether she keeps it. */
  #looked(photo: Blob): Promise<boolean> {
    return new Promise((resolve) => {
      this.#over = () => resolve(false)
      this.#dialog.dataset['step'] = 'look'
      this.#says.textContent = this.say('camera.look')
      const url = URL.createObjectURL(photo)
      const picture = h('img', { src: url, alt: '', class: 'finder-video' })
      picture.onload = () => URL.revokeObjectURL(url)
      this.#frame.replaceChildren(picture)
      const keep = h('button', { type: 'button', class: 'primary', 'data-way': 'keep', onclick: () => resolve(true) }, this.say('camera.keep'))
      const again = h('button', { type: 'button', class: 'quiet', 'data-way': 'retake', onclick: () => resolve(false) }, this.say('camera.again'))
      this.#ways.replaceChildren(keep, again)
      keep.focus()
    })
  }

  async #switch(): Promise<void> {
    this.#facing = this.#facing === 'user' ? 'environment' : 'user'
    for (const track of this.#stream?.getTracks() ?? []) track.stop()
    await this.#start()
  }

  async #start(): Promise<void> {
    const video = { facingMode: this.#facing, width: { ideal: 1920 }, height: { ideal: 1440 } }
    this.#stream = await navigator.mediaDevices.getUserMedia({ video, audio: false })
    this.#video.srcObject = this.#stream
    this.#video.classList.toggle('mirrored', this.#facing === 'user')
  }

  /** Heard from where one stands. */
  #beep(hertz: number): void {
    if (!this.#sound) return
    const [tone, gain] = [this.#sound.createOscillator(), this.#sound.createGain()]
    const now = this.#sound.currentTime
    tone.frequency.value = hertz
    gain.gain.setValueAtTime(0.18, now)
    gain.gain.exponentialRampToValueAtTime(0.001, now + 0.16)
    tone.connect(gain).connect(this.#sound.destination)
    tone.start(now)
    tone.stop(now + 0.18)
  }
}

async function grab(video: HTMLVideoElement): Promise<Blob | null> {
  const canvas = h('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')?.drawImage(video, 0, 0)
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
}
