/** How skin and cloth are shaded: plain physical materials with a few lines of our own in their shaders. */

import { Color, DoubleSide, MeshStandardMaterial, type IUniform, type Texture, type Vector2 } from 'three'
import type { Stops } from './ease'

/** One look's switches, shared by all that it is made of. */
export interface Dials {
  /** 0: the garment's own colours, 1: the ease map. */
  ease: IUniform<number>
  skin: IUniform<Color>
  suit: IUniform<Color>
}

export function dials(): Dials {
  return { ease: { value: 0 }, skin: { value: new Color() }, suit: { value: new Color() } }
}

const BODY_FRAGMENT = 'uniform vec3 uSkin;\nuniform float uEase;\n'
const BODY_COLOUR = 'diffuseColor.rgb = mix(uSkin, vec3(0.62), uEase * 0.75);\n'

const CLOTH_VERTEX = 'attribute float _ease_cm;\nvarying float vRoom;\n'
const clothFragment = (stops: number): string => /* glsl */ `
varying float vRoom;
uniform float uEase;
uniform float uStops[${stops}];
uniform vec3 uColours[${stops}];
vec3 roomColour(float cm) {
  vec3 colour = uColours[0];
  for (int i = 1; i < ${stops}; i++)
    colour = mix(colour, uColours[i], clamp((cm - uStops[i - 1]) / (uStops[i] - uStops[i - 1]), 0.0, 1.0));
  return colour;
}
`
const CLOTH_COLOUR = 'diffuseColor.rgb = mix(diffuseColor.rgb, roomColour(vRoom), uEase);\n'
/** The fibres that stand off a surface catch light where it turns away. */
const fuzz = (strength: string): string => /* glsl */ `
  float grazing = 1.0 - saturate(dot(normal, normalize(vViewPosition)));
  outgoingLight += diffuseColor.rgb * ${strength} * grazing * grazing * grazing;
  #include <opaque_fragment>
`

/** Skin, or the suit on it. */
export function skin({ ease, skin, suit }: Dials, suited: boolean): MeshStandardMaterial {
  const material = new MeshStandardMaterial({ roughness: suited ? 0.8 : 0.58 })
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, { uEase: ease, uSkin: suited ? suit : skin })
    shader.fragmentShader = BODY_FRAGMENT + shader.fragmentShader
      .replace('#include <color_fragment>', BODY_COLOUR)
      .replace('#include <opaque_fragment>', fuzz('0.16'))
  }
  material.customProgramCacheKey = () => 'skin'
  return material
}

export interface Given {
  color: Color
  roughness: number
  metalness: number
  map: Texture | null
  normalMap: Texture | null
  normalScale: Vector2
}

/** Cloth as its file describes it, and the ease map over it. */
export function cloth(given: Given, stops: Stops, { ease }: Dials): MeshStandardMaterial {
  const { color, roughness, metalness, map, normalMap, normalScale } = given
  const material = new MeshStandardMaterial({ color, roughness, metalness, map, normalMap, normalScale, side: DoubleSide, vertexColors: true })
  const uniforms = {
    uEase: ease,
    uStops: { value: stops.map(([cm]) => cm) },
    uColours: { value: stops.map(([, colour]) => new Color(colour)) },
  }
  material.onBeforeCompile = (shader) => {
    Object.assign(shader.uniforms, uniforms)
    shader.vertexShader = CLOTH_VERTEX + shader.vertexShader.replace('#include <begin_vertex>', '#include <begin_vertex>\nvRoom = _ease_cm;')
    shader.fragmentShader = clothFragment(stops.length) + shader.fragmentShader
      .replace('#include <color_fragment>', '#include <color_fragment>\n' + CLOTH_COLOUR)
      .replace('#include <opaque_fragment>', fuzz('0.35'))
  }
  material.customProgramCacheKey = () => `cloth-${stops.length}`
  return material
}
