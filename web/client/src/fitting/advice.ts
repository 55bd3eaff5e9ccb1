/** Refusals and remarks in the shopper's words; the server's own words where there is nothing better. */

import { Problem, Unreachable } from '../session'
import type { Hint } from './api'
import type { Key, Say, Words } from './words'

export type View = 'front' | 'side'

/** The photo that a refused form was about. */
export function viewIn(error: unknown): View | null {
  if (!(error instanceof Problem)) return null
  const view = error.members['view'] ?? error.members['part']
  return view === 'front' || view === 'side' ? view : null
}

export class Advice {
  constructor(
    private readonly words: Words,
    private readonly say: Say,
  ) {}

  /** The same, with the photo that it is about. */
  readonly about = (view: View | null, what: unknown): string => {
    const line = this.explain(what)
    return view ? this.say(`photos.about-${view}`, { line }) : line
  }

  /** For a photo's finding, or for an answer that was no success. */
  readonly explain = (what: unknown): string => (isHint(what) ? this.#hint(what) : this.#problem(what))

  #hint({ code, advice }: Hint): string {
    const key = `photo.${code.startsWith('engine-') ? 'no-body' : code}`
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
        return this.say('trouble.photo')
      case 'payload-too-large':
        return this.say('photo.photo-too-large')
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
