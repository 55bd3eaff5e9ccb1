/** Entry of the fitting room: from consent and photos to a body, and to its end. */

import '../style/index.css'
import '../style/fitting.css'
import '../style/body.css'
import { h } from '../dom'
import { Problem, Shop, Unreachable, type ConsentText } from '../session'
import { sayer } from '../words'
import { consentFor, FittingRoom, type Avatar, type Photos } from './api'
import { bodyScreen } from './body'
import { photosScreen } from './photos'
import { consentScreen, notice, way, WorkingScreen } from './screens'
import type { Key, Words } from './words'

interface Bootstrap {
  shop: { slug: string; name: string } | null
  key: string | null
  language: string
  words: Words
  privacy: string
}

class Fitting {
  readonly #say
  readonly #shop: Shop
  readonly #sheet = h('div', { class: 'sheet' })
  #room: FittingRoom | null = null
  #agreed: ConsentText | null = null
  #stop = new AbortController()

  constructor(
    private readonly main: HTMLElement,
    private readonly about: Bootstrap,
  ) {
    this.#say = sayer<Key>(about.words)
    this.#shop = new Shop(about.key ?? '', about.language)
    const bar = h('header', { class: 'bar' }, h('span', { class: 'brand' }, about.shop?.name ?? 'Vitrine'), h('span', { class: 'small' }, this.#say('title')))
    main.replaceChildren(bar, this.#sheet)
  }

  async start(): Promise<void> {
    if (!this.about.shop || !this.about.key) return this.#trouble(this.#say('trouble.no-shop'), null)
    await this.#try(async () => this.#consent(await consentFor('photo', this.about.language)))
  }

  #consent(text: ConsentText): void {
    const name = this.about.shop?.name ?? ''
    const screen = consentScreen(this.#say, name, text, this.about.privacy, {
      agree: () => void this.#try(() => this.#enter(text)),
      decline: () => this.#declined(),
      bring: (archive) => void this.#try(() => this.#askToBring(archive)),
    })
    this.#show('consent', screen)
  }

  async #enter(text: ConsentText): Promise<void> {
    this.#agreed = text
    this.#room = await FittingRoom.enter(this.#shop, text)
    this.#photos(null)
  }

  async #askToBring(archive: Blob): Promise<void> {
    const text = await consentFor('import', this.about.language)
    const bring = async (): Promise<void> => {
      this.#room = await FittingRoom.enter(this.#shop, text)
      this.#agreed = await consentFor('photo', this.about.language)
      await this.#follow(() => (this.#room as FittingRoom).bring(archive, text))
    }
    const ways = { agree: () => void this.#try(bring), decline: () => this.#declined(), bring: null }
    this.#show('consent-import', consentScreen(this.#say, this.about.shop?.name ?? '', text, this.about.privacy, ways))
  }

  #photos(wrong: string | null): void {
    this.#show('photos', photosScreen(this.#say, (photos) => void this.#send(photos), wrong))
  }

  async #send(photos: Photos): Promise<void> {
    const [room, agreed] = [this.#room, this.#agreed]
    if (room && agreed) await this.#try(() => this.#follow(() => room.send(photos, agreed)))
  }

  /** Begins something, shows how far it is, and what came of it. */
  async #follow(begin: () => Promise<Avatar>): Promise<void> {
    const room = this.#room as FittingRoom
    let asked: Avatar | null = null
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const screen = new WorkingScreen(this.#say, () => {
      this.#stop.abort()
      void this.#try(async () => {
        if (asked) await room.erase(asked)
        this.#photos(null)
      })
    })
    this.#show('working', screen.element)
    try {
      asked = await begin()
      screen.show(asked)
      this.#arrive(await room.follow(asked, (avatar) => screen.show(avatar), signal))
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #arrive(avatar: Avatar): void {
    if (avatar.status === 'failed') return this.#photos(avatar.failure?.advice ?? this.#say('trouble.heading'))
    const room = this.#room as FittingRoom
    const screen = bodyScreen(this.#say, avatar, room, {
      correct: (name, cm) => void this.#try(() => this.#follow(() => room.correct(avatar, { [name]: cm }))),
      takeAlong: () => void this.#try(async () => save(await room.archive(avatar), 'my-body.zip')),
      erase: () => void this.#try(async () => this.#gone(await room.erase(avatar))),
      again: () => this.#photos(null),
    })
    this.#show('body', screen)
  }

  #gone(receipts: string[]): void {
    const receipt = new Blob([receipts.join('\n')], { type: 'application/jose' })
    const again = way('start', this.#say('gone.again'), () => void this.start())
    const keep = way('receipt', this.#say('gone.receipt'), () => save(receipt, 'receipt.jws'), 'quiet')
    this.#show('gone', notice(this.#say('gone.heading'), this.#say('gone.line'), again, keep))
  }

  #declined(): void {
    const line = this.#say('declined.line', { shop: this.about.shop?.name ?? '' })
    this.#show('declined', notice(this.#say('declined.heading'), line, way('start', this.#say('gone.again'), () => void this.start(), 'quiet')))
  }

  #trouble(line: string, again: (() => void) | null): void {
    const ways = again ? [way('retry', this.#say('trouble.retry'), again)] : []
    this.#show('trouble', notice(this.#say('trouble.heading'), line, ...ways))
  }

  async #try(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      const over = error instanceof Problem && ['token-expired', 'invalid-token', 'unknown-avatar'].includes(error.code)
      this.#trouble(this.#words(error), () => void (over || !this.#room ? this.start() : this.#photos(null)))
    }
  }

  #words(error: unknown): string {
    if (error instanceof Unreachable || !(error instanceof Problem)) return this.#say('trouble.offline')
    const { code, members, retryAfterS } = error
    switch (code) {
      case 'avatars-busy':
      case 'rate-limited':
        return this.#say('trouble.busy', { s: retryAfterS ?? 60 })
      case 'token-expired':
      case 'invalid-token':
      case 'unknown-avatar':
        return this.#say('trouble.visit-over')
      case 'archive-invalid':
        return this.#say('trouble.not-a-body')
      case 'photo-format':
      case 'payload-too-large':
        return this.#say('trouble.photo')
      default:
        return typeof members['detail'] === 'string' ? members['detail'] : this.#say('trouble.other', { code })
    }
  }

  #show(name: string, screen: HTMLElement): void {
    this.main.dataset['screen'] = name
    this.#sheet.replaceChildren(screen)
    window.scrollTo(0, 0)
    screen.querySelector('h1')?.focus()
  }
}

function save(content: Blob, name: string): void {
  const link = h('a', { href: URL.createObjectURL(content), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

const main = document.querySelector('main')
const bootstrap = document.getElementById('vitrine')?.textContent
if (main && bootstrap) void new Fitting(main, JSON.parse(bootstrap) as Bootstrap).start()
