/**
 * The body in 3D: turned by a finger or the mouse, by keys and buttons; closer by pinch or wheel.
 *
 * Nothing is drawn while nothing moves. Where drawing is slow, as with software GL, the picture is drawn coarser while it
 * moves and sharp again when it rests.
 */

import {
  AmbientLight,
  Box3,
  BufferAttribute,
  DirectionalLight,
  Group,
  HemisphereLight,
  MathUtils,
  Matrix4,
  Mesh,
  MeshLambertMaterial,
  PerspectiveCamera,
  Scene,
  SkinnedMesh,
  SRGBColorSpace,
  Vector3,
  WebGLRenderer,
  type BufferGeometry,
  type Object3D,
} from 'three'
import { GLTFLoader, type GLTF } from 'three/addons/loaders/GLTFLoader.js'
// The decoder in JavaScript: the one in WebAssembly would want 'wasm-unsafe-eval' in our Content-Security-Policy.
import { MeshoptDecoder } from 'meshopt-in-javascript'

const FRAME_MS = 1000 / 30
const COARSEST = 0.5
const FINEST = 2
const FIELD_DEG = 26
const NEAREST = 0.45
const EASE_MS = 95
const KEY_STEP = Math.PI / 12
/** Pelvis and spine, in SMPL's order of joints, with the collars for straps. */
const TRUNK = new Set([0, 3, 6, 9])
/** By how much the suit darkens the mannequin, by channel. */
const SUIT = [0.33, 0.36, 0.36]

export class Viewer {
  readonly element: HTMLCanvasElement
  readonly #renderer: WebGLRenderer
  readonly #scene = new Scene()
  readonly #camera = new PerspectiveCamera(FIELD_DEG, 1, 0.1, 30)
  readonly #stand = new Group()
  readonly #things = new Map<string, Thing>()
  #heightM = 1.7
  #yaw = 0.5
  #wantedYaw = 0
  #zoom = 1
  #wantedZoom = 1
  #lift = 0
  #ratio: number
  #frame = 0
  #coarse = false
  #slow = 0
  #drawn = 0
  readonly #resized: ResizeObserver
  readonly #pointers = new Map<number, { x: number; y: number }>()

  /** Raises an error where the browser has no WebGL. */
  constructor(label: string) {
    // Smooth edges come from drawing at twice the size when nothing moves: software GL has no time for more samples.
    this.#renderer = new WebGLRenderer({ antialias: false, alpha: true, powerPreference: 'low-power' })
    this.#renderer.outputColorSpace = SRGBColorSpace
    this.element = this.#renderer.domElement
    this.element.tabIndex = 0
    this.element.setAttribute('role', 'img')
    this.element.setAttribute('aria-label', label)
    this.#ratio = Math.min(window.devicePixelRatio, FINEST)
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
    const thing = await atRest(await loader.parseAsync(glb, ''))
    this.remove(name)
    this.#things.set(name, thing)
    this.#stand.add(thing.group)
    if (name === 'body') this.#heightM = heightOf(thing)
    this.#fit()
  }

  remove(name: string): void {
    const thing = this.#things.get(name)
    if (!thing) return
    for (const { geometry } of [...thing.fine, ...thing.coarse]) geometry.dispose()
    this.#things.delete(name)
    this.#stand.remove(thing.group)
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
    for (const name of [...this.#things.keys()]) this.remove(name)
    cancelAnimationFrame(this.#frame)
    this.#renderer.dispose()
    this.element.remove()
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element
    if (width === 0 || height === 0) return
    this.#renderer.setSize(width, height, false)
    this.#camera.aspect = width / height
    this.#draw()
  }

  #place(): void {
    const tall = this.#heightM * 1.3
    const half = Math.tan((FIELD_DEG * Math.PI) / 360)
    const distance = Math.max(tall / 2 / half, (this.#heightM * 0.62) / half / Math.max(0.2, this.#camera.aspect) / 2)
    // Below the feet is room for the buttons, as long as all of the body is in sight.
    const below = this.#heightM * 0.07 * MathUtils.clamp((this.#zoom - NEAREST) / (1 - NEAREST), 0, 1)
    const middle = this.#heightM * 0.5 - below + this.#lift * (1 - this.#zoom)
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
    const share = 1 - Math.exp(-Math.min(100, Math.max(8, now - before)) / EASE_MS)
    this.#yaw += (this.#wantedYaw - this.#yaw) * share
    this.#zoom += (this.#wantedZoom - this.#zoom) * share
    const still = Math.abs(this.#wantedYaw - this.#yaw) < 0.002 && Math.abs(this.#wantedZoom - this.#zoom) < 0.001
    if (still) [this.#yaw, this.#zoom] = [this.#wantedYaw, this.#wantedZoom]
    this.#pace(now - before, still)
    this.#place()
    const moving = !still || this.#pointers.size > 0
    this.#render(moving)
    if (moving) this.#frame = requestAnimationFrame((next) => this.#step(next, now))
  }

  /** After a few slow frames in a row: first fewer triangles, then fewer pixels. */
  #pace(tookMs: number, still: boolean): void {
    if (still || tookMs <= 0) return
    this.#slow = tookMs > FRAME_MS * 1.15 ? this.#slow + 1 : Math.max(0, this.#slow - 0.25)
    if (this.#slow < 3) return
    this.#slow = 0
    if (!this.#coarse) this.#coarse = true
    else if (this.#ratio > COARSEST) this.#ratio = Math.max(COARSEST, this.#ratio * 0.7)
  }

  #render(moving: boolean): void {
    const coarse = moving && this.#coarse
    for (const thing of this.#things.values()) {
      for (const mesh of thing.fine) mesh.visible = !coarse
      for (const mesh of thing.coarse) mesh.visible = coarse || thing.fine.includes(mesh)
    }
    const ratio = moving ? this.#ratio : Math.max(window.devicePixelRatio, FINEST)
    if (this.#renderer.getPixelRatio() !== ratio) this.#renderer.setPixelRatio(ratio)
    this.#renderer.render(this.#scene, this.#camera)
    this.#drawn += 1
    this.element.dataset['drawn'] = String(this.#drawn)
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

/** What is on the stand: `fine` when nothing moves, `coarse` while it does and drawing is slow. */
interface Thing {
  group: Group
  fine: Mesh[]
  coarse: Mesh[]
}

/** A GLB as plain meshes where they stand: what does not move needs no skeleton, and draws in half the time. */
async function atRest(gltf: GLTF): Promise<Thing> {
  const group = new Group()
  const [fine, coarse]: [Mesh[], Mesh[]] = [[], []]
  gltf.scene.updateMatrixWorld(true)
  const parts: Mesh[] = []
  gltf.scene.traverse((part) => part instanceof Mesh && parts.push(part))
  for (const part of parts) {
    const mesh = still(part)
    fine.push(mesh)
    const level = await coarser(gltf, part)
    coarse.push(level ? still(level) : mesh)
  }
  group.add(...new Set([...fine, ...coarse]))
  group.updateMatrixWorld(true)
  return { group, fine, coarse }
}

/** The first coarser level of a mesh that hangs on its node by MSFT_lod. */
async function coarser(gltf: GLTF, part: Mesh): Promise<Mesh | null> {
  const { parser } = gltf
  const index = parser.associations.get(part)?.nodes
  const nodes = (parser.json as { nodes: { extensions?: { MSFT_lod?: { ids: number[] } } }[] }).nodes
  const id = index === undefined ? undefined : nodes[index]?.extensions?.MSFT_lod?.ids[0]
  const node = id === undefined ? null : ((await parser.getDependency('node', id)) as Object3D)
  return node instanceof Mesh ? node : null
}

function still(part: Mesh): Mesh {
  const mesh = new Mesh(part.geometry, plain(part))
  mesh.applyMatrix4(part instanceof SkinnedMesh ? restOf(part) : part.matrixWorld)
  mesh.frustumCulled = false
  return mesh
}

/** Where a skinned mesh stands at rest: there all of its joints move it alike, and its node's own place says nothing. */
function restOf({ skeleton, bindMatrix }: SkinnedMesh): Matrix4 {
  const [bone, inverse] = [skeleton.bones[0], skeleton.boneInverses[0]]
  return bone && inverse ? bone.matrixWorld.clone().multiply(inverse).multiply(bindMatrix) : bindMatrix
}

function plain(part: Mesh): MeshLambertMaterial {
  const given = (Array.isArray(part.material) ? part.material[0] : part.material) as MeshLambertMaterial
  if (part.name.startsWith('body')) clothe(part.geometry)
  const vertexColors = 'color' in part.geometry.attributes
  return new MeshLambertMaterial({ color: given.color, map: given.map, vertexColors, side: given.side })
}

/** A mannequin's suit: what the trunk's joints move is of a darker cloth, so that a body with nothing on is not bare. */
function clothe(geometry: BufferGeometry): void {
  const { skinIndex, skinWeight, color } = geometry.attributes
  if (!skinIndex || !skinWeight || color) return
  const colors = new Float32Array(skinIndex.count * 3)
  for (let vertex = 0; vertex < skinIndex.count; vertex++) {
    let trunk = 0
    for (let slot = 0; slot < 4; slot++)
      if (TRUNK.has(skinIndex.getComponent(vertex, slot))) trunk += skinWeight.getComponent(vertex, slot)
    const share = MathUtils.smoothstep(trunk, 0.4, 0.6)
    for (let channel = 0; channel < 3; channel++) colors[3 * vertex + channel] = 1 - share * (1 - (SUIT[channel] ?? 1))
  }
  geometry.setAttribute('color', new BufferAttribute(colors, 3))
}

function heightOf({ group }: Thing): number {
  const top = new Box3().setFromObject(group).max.y
  return top > 0.4 && top < 3 ? top : 1.7
}
