/** What the shopper is told about her own picture, and when. */

import { known, sayer, type Words } from './words'

/** A sentence for a face state; null when there is nothing to say. An unknown state falls back on the server's words. */
export function hintFor(words: Partial<Words>, state: string, fromServer: string | null = null): string | null {
  if (state === 'found') return null
  const key = known(words, `hint.${state}`)
  return key ? sayer(words)(key) : fromServer
}

/**
 * Keeps hints from flickering: one appears when its state has lasted, and stays long enough to be read.
 * Times are milliseconds of one clock.
 */
export class HintGate {
  static readonly APPEAR_MS = 600
  static readonly STAY_MS = 1500

  #shown: string | null = null
  #shownAt = -Infinity
  #wanted: string | null = null
  #wantedAt = -Infinity

  want(hint: string | null, now: number): void {
    if (hint === this.#wanted) return
    this.#wanted = hint
    this.#wantedAt = now
  }

  /** The hint to show now. */
  at(now: number): string | null {
    if (this.#wanted === this.#shown) return this.#shown
    const lasted = now - this.#wantedAt >= (this.#wanted === null ? 0 : HintGate.APPEAR_MS)
    const read = this.#shown === null || now - this.#shownAt >= HintGate.STAY_MS
    if (lasted && read) {
      this.#shown = this.#wanted
      this.#shownAt = now
    }
    return this.#shown
  }

  clear(): void {
    this.#shown = this.#wanted = null
  }
}
