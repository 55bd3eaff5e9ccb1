/**
 * The stage: a body with what it wears, or the same body in two sizes side by side, seen by one camera.
 *
 * Nothing is drawn while nothing moves. Where drawing is slow, as with software GL, the picture is drawn coarser while it
 * moves and sharp again when it rests.
 */

import { Group, MathUtils, PerspectiveCamera, Scene, Vector3, WebGLRenderer, type DirectionalLight, type Mesh } from 'three'
import { Handling } from './handling'
import { Look, readPiece, type Piece } from './look'
import { Pace } from './pace'
import { shadowOf, studio } from './studio'

const FIELD_DEG = 26
const NEAREST = 0.42
const EASE_MS = 95

interface Stand {
  look: Look
  shadow: Mesh
  group: Group
}

export class Viewer {
  readonly element: HTMLCanvasElement
  readonly #renderer: WebGLRenderer
  readonly #scene = new Scene()
  readonly #camera = new PerspectiveCamera(FIELD_DEG, 1, 0.1, 30)
  readonly #key: DirectionalLight
  readonly #stands: [Stand | null, Stand | null] = [null, null]
  readonly #pace = new Pace(window.devicePixelRatio)
  readonly #handling: Handling
  readonly #resized: ResizeObserver
  #body: Piece | null = null
  #heightM = 1.7
  #yaw = 0.6
  #wantedYaw = 0
  #zoom = 1
  #wantedZoom = 1
  #lift = 0
  #ease = 0
  #wantedEase = 0
  #colours: [string, string] = ['#cfc9c2', '#8f8b86']
  #frame = 0
  #drawn = 0

  /** Raises an error where the browser has no WebGL. */
  constructor(label: string) {
    // Smooth edges come from drawing at twice the size when nothing moves: software GL has no time for more samples.
    this.#renderer = new WebGLRenderer({ antialias: false, alpha: true, powerPreference: 'low-power' })
    const { lights, key } = studio(this.#renderer)
    this.#key = key
    this.#scene.add(lights)
    this.element = this.#renderer.domElement
    this.element.tabIndex = 0
    this.element.setAttribute('role', 'img')
    this.element.setAttribute('aria-label', label)
    this.#handling = new Handling(this.element, {
      turn: (by) => this.#turn(by),
      come: (share) => this.come(share),
      slide: (share) => this.#slide(share),
      rest: () => this.#draw(),
    })
    this.#resized = new ResizeObserver(() => this.#fit())
    this.#resized.observe(this.element)
  }

  /** The body that everything is put on from now on. */
  async body(glb: ArrayBuffer): Promise<void> {
    this.#body = await readPiece(glb)
    this.#put(0, null)
    this.#fit()
  }

  /** Dresses the body, or undresses it; `beside` does so with the second one and shows it. */
  async wear(garments: ArrayBuffer | null, beside = false): Promise<void> {
    const piece = garments && (await readPiece(garments))
    this.#put(beside ? 1 : 0, piece)
    this.#draw()
  }

  /** One body again. */
  alone(): void {
    this.#take(1)
    this.#draw()
  }

  /** The ease map, or the garments as they are. */
  map(shown: boolean): void {
    this.#wantedEase = shown ? 1 : 0
    this.#draw()
  }

  paint(skin: string, suit: string): void {
    this.#colours = [skin, suit]
    for (const stand of this.#stands) stand?.look.paint(skin, suit)
    this.#draw()
  }

  turnTo(yaw: number): void {
    const turns = Math.round((this.#wantedYaw - yaw) / (2 * Math.PI))
    this.#wantedYaw = yaw + turns * 2 * Math.PI
    this.#draw()
  }

  /** Closer for a share below 1. */
  come(share: number): void {
    this.#wantedZoom = MathUtils.clamp(this.#wantedZoom * share, NEAREST, 1)
    if (this.#wantedZoom === 1) this.#lift = 0
    this.#draw()
  }

  dispose(): void {
    this.#resized.disconnect()
    cancelAnimationFrame(this.#frame)
    this.#take(0)
    this.#take(1)
    this.#renderer.dispose()
    this.element.remove()
  }

  #put(at: 0 | 1, garments: Piece | null): void {
    if (!this.#body) return
    this.#take(at)
    const look = new Look(this.#body, garments)
    look.paint(...this.#colours)
    const shadow = shadowOf(look.feet())
    const group = new Group()
    group.add(look.group, shadow)
    this.#stands[at] = { look, shadow, group }
    this.#scene.add(group)
    if (at === 0) this.#heightM = look.heightM
  }

  #take(at: 0 | 1): void {
    const stand = this.#stands[at]
    if (!stand) return
    stand.look.dispose()
    stand.shadow.geometry.dispose()
    this.#scene.remove(stand.group)
    this.#stands[at] = null
  }

  #turn(by: number): void {
    this.#wantedYaw += by
    this.#draw()
  }

  #slide(share: number): void {
    if (this.#zoom > 0.95) return
    const most = this.#heightM * 0.75
    this.#lift = MathUtils.clamp(this.#lift + share * this.#heightM * 1.2, -most, most)
    this.#draw()
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element
    if (width === 0 || height === 0) return
    this.#renderer.setSize(width, height, false)
    this.#draw()
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#step(now, now))
  }

  #step(now: number, before: number): void {
    this.#frame = 0
    const share = 1 - Math.exp(-MathUtils.clamp(now - before, 8, 100) / EASE_MS)
    this.#yaw += (this.#wantedYaw - this.#yaw) * share
    this.#zoom += (this.#wantedZoom - this.#zoom) * share
    this.#ease += (this.#wantedEase - this.#ease) * share
    const apart = [this.#wantedYaw - this.#yaw, this.#wantedZoom - this.#zoom, this.#wantedEase - this.#ease]
    const still = apart.every((distance) => Math.abs(distance) < 0.002)
    if (still) [this.#yaw, this.#zoom, this.#ease] = [this.#wantedYaw, this.#wantedZoom, this.#wantedEase]
    const moving = !still || this.#handling.held
    if (!still) this.#pace.took(now - before)
    this.#render(moving)
    if (moving) this.#frame = requestAnimationFrame((next) => this.#step(next, now))
  }

  #render(moving: boolean): void {
    const renderer = this.#renderer
    const ratio = this.#pace.ratio(moving)
    if (renderer.getPixelRatio() !== ratio) renderer.setPixelRatio(ratio)
    const { clientWidth: width, clientHeight: height } = this.element
    const shown = this.#stands.filter((stand) => stand !== null)
    const each = width / Math.max(1, shown.length)
    this.#place(each / Math.max(1, height), shown.length > 1)
    renderer.setScissorTest(shown.length > 1)
    this.#key.shadow.intensity = this.#pace.shadows(moving) ? 0.62 : 0
    for (const [place, stand] of shown.entries()) {
      for (const other of shown) other.group.visible = other === stand
      stand.look.detail(this.#pace.coarse(moving))
      stand.look.dials.ease.value = this.#ease
      stand.group.rotation.y = this.#yaw
      renderer.setViewport(place * each, 0, each, height)
      renderer.setScissor(place * each, 0, each, height)
      renderer.shadowMap.needsUpdate = this.#pace.shadows(moving)
      renderer.render(this.#scene, this.#camera)
    }
    this.#drawn += 1
    this.element.dataset['drawn'] = String(this.#drawn)
  }

  #place(aspect: number, named: boolean): void {
    // Names stand above the heads of two.
    const tall = this.#heightM * (named ? 1.34 : 1.23)
    const half = Math.tan((FIELD_DEG * Math.PI) / 360)
    const distance = Math.max(tall / 2 / half, (this.#heightM * 0.6) / half / Math.max(0.2, aspect) / 2)
    // Below the feet is room for the buttons, as long as all of the body is in sight.
    const below = this.#heightM * 0.07 * MathUtils.clamp((this.#zoom - NEAREST) / (1 - NEAREST), 0, 1)
    const middle = this.#heightM * (named ? 0.55 : 0.5) - below + this.#lift * (1 - this.#zoom)
    this.#camera.aspect = aspect
    this.#camera.position.set(0, middle + 0.1, distance * this.#zoom)
    this.#camera.lookAt(new Vector3(0, middle, 0))
    this.#camera.updateProjectionMatrix()
  }
}
