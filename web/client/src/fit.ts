/** Sizes in words. Millimetres throughout. */

import type { Fit } from './control'
import type { Say } from './words'

/** Below this a difference between frame and face is within what anybody would call a fit. */
const SNUG_MM = 4

/** One line about the size of what is worn on this face; null while nothing is known. */
export function fitLine(say: Say, fit: Fit | null, ownFrameWidthMm: number | null): string | null {
  const frame = fit?.frameWidthMm ?? ownFrameWidthMm
  const parts: string[] = []
  if (frame !== null) parts.push(say('fit.frame', { mm: Math.round(frame) }))
  if (fit?.faceWidthMm) parts.push(say('fit.face', { mm: Math.round(fit.faceWidthMm) }))
  if (fit) {
    const sigma = fit.pdSigmaMm === null ? '' : ` ± ${Math.max(1, Math.round(fit.pdSigmaMm))}`
    parts.push(say('fit.pupils', { mm: `${Math.round(fit.pdMm)}${sigma}` }))
  }
  return parts.length === 0 ? null : parts.join(' · ')
}

/** What the two widths mean; null when one of them is not known. */
export function verdict(say: Say, fit: Fit | null): string | null {
  if (!fit?.faceWidthMm || !fit.frameWidthMm) return null
  const wider = fit.frameWidthMm - fit.faceWidthMm
  if (Math.abs(wider) <= SNUG_MM) return say('fit.about')
  return say(wider > 0 ? 'fit.wider' : 'fit.narrower')
}

export interface Engraving {
  lensMm: number
  bridgeMm: number
  templeMm: number
}

/** The three figures that stand on the inside of every temple: lens, bridge, temple. */
export function engraving(dimensions: Record<string, number>): Engraving | null {
  const { lens_width_mm: lens, bridge_mm: bridge, temple_mm: temple } = dimensions
  if (!lens || !bridge || !temple) return null
  return { lensMm: Math.round(lens), bridgeMm: Math.round(bridge), templeMm: Math.round(temple) }
}

/** Hats are sold by head circumference in centimetres. */
export function hatSize(dimensions: Record<string, number>): string | null {
  const mm = dimensions['head_circumference_mm']
  return mm ? `${Math.round(mm / 10)} cm` : null
}
