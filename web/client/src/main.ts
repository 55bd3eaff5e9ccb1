/** Entry: reads the shell's bootstrap, builds the page, starts the try-on. */

import './style/index.css'
import { knownTrouble } from './camera'
import { Debug } from './debug'
import { Host } from './host'
import { next, START } from './journey'
import { Tab } from './kept'
import { Page } from './page'
import { Shop } from './session'
import { Album } from './snapshot'
import { TryOn } from './tryon'
import { keepAwake } from './wake'
import { sayer, type Words } from './words'

interface Bootstrap {
  shop: { slug: string; name: string } | null
  key: string | null
  product: string | null
  language: string
  words: Words
  /** Where it is told what is kept. */
  privacy: string
}

/** A tab that nobody looks at does not keep a camera open for longer. */
const AWAY_MS = 60_000

function begin(main: HTMLElement, { shop, key, product, language, words, privacy }: Bootstrap): void {
  const say = sayer(words)
  const album = new Album(say)
  const options = new URLSearchParams(window.location.search)
  const host = new Host(main, options.get('embed'))
  main.toggleAttribute('data-dialog', options.has('dialog'))
  const fittingRoom = `/s/${shop?.slug ?? ''}/fitting-room?lang=${language}`
  const page = new Page(main, { shop: shop?.name ?? '', privacy, fittingRoom, words }, {
    agree: () => tryOn.agree(),
    retry: () => tryOn.retry(),
    restart: () => tryOn.restart(),
    leave: () => tryOn.leave(),
    choose: (kind, id) => tryOn.wear(kind, id),
    takeAllOff: () => tryOn.takeAllOff(),
    body: (on) => tryOn.showBody(on),
    turn: (yaw) => tryOn.turnBody(yaw),
    snapshot: async () => {
      const names = tryOn.products.map(({ name }) => name)
      const caption = names.length === 0 ? say('album.nothing') : names.reduce((first, second) => say('album.and', { first, second }))
      if (await album.take(page.stage.picture, page.stage.mirrored, caption)) tryOn.report('snapshot')
    },
    addToCart: !(host.listens && options.has('cart')) ? null : () => {
      host.addToCart(tryOn.products.map(({ id }) => id))
      tryOn.report('add-to-cart')
      page.added()
    },
  })
  const tryOn = new TryOn(say, new Shop(key ?? '', language), product, page, new Tab(shop?.slug ?? ''))
  const debug = new Debug(() => tryOn.connection)
  page.onRtt = (ms) => debug.rtt(ms)
  page.stage.element.append(debug.element)
  document.body.append(album.element)

  window.addEventListener('keydown', ({ key: pressed, ctrlKey, metaKey, altKey, target }) => {
    const typing = target instanceof HTMLInputElement && target.type !== 'radio'
    if (pressed === 'd' && !ctrlKey && !metaKey && !altKey && !typing) debug.toggle()
  })
  window.addEventListener('pagehide', () => tryOn.close())
  window.addEventListener('pageshow', ({ persisted }) => persisted && tryOn.away())
  window.addEventListener('online', () => tryOn.nudge())
  let awayTimer = 0
  document.addEventListener('visibilitychange', () => {
    clearTimeout(awayTimer)
    if (document.hidden) awayTimer = window.setTimeout(() => tryOn.away(), AWAY_MS)
  })
  keepAwake(main)
  host.join({ wear: (id) => tryOn.wearProduct(id), added: (id) => tryOn.report('add-to-cart', [id]) })

  if (!shop || !key) page.show(next(START, { type: 'unknown-shop' }))
  else start(tryOn)
}

function start(tryOn: TryOn): void {
  const trouble = knownTrouble()
  if (trouble) tryOn.refuse(trouble)
  else tryOn.start()
}

const main = document.querySelector('main')
const bootstrap = document.getElementById('vitrine')?.textContent
if (main && bootstrap) begin(main, JSON.parse(bootstrap) as Bootstrap)
