/** The stage and what lies over it: turning, the ease map with its legend, the names of two sizes. */

import { h, icon } from '../dom'
import { legend } from './legend'
import type { FittingRoom } from './api'
import type { Stops } from './ease'
import type { Say } from './words'
import type { Mirror } from '../standing/standing'
import type { Viewer } from './viewer'

const TURNS = [
  ['front', 0],
  ['side', -Math.PI / 2],
  ['back', Math.PI],
] as const
const STEP = 0.75

/** What stands on the stage: files of the server's. */
export interface Scenery {
  body: string
  garment: string | null
  /** The same outfit in another size. */
  beside: string | null
  /** A picture of it for browsers without WebGL. */
  picture: string
}

export class Plate {
  readonly element = h('div', { class: 'body-plate', 'data-state': 'empty' })
  readonly #over = h('div', { class: 'over' })
  readonly #names = h('div', { class: 'names', 'aria-hidden': 'true' })
  readonly #legend = h('div', { class: 'legend-place' })
  readonly #busy = h('div', { class: 'busy', role: 'status' })
  readonly #map: HTMLButtonElement
  #viewer: Viewer | null = null
  #shown: Scenery | null = null
  #stops: Stops = []
  /** The body's file that stands there. */
  #standing: string | null = null

  constructor(
    private readonly say: Say,
    private readonly room: FittingRoom,
    private readonly mirror: Mirror,
  ) {
    this.#map = h('button', { type: 'button', class: 'quiet map', 'data-way': 'map', 'aria-pressed': 'false', hidden: true }, icon('ruler'), h('span', {}, say('map.show')))
    this.#map.onclick = () => this.#toggleMap()
    const turns = TURNS.map(([name, yaw]) => {
      const button = h('button', { type: 'button', class: 'quiet', 'data-turn': name }, say(`body.${name}`))
      button.onclick = () => this.#viewer?.turnTo(yaw)
      return button
    })
    const zoom = ([['out', '−', 1 / STEP], ['in', '+', STEP]] as const).map(([name, sign, share]) =>
      h('button', { type: 'button', class: 'quiet', 'data-zoom': name, 'aria-label': say(`zoom.${name}`), onclick: () => this.#viewer?.come(share) }, sign),
    )
    this.#over.append(this.#map, this.#legend, h('div', { class: 'turns' }, ...turns), h('div', { class: 'turns zooms' }, ...zoom))
  }

  /** Shows these files; what stands already is not fetched again. Raises what the server refuses. */
  async show(scenery: Scenery): Promise<void> {
    this.#shown = scenery
    this.#busy.textContent = this.say('clothes.coming')
    this.element.toggleAttribute('data-busy', true)
    try {
      if (this.element.dataset['state'] === 'picture') return await this.#picture(scenery)
      // The body is the same in every size: it is fetched once.
      const news = this.#standing !== scenery.body
      const [body, garment, beside] = await Promise.all(
        [news ? scenery.body : null, scenery.garment, scenery.beside].map((path) => (path ? this.room.file(path) : null)),
      )
      if (this.#shown !== scenery) return
      const viewer = await this.#stage()
      if (!viewer) return await this.#picture(scenery)
      if (body) await viewer.body(body)
      this.#standing = scenery.body
      await viewer.wear(garment ?? null)
      if (beside) await viewer.wear(beside, true)
      else viewer.alone()
      this.element.dataset['state'] = 'shown'
      this.element.dataset['garment'] = scenery.garment ?? ''
    } finally {
      if (this.#shown === scenery) this.element.toggleAttribute('data-busy', false)
    }
  }

  paint(skin: string, suit: string): void {
    this.#viewer?.paint(skin, suit)
  }

  /** Two names where two sizes stand side by side. */
  name(...names: string[]): void {
    this.element.toggleAttribute('data-two', names.length > 1)
    this.#names.replaceChildren(...(names.length > 1 ? names.map((name) => h('span', {}, name)) : []))
  }

  /** The colours of the map, null where nothing is worn whose room could be shown. */
  colours(stops: Stops | null): void {
    this.#map.hidden = stops === null
    this.#stops = stops ?? []
    if (!stops && this.#map.getAttribute('aria-pressed') === 'true') this.#toggleMap()
    if (stops) this.#legend.replaceChildren(legend(this.say, stops))
  }

  dispose(): void {
    this.#viewer?.dispose()
  }

  #toggleMap(): void {
    const on = this.#map.getAttribute('aria-pressed') !== 'true' && this.#stops.length > 0
    this.#map.setAttribute('aria-pressed', String(on))
    this.element.toggleAttribute('data-map', on)
    this.#viewer?.map(on)
  }

  /** The viewer, loaded only now: it is most of what the page weighs. Null where the browser has no WebGL. */
  async #stage(): Promise<Viewer | null> {
    if (this.#viewer) return this.#viewer
    const { Viewer } = await import('./viewer')
    try {
      this.#viewer = new Viewer(this.say('body.viewer'))
    } catch {
      return null
    }
    this.element.replaceChildren(this.#viewer.element, this.#names, this.#over, this.#busy)
    return this.#viewer
  }

  async #picture({ picture }: Scenery): Promise<void> {
    const url = URL.createObjectURL(new Blob([await this.room.file(picture)], { type: 'image/png' }))
    const image = h('img', { src: url, alt: '' })
    image.onload = () => URL.revokeObjectURL(url)
    const instead = h('div', { class: 'instead' }, h('p', {}, this.say('body.no-3d')), this.mirror.way())
    this.element.replaceChildren(image, instead, this.#busy)
    const first = this.element.dataset['state'] !== 'picture'
    this.element.dataset['state'] = 'picture'
    if (first) this.mirror.lead() // there she sees it from all sides; who closes it is not led there again
  }
}
