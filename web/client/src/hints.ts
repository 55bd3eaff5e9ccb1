/** What the shopper is told about her own picture, and when. */

const WORDS: Record<string, string> = {
  lost: 'Look into the camera so that we can see your face.',
  too_far: 'Come a little closer.',
  too_close: 'Move back a little.',
  too_dark: 'It is rather dark. Turn towards a window or a lamp.',
  too_bright: 'It is very bright. Turn away from the light a little.',
  backlit: 'The light is behind you. Turn towards it.',
  turned: 'Turn back towards the camera a little.',
  tilted: 'Hold your head a little straighter.',
  upside_down: 'Your picture is upside down. Turn your device round.',
  two_faces: 'Two people are in the picture. One at a time, please.',
  partly_out: 'Move to the middle of the picture.',
  black: 'The picture is black. Is the camera covered?',
  frozen: 'The picture stands still. Is another program using the camera?',
}

/** A sentence for a face state; null when there is nothing to say. An unknown state falls back on the server's words. */
export function hintFor(state: string, fromServer: string | null = null): string | null {
  if (state === 'found') return null
  return WORDS[state] ?? fromServer
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
