/** Refusals and remarks in the shopper's words; the server's own words where there is nothing better. */

import { Problem, Unreachable } from '../session'
import type { Hint } from './api'
import type { Key, Say, Words } from './words'

/** What a photo was refused for that only one of the two can be. */
const OF_ONE: Record<string, 'front' | 'side'> = {
  'not-frontal': 'front',
  'arms-against-body': 'front',
  'legs-closed': 'front',
  'not-sideways': 'side',
}

export function viewOf({ code }: Hint): 'front' | 'side' | null {
  return OF_ONE[code] ?? null
}

export class Advice {
  constructor(
    private readonly words: Words,
    private readonly say: Say,
  ) {}

  /** For a photo's finding, or for an answer that was no success. */
  readonly explain = (what: unknown): string => (isHint(what) ? this.#hint(what) : this.#problem(what))

  #hint({ code, advice }: Hint): string {
    const key = `photo.${code}`
    return key in this.words ? this.say(key as Key) : advice
  }

  #problem(error: unknown): string {
    if (error instanceof Unreachable || !(error instanceof Problem)) return this.say('trouble.offline')
    const { code, members, retryAfterS } = error
    switch (code) {
      case 'avatars-busy':
      case 'rate-limited':
      case 'busy':
        return this.say(code === 'busy' ? 'trouble.dressing' : 'trouble.busy', { s: retryAfterS ?? 60 })
      case 'token-expired':
      case 'invalid-token':
      case 'unknown-avatar':
        return this.say('trouble.visit-over')
      case 'archive-invalid':
        return this.say('trouble.not-a-body')
      case 'photo-format':
      case 'payload-too-large':
        return this.say('trouble.photo')
      case 'garment-unwearable':
        return this.say('trouble.garment')
      default:
        return typeof members['detail'] === 'string' ? members['detail'] : this.say('trouble.other', { code })
    }
  }
}

function isHint(what: unknown): what is Hint {
  return typeof what === 'object' && what !== null && 'code' in what && 'advice' in what
}
