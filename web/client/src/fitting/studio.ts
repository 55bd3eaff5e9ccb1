/** The studio: a key light, a cool rim, soft light from all around, and the shadow under whoever stands there. */

import {
  CanvasTexture,
  DirectionalLight,
  Group,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  NeutralToneMapping,
  PCFShadowMap,
  PlaneGeometry,
  SRGBColorSpace,
  type WebGLRenderer,
} from 'three'

const SHADOW_M = 1.5
const SHADOW_PX = 96

export function studio(renderer: WebGLRenderer): { lights: Group; key: DirectionalLight } {
  renderer.outputColorSpace = SRGBColorSpace
  renderer.toneMapping = NeutralToneMapping
  renderer.toneMappingExposure = 1.12
  renderer.shadowMap.enabled = true
  renderer.shadowMap.type = PCFShadowMap
  renderer.shadowMap.autoUpdate = false
  const key = new DirectionalLight(0xfff6ec, 2.5)
  key.position.set(1.5, 3.1, 2.6)
  key.castShadow = true
  key.shadow.mapSize.set(1024, 1024)
  key.shadow.radius = 5
  key.shadow.normalBias = 0.012
  key.shadow.intensity = 0.62
  Object.assign(key.shadow.camera, { left: -0.9, right: 0.9, top: 1.2, bottom: -1.2, near: 1, far: 7 })
  key.target.position.set(0, 0.9, 0)
  const fill = new DirectionalLight(0xe8efff, 0.55)
  fill.position.set(-2.6, 1.2, 2)
  const rim = new DirectionalLight(0xe4ecff, 1.5)
  rim.position.set(-1.8, 2.2, -2.4)
  const other = new DirectionalLight(0xffeeda, 0.8)
  other.position.set(2.2, 1.6, -2.2)
  const lights = new Group()
  lights.add(key, key.target, fill, rim, other, new HemisphereLight(0xffffff, 0xc9c2b8, 1.55))
  return { lights, key }
}

/** The soft shadow of what is near the floor, from its points (x, z) in m with their weights. */
export function shadowOf(points: readonly [number, number, number][]): Mesh {
  const grid = new Float32Array(SHADOW_PX * SHADOW_PX)
  const cell = SHADOW_M / SHADOW_PX
  for (const [x, z, weight] of points) {
    const [column, row] = [Math.floor(x / cell + SHADOW_PX / 2), Math.floor(z / cell + SHADOW_PX / 2)]
    if (column >= 0 && row >= 0 && column < SHADOW_PX && row < SHADOW_PX) grid[row * SHADOW_PX + column]! += weight
  }
  for (let index = 0; index < grid.length; index++) grid[index] = Math.min(1, grid[index]!)
  const [near, far] = [blurred(grid, 3), blurred(grid, 14)]
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SHADOW_PX
  const pen = canvas.getContext('2d')
  const picture = pen?.createImageData(SHADOW_PX, SHADOW_PX)
  if (pen && picture) {
    for (let index = 0; index < grid.length; index++) {
      const dark = 0.5 * near[index]! + 1.9 * far[index]!
      picture.data.set([38, 30, 22, 255 * Math.min(0.62, dark)], index * 4)
    }
    pen.putImageData(picture, 0, 0)
  }
  const texture = new CanvasTexture(canvas)
  texture.colorSpace = SRGBColorSpace
  const material = new MeshBasicMaterial({ map: texture, transparent: true, depthWrite: false, toneMapped: false })
  const shadow = new Mesh(new PlaneGeometry(SHADOW_M, SHADOW_M), material)
  shadow.rotation.x = -Math.PI / 2
  shadow.position.y = 0.001
  shadow.renderOrder = -1
  return shadow
}

/** Three box blurs a direction: near enough to a Gaussian. */
function blurred(grid: Float32Array, radius: number): Float32Array {
  let [from, to] = [grid.slice(), new Float32Array(grid.length)]
  const reach = Math.max(1, Math.round(radius / 2))
  for (let pass = 0; pass < 3; pass++)
    for (const step of [1, SHADOW_PX]) {
      for (let row = 0; row < SHADOW_PX; row++) {
        const start = step === 1 ? row * SHADOW_PX : row
        for (let at = 0; at < SHADOW_PX; at++) {
          let sum = 0
          for (let by = -reach; by <= reach; by++) if (at + by >= 0 && at + by < SHADOW_PX) sum += from[start + (at + by) * step]!
          to[start + at * step] = sum / (2 * reach + 1)
        }
      }
      ;[from, to] = [to, from]
    }
  return from
}
