/** Entry: reads the shell's bootstrap, builds the page, starts the try-on. */

import './style/index.css'
import { knownTrouble } from './camera'
import { Debug } from './debug'
import { joinHost } from './host'
import { next, START } from './journey'
import { Page } from './page'
import { Shop } from './session'
import { Album } from './snapshot'
import { TryOn } from './tryon'
import { keepAwake } from './wake'

interface Bootstrap {
  shop: { slug: string; name: string } | null
  key: string | null
  product: string | null
}

/** A tab that nobody looks at does not keep a camera open for longer. */
const AWAY_MS = 60_000

function begin(main: HTMLElement, { shop, key, product }: Bootstrap): void {
  const album = new Album()
  const page = new Page(main, shop?.name ?? '', {
    agree: () => tryOn.agree(),
    retry: () => tryOn.retry(),
    restart: () => tryOn.restart(),
    leave: () => tryOn.leave(),
    choose: (kind, id) => tryOn.wear(kind, id),
    takeAllOff: () => tryOn.takeAllOff(),
    snapshot: () => {
      const caption = tryOn.products.map(({ name }) => name).join(' and ') || 'Nothing on'
      void album.take(page.stage.picture, page.stage.mirrored, caption)
    },
  })
  const tryOn = new TryOn(new Shop(key ?? ''), product, page)
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
  joinHost(main, new URLSearchParams(window.location.search).get('embed'), (id) => tryOn.wearProduct(id))

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
