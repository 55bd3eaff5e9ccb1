/**
 * Whether the other side is still there. A browser takes five to thirty seconds to notice a dead peer; a picture that has
 * stopped and a ping that stays unanswered for many round trips tell it in one or two. Times are milliseconds of one clock.
 */
export class Pulse {
  static readonly QUIET_MS = 500
  /** The longest silence, for paths of which nothing better is known. */
  static readonly DEAD_MS = 1600
  /** What a ping may take besides its round trip: the server's turn, the next look at the clock here. */
  static readonly ANSWER_MS = 450
  static readonly ROUND_TRIPS = 5

  #heardAt: number
  #roundTrip: number | null = null

  constructor(now: number) {
    this.#heardAt = now
  }

  /** A new frame or any message arrived. */
  heard(now: number): void {
    this.#heardAt = now
  }

  /** A ping came back: the slow ones count at once, the quick ones little by little. */
  answered(roundTrip: number): void {
    const known = this.#roundTrip ?? roundTrip
    this.#roundTrip = Math.max(roundTrip, known + 0.2 * (roundTrip - known))
  }

  /** `quiet` asks for a ping right now; `dead` means that it, too, was not answered. */
  at(now: number): 'alive' | 'quiet' | 'dead' {
    const silence = now - this.#heardAt
    if (silence >= this.#deadMs) return 'dead'
    return silence >= Pulse.QUIET_MS ? 'quiet' : 'alive'
  }

  get #deadMs(): number {
    if (this.#roundTrip === null) return Pulse.DEAD_MS
    return Math.min(Pulse.DEAD_MS, Pulse.QUIET_MS + Pulse.ANSWER_MS + Pulse.ROUND_TRIPS * this.#roundTrip)
  }
}
