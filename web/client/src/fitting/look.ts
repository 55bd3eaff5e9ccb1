/**
 * A body and what it wears, put together from separate files: one skeleton for all of it, covered skin left out.
 *
 * Garments hang on the body's own joints, found by name. The pose is then worked out once on the CPU: what does not move
 * needs no skeleton while it is drawn, and draws in half the time.
 */

import {
  Box3,
  BufferAttribute,
  BufferGeometry,
  Color,
  Group,
  Matrix3,
  Matrix4,
  Mesh,
  SkinnedMesh,
  SRGBColorSpace,
  TextureLoader,
  Vector3,
  type Bone,
  type Material,
  type Object3D,
} from 'three'
import { GLTFLoader, type GLTF } from 'three/addons/loaders/GLTFLoader.js'
// The decoder in JavaScript: the one in WebAssembly would want 'wasm-unsafe-eval' in our Content-Security-Policy.
import { MeshoptDecoder } from 'meshopt-in-javascript'
import { cloth, dials, skin, type Dials, type Given } from './cloth'
import type { Stops } from './ease'
import { hiddenIn, withoutHidden } from './hidden'

/** The material of the suit that every body wears, in its file. */
const SUIT = 'suit'
/** Arms a little lower than in the pose that garments are modelled on: one stands so of one's own accord. */
const RELAXED: Record<string, number> = { left_shoulder: -0.3, right_shoulder: 0.3 }

/** What the files say of themselves (docs/fitting-room.md). */
interface Extras {
  vitrine?: { hidden?: string; vertices?: number; ease?: { colours?: Stops } }
}

/** A parsed file, its triangles finest first. */
export interface Piece {
  parts: { skinned: SkinnedMesh; levels: BufferAttribute[] }[]
  hidden: Uint8Array | null
  stops: Stops
}

export class Look {
  readonly group = new Group()
  readonly dials: Dials = dials()
  readonly #meshes: { mesh: Mesh<BufferGeometry, Material>; levels: BufferAttribute[] }[] = []

  constructor(body: Piece, garments: Piece | null) {
    const bones = new Map<string, Bone>()
    for (const { skinned } of body.parts) for (const bone of skinned.skeleton.bones) bones.set(bone.name, bone)
    for (const [name, turn] of Object.entries(RELAXED)) bones.get(name)?.rotation.set(0, 0, turn)
    for (const { skinned } of body.parts) skinned.skeleton.bones[0]?.updateWorldMatrix(true, true)
    const hidden = garments?.hidden ?? null
    for (const { skinned, levels } of body.parts) {
      const geometry = posed(skinned, bones)
      this.#add(geometry, skin(this.dials, (skinned.material as Material).name === SUIT), levels.map((level) => shown(level, hidden)))
    }
    for (const { skinned, levels } of garments?.parts ?? []) {
      const geometry = posed(skinned, bones)
      for (const name of ['uv', 'color', '_ease_cm']) {
        const attribute = skinned.geometry.getAttribute(name)
        if (attribute) geometry.setAttribute(name, attribute)
      }
      this.#add(geometry, cloth(skinned.material as unknown as Given, garments?.stops ?? [], this.dials), levels)
    }
  }

  /** Its height without a pedestal, m. */
  get heightM(): number {
    const top = new Box3().setFromObject(this.group).max.y
    return top > 0.4 && top < 3 ? top : 1.7
  }

  paint(skin: string, suit: string): void {
    const colour = new Color(skin)
    // Bright light makes skin look more orange than its swatch does.
    const { h, s, l } = colour.getHSL({ h: 0, s: 0, l: 0 }, SRGBColorSpace)
    this.dials.skin.value = colour.setHSL(h, s * 0.8, l, SRGBColorSpace)
    this.dials.suit.value = new Color(suit)
  }

  /** Draws with the finest triangles, or with fewer. */
  detail(coarse: boolean): void {
    for (const { mesh, levels } of this.#meshes) {
      const level = levels[coarse ? Math.min(1, levels.length - 1) : 0]
      if (level && mesh.geometry.index !== level) mesh.geometry.setIndex(level)
    }
  }

  /** Where it stands, seen from above: points (x, z) in m that are near the floor. */
  feet(): [number, number, number][] {
    const found: [number, number, number][] = []
    const point = new Vector3()
    for (const { mesh } of this.#meshes) {
      const position = mesh.geometry.getAttribute('position')
      for (let i = 0; i < position.count; i += 3) {
        point.fromBufferAttribute(position, i)
        if (point.y < 0.5) found.push([point.x, point.z, Math.exp(-point.y / 0.09)])
      }
    }
    return found
  }

  dispose(): void {
    for (const { mesh } of this.#meshes) {
      mesh.geometry.dispose()
      mesh.material.dispose()
    }
  }

  #add(geometry: BufferGeometry, material: Material, levels: BufferAttribute[]): void {
    geometry.setIndex(levels[0] ?? null)
    const mesh = new Mesh(geometry, material)
    mesh.frustumCulled = false
    mesh.castShadow = mesh.receiveShadow = true
    this.#meshes.push({ mesh, levels })
    this.group.add(mesh)
  }
}

/** Raises what the loader raises where a file is none. */
export async function readPiece(glb: ArrayBuffer): Promise<Piece> {
  const loader = new GLTFLoader()
  loader.setMeshoptDecoder(MeshoptDecoder)
  // Pictures by <img>, which may show a blob: our Content-Security-Policy lets nothing fetch one.
  loader.register((parser) => {
    parser.textureLoader = new TextureLoader(parser.options.manager)
    return { name: 'pictures' }
  })
  const gltf = await loader.parseAsync(glb, '')
  gltf.scene.updateMatrixWorld(true)
  const found: SkinnedMesh[] = []
  gltf.scene.traverse((part) => part instanceof SkinnedMesh && found.push(part))
  const parts = await Promise.all(found.map(async (skinned) => ({ skinned, levels: await levelsOf(gltf, skinned) })))
  const { vitrine } = (gltf.asset['extras'] ?? {}) as Extras
  const hidden = vitrine?.hidden && vitrine.vertices ? hiddenIn(vitrine.hidden, vitrine.vertices) : null
  return { parts, hidden, stops: vitrine?.ease?.colours ?? [] }
}

/** The triangles of a mesh and of its coarser levels, which hang on its node by MSFT_lod and share its vertices. */
async function levelsOf({ parser }: GLTF, part: SkinnedMesh): Promise<BufferAttribute[]> {
  const nodes = (parser.json as { nodes: { extensions?: { MSFT_lod?: { ids: number[] } } }[] }).nodes
  // A mesh of several materials is a group of meshes, and its node is the group's.
  const alone = parser.associations.get(part)?.nodes
  const index = alone ?? (part.parent ? parser.associations.get(part.parent)?.nodes : undefined)
  const place = alone === undefined ? (part.parent?.children.indexOf(part) ?? 0) : -1
  const ids = (index === undefined ? undefined : nodes[index]?.extensions?.MSFT_lod?.ids) ?? []
  const coarser = await Promise.all(ids.map((id) => parser.getDependency('node', id) as Promise<Object3D>))
  const levels = [part, ...coarser.map((level) => (place < 0 ? level : level.children[place]))]
  return levels.flatMap((level) => {
    const geometry = level instanceof SkinnedMesh ? (level.geometry as BufferGeometry) : null
    const alike = geometry?.getAttribute('position')?.count === part.geometry.getAttribute('position')?.count
    return geometry?.index && alike ? [geometry.index] : []
  })
}

function shown(level: BufferAttribute, hidden: Uint8Array | null): BufferAttribute {
  return hidden ? new BufferAttribute(withoutHidden(level.array as Uint16Array | Uint32Array, hidden), 1) : level
}

/** A skinned mesh where its joints stand now, `bones` taken for its own by their names. */
function posed({ geometry, skeleton, bindMatrix }: SkinnedMesh, bones: ReadonlyMap<string, Bone>): BufferGeometry {
  const moves = skeleton.bones.map((bone, number) => {
    const shared = bones.get(bone.name) ?? bone
    return shared.matrixWorld.clone().multiply(skeleton.boneInverses[number] ?? new Matrix4()).multiply(bindMatrix)
  })
  const turns = moves.map((move) => new Matrix3().getNormalMatrix(move))
  const { position, normal, skinIndex, skinWeight } = geometry.attributes
  const count = position?.count ?? 0
  const [points, normals] = [new Float32Array(count * 3), new Float32Array(count * 3)]
  const [sum, part, up, lean] = [new Vector3(), new Vector3(), new Vector3(), new Vector3()]
  for (let i = 0; i < count && position && normal && skinIndex && skinWeight; i++) {
    sum.set(0, 0, 0)
    up.set(0, 0, 0)
    for (let slot = 0; slot < 4; slot++) {
      const weight = skinWeight.getComponent(i, slot)
      const bone = skinIndex.getComponent(i, slot)
      const [move, turn] = [moves[bone], turns[bone]]
      if (weight === 0 || !move || !turn) continue
      sum.addScaledVector(part.fromBufferAttribute(position, i).applyMatrix4(move), weight)
      up.addScaledVector(lean.fromBufferAttribute(normal, i).applyMatrix3(turn).normalize(), weight)
    }
    sum.toArray(points, i * 3)
    up.normalize().toArray(normals, i * 3)
  }
  const still = new BufferGeometry()
  still.setAttribute('position', new BufferAttribute(points, 3))
  still.setAttribute('normal', new BufferAttribute(normals, 3))
  return still
}
