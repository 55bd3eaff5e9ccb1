/** A picture of the moment, taken from the returned video in the page itself: it leaves the device only if it is shared. */

import { h, icon } from './dom'
import type { Say } from './words'

const QUALITY = 0.92
const KEPT = 6

interface Shot {
  file: File
  url: string
  caption: string
}

/** Takes pictures, keeps the last few of this visit in memory, and shows them beside one another. */
export class Album {
  readonly element: HTMLDialogElement
  readonly #main = h('figure', { class: 'shot' })
  readonly #row: HTMLElement
  readonly #share: HTMLButtonElement
  readonly #compare: HTMLButtonElement
  readonly #save: HTMLAnchorElement
  #shots: Shot[] = []
  #shown: Shot | null = null

  constructor(private readonly say: Say) {
    this.#row = h('div', { class: 'shots', role: 'group', 'aria-label': say('album.row') })
    this.#save = h('a', { class: 'primary' }, icon('download'), say('album.save'))
    this.#share = h('button', { type: 'button', class: 'quiet', onclick: () => void this.#shareShown() }, icon('share'), say('album.share'))
    this.#compare = h('button', { type: 'button', class: 'quiet', onclick: () => this.#comparing(true) }, say('album.compare'))
    const close = h('button', { type: 'button', class: 'tool', 'aria-label': say('album.close'), onclick: () => this.element.close() }, icon('close'))
    this.element = h(
      'dialog',
      { class: 'album', 'aria-label': say('album.name') },
      h('header', {}, h('h2', {}, say('album.name')), close),
      this.#main,
      this.#row,
      h('p', { class: 'small' }, say('album.stays')),
      h('div', { class: 'ways' }, this.#save, this.#share, this.#compare),
    )
    this.element.addEventListener('click', ({ target }) => target === this.element && this.element.close())
  }

  /** False if there is no picture yet. */
  async take(video: HTMLVideoElement, mirrored: boolean, caption: string): Promise<boolean> {
    const blob = await still(video, mirrored)
    if (!blob) return false
    const file = new File([blob], `${nameOf(caption)}.jpg`, { type: blob.type })
    const shot = { file, url: URL.createObjectURL(blob), caption }
    this.#shots = [shot, ...this.#shots]
    for (const old of this.#shots.splice(KEPT)) URL.revokeObjectURL(old.url)
    this.#show(shot)
    if (!this.element.open) this.element.showModal()
    return true
  }

  #show(shot: Shot): void {
    this.#shown = shot
    this.#main.replaceChildren(h('img', { src: shot.url, alt: this.say('album.wearing', { products: shot.caption }) }), h('figcaption', {}, shot.caption))
    this.#save.href = shot.url
    this.#save.download = shot.file.name
    this.#share.hidden = !(navigator.canShare?.({ files: [shot.file] }) ?? false)
    this.#comparing(false)
    this.#row.hidden = this.#compare.hidden = this.#shots.length < 2
    this.#row.replaceChildren(
      ...this.#shots.map((one) =>
        h(
          'button',
          { type: 'button', class: 'thumb', 'aria-pressed': String(one === shot), 'aria-label': one.caption, onclick: () => this.#show(one) },
          h('img', { src: one.url, alt: '' }),
          h('span', {}, one.caption),
        ),
      ),
    )
  }

  /** All pictures of the visit beside one another; choosing one shows it alone again. */
  #comparing(on: boolean): void {
    this.element.toggleAttribute('data-comparing', on)
    this.#compare.setAttribute('aria-pressed', String(on))
  }

  async #shareShown(): Promise<void> {
    if (!this.#shown) return
    // Dismissing the share sheet is a rejection, and nothing to tell.
    await navigator.share({ files: [this.#shown.file], title: this.#shown.caption }).catch(() => undefined)
  }
}

async function still(video: HTMLVideoElement, mirrored: boolean): Promise<Blob | null> {
  const { videoWidth: width, videoHeight: height } = video
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
  if (!context || width === 0) return null
  if (mirrored) context.setTransform(-1, 0, 0, 1, width, 0)
  context.drawImage(video, 0, 0)
  return new Promise((done) => context.canvas.toBlob(done, 'image/jpeg', QUALITY))
}

function nameOf(caption: string): string {
  return caption.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || 'try-on'
}
