/**
 * The body in 3D: turned by a finger or the mouse, by keys and buttons; closer by pinch or wheel.
 *
 * Nothing is drawn while nothing moves. Where drawing is slow, as with software GL, the picture is drawn coarser while it
 * moves and sharp again when it rests.
 */

import {
  AmbientLight,
  Color,
  DirectionalLight,
  Group,
  HemisphereLight,
  Mesh,
  MeshLambertMaterial,
  PerspectiveCamera,
  Scene,
  SRGBColorSpace,
  Vector3,
  WebGLRenderer,
  type BufferGeometry,
  type Object3D,
} from 'three'
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js'
// The decoder in JavaScript: the one in WebAssembly would want 'wasm-unsafe-eval' in our Content-Security-Policy.
import { MeshoptDecoder } from 'meshopt-in-javascript'

const FRAME_MS = 1000 / 30
const COARSEST = 0.5
const FIELD_DEG = 26
const NEAREST = 0.45
const EASE = 0.18
const KEY_STEP = Math.PI / 12

export class Viewer {
  readonly element: HTMLCanvasElement
  readonly #renderer: WebGLRenderer
  readonly #scene = new Scene()
  readonly #camera = new PerspectiveCamera(FIELD_DEG, 1, 0.1, 30)
  readonly #stand = new Group()
  #heightM = 1.7
  #yaw = 0.5
  #wantedYaw = 0
  #zoom = 1
  #wantedZoom = 1
  #lift = 0
  #ratio: number
  #frame = 0
  #moving = false
  #slow = 0
  #drawn = 0
  readonly #resized: ResizeObserver
  readonly #pointers = new Map<number, { x: number; y: number }>()

  /** Raises an error where the browser has no WebGL. */
  constructor(label: string) {
    this.#renderer = new WebGLRenderer({ antialias: true, alpha: true, powerPreference: 'low-power' })
    this.#renderer.outputColorSpace = SRGBColorSpace
    this.element = this.#renderer.domElement
    this.element.tabIndex = 0
    this.element.setAttribute('role', 'img')
    this.element.setAttribute('aria-label', label)
    this.#ratio = Math.min(window.devicePixelRatio, 2)
    const key = new DirectionalLight(0xfff4e6, 2.1)
    key.position.set(1.6, 2.4, 2.2)
    const rim = new DirectionalLight(0xdfe9ff, 1.1)
    rim.position.set(-2.2, 1.6, -1.8)
    this.#scene.add(key, rim, new HemisphereLight(0xffffff, 0x8d8478, 1.15), new AmbientLight(0xffffff, 0.12), this.#stand)
    this.#listen()
    this.#resized = new ResizeObserver(() => this.#fit())
    this.#resized.observe(this.element)
  }

  /** Puts something onto the stand in place of what has this name. */
  async show(name: string, glb: ArrayBuffer): Promise<void> {
    const loader = new GLTFLoader()
    loader.setMeshoptDecoder(MeshoptDecoder)
    const { scene } = await loader.parseAsync(glb, '')
    const thing = atRest(scene)
    thing.name = name
    const before = this.#stand.getObjectByName(name)
    if (before) this.remove(name)
    this.#stand.add(thing)
    if (name === 'body') this.#heightM = heightOf(thing)
    this.#fit()
  }

  remove(name: string): void {
    const thing = this.#stand.getObjectByName(name)
    if (!thing) return
    thing.traverse((part) => {
      if (part instanceof Mesh) part.geometry.dispose()
    })
    this.#stand.remove(thing)
    this.#draw()
  }

  turnTo(yaw: number): void {
    const turns = Math.round((this.#wantedYaw - yaw) / (2 * Math.PI))
    this.#wantedYaw = yaw + turns * 2 * Math.PI
    this.#draw()
  }

  /** Frames drawn so far, for whoever measures. */
  get drawn(): number {
    return this.#drawn
  }

  get yaw(): number {
    return this.#yaw
  }

  dispose(): void {
    this.#resized.disconnect()
    cancelAnimationFrame(this.#frame)
    this.remove('body')
    this.#renderer.dispose()
    this.element.remove()
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element
    if (width === 0 || height === 0) return
    this.#renderer.setPixelRatio(this.#ratio)
    this.#renderer.setSize(width, height, false)
    this.#camera.aspect = width / height
    this.#draw()
  }

  #place(): void {
    const tall = this.#heightM * 1.16
    const half = Math.tan((FIELD_DEG * Math.PI) / 360)
    const distance = Math.max(tall / 2 / half, (this.#heightM * 0.62) / half / Math.max(0.2, this.#camera.aspect) / 2)
    const middle = this.#heightM * 0.5 + this.#lift * (1 - this.#zoom)
    this.#camera.position.set(0, middle + 0.06, distance * this.#zoom)
    this.#camera.lookAt(new Vector3(0, middle, 0))
    this.#camera.updateProjectionMatrix()
    this.#stand.rotation.y = this.#yaw
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#step(now, now))
  }

  #step(now: number, before: number): void {
    this.#frame = 0
    this.#yaw += (this.#wantedYaw - this.#yaw) * EASE
    this.#zoom += (this.#wantedZoom - this.#zoom) * EASE
    const still = Math.abs(this.#wantedYaw - this.#yaw) < 0.002 && Math.abs(this.#wantedZoom - this.#zoom) < 0.001
    if (still) [this.#yaw, this.#zoom] = [this.#wantedYaw, this.#wantedZoom]
    this.#pace(now - before, still)
    this.#place()
    this.#renderer.render(this.#scene, this.#camera)
    this.#drawn += 1
    this.element.dataset['drawn'] = String(this.#drawn)
    this.#moving = !still || this.#pointers.size > 0
    if (this.#moving) this.#frame = requestAnimationFrame((next) => this.#step(next, now))
    else this.#sharpen()
  }

  /** Coarser after a few slow frames in a row. */
  #pace(tookMs: number, still: boolean): void {
    if (still || tookMs <= 0) return
    this.#slow = tookMs > FRAME_MS * 1.15 ? this.#slow + 1 : Math.max(0, this.#slow - 0.25)
    if (this.#slow < 3 || this.#ratio <= COARSEST) return
    this.#slow = 0
    this.#ratio = Math.max(COARSEST, this.#ratio * 0.75)
    this.#renderer.setPixelRatio(this.#ratio)
  }

  #sharpen(): void {
    const full = Math.min(window.devicePixelRatio, 2)
    if (this.#ratio >= full) return
    const coarse = this.#ratio
    this.#renderer.setPixelRatio(full)
    this.#renderer.render(this.#scene, this.#camera)
    this.#ratio = coarse
  }

  #listen(): void {
    const on = this.element
    on.style.touchAction = 'pan-y'
    on.addEventListener('pointerdown', (event) => {
      on.setPointerCapture(event.pointerId)
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    })
    on.addEventListener('pointermove', (event) => {
      const was = this.#pointers.get(event.pointerId)
      if (!was) return
      const apart = this.#apart()
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
      if (this.#pointers.size === 1) {
        this.#wantedYaw += ((event.clientX - was.x) / on.clientWidth) * Math.PI * 1.6
        if (this.#zoom < 0.95) this.#slide((event.clientY - was.y) / on.clientHeight)
      } else if (apart > 0) this.#come(apart / Math.max(1, this.#apart()))
      this.#renderer.setPixelRatio(this.#ratio)
      this.#draw()
    })
    for (const kind of ['pointerup', 'pointercancel'] as const)
      on.addEventListener(kind, (event) => {
        this.#pointers.delete(event.pointerId)
        this.#draw()
      })
    on.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault()
        this.#come(Math.exp(event.deltaY * 0.0012))
      },
      { passive: false },
    )
    on.addEventListener('keydown', (event) => {
      const turn = { ArrowLeft: -KEY_STEP, ArrowRight: KEY_STEP }[event.key]
      const come = { '+': 0.85, '=': 0.85, '-': 1 / 0.85 }[event.key]
      if (turn !== undefined) this.#wantedYaw += turn
      else if (come !== undefined) this.#come(come)
      else return
      event.preventDefault()
      this.#draw()
    })
  }

  #apart(): number {
    const [one, two] = [...this.#pointers.values()]
    return one && two ? Math.hypot(one.x - two.x, one.y - two.y) : 0
  }

  #come(share: number): void {
    this.#wantedZoom = Math.min(1, Math.max(NEAREST, this.#wantedZoom * share))
    if (this.#wantedZoom === 1) this.#lift = 0
    this.#draw()
  }

  #slide(share: number): void {
    const most = this.#heightM * 0.75
    this.#lift = Math.min(most, Math.max(-most, this.#lift + share * this.#heightM * 1.2))
  }
}

/** The thing as plain meshes where it stands: what does not move needs no skeleton, and draws in half the time. */
function atRest(scene: Object3D): Group {
  const made = new Group()
  scene.updateMatrixWorld(true)
  scene.traverse((part) => {
    if (!(part instanceof Mesh) || /_level\d+$/.test(part.name)) return
    const mesh = new Mesh(part.geometry as BufferGeometry, plain(part))
    // A skinned mesh at rest stands where its vertices say, whatever its node's place is.
    if (!('isSkinnedMesh' in part)) mesh.applyMatrix4(part.matrixWorld)
    else mesh.applyMatrix4((part as unknown as { bindMatrix: Object3D['matrix'] }).bindMatrix)
    mesh.frustumCulled = false
    mesh.userData = part.userData
    made.add(mesh)
  })
  return made
}

function plain(part: Mesh): MeshLambertMaterial {
  const given = (Array.isArray(part.material) ? part.material[0] : part.material) as MeshLambertMaterial
  const vertexColors = 'color' in part.geometry.attributes
  return new MeshLambertMaterial({ color: given?.color ?? new Color(0xcfc9c2), map: given?.map ?? null, vertexColors, side: given?.side ?? 0 })
}

function heightOf(thing: Object3D): number {
  let top = 0
  thing.traverse((part) => {
    if (!(part instanceof Mesh)) return
    part.geometry.computeBoundingBox()
    const box = part.geometry.boundingBox
    if (box) top = Math.max(top, box.clone().applyMatrix4(part.matrixWorld).max.y, box.max.y * part.scale.y)
  })
  return top > 0.4 && top < 3 ? top : 1.7
}
