/** Entry of the fitting room: from consent and photos to a body, and to its end. */

import '../style/index.css'
import '../style/fitting.css'
import '../style/body.css'
import '../style/clothes.css'
import '../style/finder.css'
import '../style/measures.css'
import { h } from '../dom'
import { Tab, visitOf, type KeptBody } from '../kept'
import { Problem, Shop, visitOver, type ConsentText } from '../session'
import { sayer } from '../words'
import { Advice, viewIn } from './advice'
import { consentFor, FittingRoom, stockOf, type Avatar, type Change, type Photos } from './api'
import { BodyScreen } from './body'
import { PhotosScreen, type Wrong } from './photos'
import { consentScreen, notice, way, WorkingScreen } from './screens'
import type { Stocked } from './wardrobe'
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
  readonly #advice: Advice
  readonly #mirror: HTMLAnchorElement
  readonly #tab: Tab
  #stock: Promise<Stocked> = Promise.resolve({ garments: [], others: false })
  #form: PhotosScreen | null = null
  #body: BodyScreen | null = null
  #room: FittingRoom | null = null
  #agreed: ConsentText | null = null
  #stop = new AbortController()

  constructor(
    private readonly main: HTMLElement,
    private readonly about: Bootstrap,
  ) {
    this.#say = sayer<Key>(about.words)
    this.#advice = new Advice(about.words, this.#say)
    this.#shop = new Shop(about.key ?? '', about.language)
    this.#tab = new Tab(about.shop?.slug ?? '')
    const mirror = `/s/${about.shop?.slug ?? ''}?lang=${about.language}`
    this.#mirror = h('a', { class: 'data', href: mirror, hidden: true }, this.#say('mirror'))
    const bar = h('header', { class: 'bar' }, h('span', { class: 'brand' }, about.shop?.name ?? 'Vitrine'), this.#mirror)
    main.replaceChildren(bar, this.#sheet)
  }

  async start(): Promise<void> {
    if (!this.about.shop || !this.about.key) return this.#trouble(this.#say('trouble.no-shop'), null)
    this.#form = this.#room = null
    this.#stock = stockOf(this.about.key).catch(() => ({ garments: [], others: false }))
    void this.#stock.then(({ others }) => (this.#mirror.hidden = !others))
    await this.#try(async () => {
      const text = await consentFor('photo', this.about.language)
      const there = await this.#takeUp()
      if (!there) return this.#consent(text)
      if (!there.files) return this.#follow(() => Promise.resolve(there))
      await this.#arrive(there)
    })
  }

  /** Goes on with this tab's visit, if there is one still; returns the body that it has or waits for. */
  async #takeUp(): Promise<Avatar | null> {
    const kept = this.#tab.read()
    if (!kept) return null
    const room = new FittingRoom(this.#shop, visitOf(kept))
    try {
      const there = (await room.avatars()).find(({ status, files }) => status !== 'failed' || files !== null)
      this.#room = room
      return there ?? null
    } catch (error) {
      if (!visitOver(error)) throw error
      this.#tab.forget()
      return null
    }
  }

  /** The tab's visit, or a new one. */
  async #visit(text: ConsentText): Promise<void> {
    if (this.#room) return
    this.#room = await FittingRoom.enter(this.#shop, text)
    this.#tab.keep(this.#room.visit, null)
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
    await this.#visit(text)
    this.#photos(null)
  }

  async #askToBring(archive: Blob): Promise<void> {
    const text = await consentFor('import', this.about.language)
    const bring = async (): Promise<void> => {
      await this.#visit(text)
      await this.#follow((stop) => (this.#room as FittingRoom).bring(archive, text, stop))
    }
    const ways = { agree: () => void this.#try(bring), decline: () => this.#declined(), bring: null }
    this.#show('consent-import', consentScreen(this.#say, this.about.shop?.name ?? '', text, this.about.privacy, ways))
  }

  /** Other photos, once she has agreed to that in this tab, and to the text as it is now. */
  async #again(): Promise<void> {
    const text = await consentFor('photo', this.about.language)
    if (this.#agreed?.version === text.version) this.#photos(null)
    else this.#consent(text)
  }

  /** The form as it was filled in, with what was wrong. */
  #photos(wrong: Wrong | null): void {
    this.#form ??= new PhotosScreen(this.#say, (photos) => void this.#send(photos))
    this.#form.blame(wrong)
    this.#show('photos', this.#form.element)
  }

  async #send(photos: Photos): Promise<void> {
    const [room, agreed] = [this.#room, this.#agreed]
    if (!room || !agreed) return this.#try(() => this.#again())
    await this.#try(async () => {
      try {
        await this.#follow((stop) => room.send(photos, agreed, stop))
      } catch (error) {
        const view = viewIn(error)
        if (!view) throw error
        this.#photos({ words: this.#advice.about(view, error), view })
      }
    })
  }

  /** Begins something, shows how far it is, and what came of it; stopped, it leaves nothing. */
  async #follow(begin: (stop: AbortSignal) => Promise<Avatar>): Promise<void> {
    const room = this.#room as FittingRoom
    let asked: Avatar | null = null
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const stop = this.#stop
    const screen = new WorkingScreen(this.#say, () => stop.abort())
    this.#show('working', screen.element)
    try {
      asked = await begin(signal)
      signal.throwIfAborted()
      screen.show(asked)
      await this.#arrive(await room.follow(asked, (avatar) => screen.show(avatar), signal))
    } catch (error) {
      if (!signal.aborted) throw error
      if (asked) await room.erase([asked])
      else await room.eraseBegun()
      this.#photos(null)
    }
  }

  async #arrive(avatar: Avatar): Promise<void> {
    const { failure } = avatar
    if (!avatar.files)
      return this.#photos({ words: failure ? this.#advice.about(failure.view, failure) : this.#say('trouble.heading'), view: failure && failure.view })
    const room = this.#room as FittingRoom
    const { garments } = await this.#stock
    const asked = new URLSearchParams(window.location.search).get('wear')
    const first = garments.find(({ id }) => id === asked) ?? null
    let now = avatar
    const body = new BodyScreen(this.#say, avatar, room, { language: this.about.language, garments, first, before: this.#before(avatar) }, {
      correct: (name, cm) => void this.#try(async () => void (now = await this.#remake(body, now, { corrections_cm: { [name]: cm } }))),
      paint: (skin) => void this.#try(async () => void (now = await this.#remake(body, now, { skin }))),
      takeAlong: () => void this.#try(async () => save(await room.archive(now), 'my-body.zip')),
      erase: () => void this.#try(async () => this.#gone(await room.erase(await room.avatars()))),
      again: () => void this.#try(() => this.#again()),
      explain: this.#advice.explain,
      about: this.#advice.about,
      wears: (worn) => this.#tab.keep(room.visit, worn),
      agreed: () => this.#tab.keep(room.visit, this.#tab.read()?.body ?? null),
    })
    this.#show('body', body.element)
    this.#body = body
    // A correction is under way: the page was loaded anew in the midst of it.
    if (avatar.status !== 'queued' && avatar.status !== 'processing') return
    body.working(avatar)
    void this.#try(async () => void (now = await this.#renewed(body, avatar, true)))
  }

  /** What this body wore in this tab. */
  #before({ id }: Avatar): KeptBody | null {
    const body = this.#tab.read()?.body ?? null
    return body?.avatar === id ? body : null
  }

  /** The old body stands until the new one is there. */
  async #remake(body: BodyScreen, avatar: Avatar, change: Change): Promise<Avatar> {
    return this.#renewed(body, await (this.#room as FittingRoom).change(avatar, change), 'corrections_cm' in change)
  }

  async #renewed(body: BodyScreen, changed: Avatar, reshaped: boolean): Promise<Avatar> {
    const { signal } = (this.#stop = new AbortController())
    try {
      const made = await (this.#room as FittingRoom).follow(changed, (now) => body.working(now), signal)
      if (this.#body === body) await body.renew(made, reshaped)
      return made
    } catch (error) {
      if (this.#body === body) throw error
      return changed // nobody waits for it any more: she left it, or it is erased
    }
  }

  #gone(receipts: string[]): void {
    if (this.#room) this.#tab.keep(this.#room.visit, null)
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
      this.#trouble(this.#advice.explain(error), () => void (over || !this.#room || !this.#form ? this.start() : this.#photos(null)))
    }
  }

  #show(name: string, screen: HTMLElement): void {
    this.#body?.dispose()
    this.#body = null
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
