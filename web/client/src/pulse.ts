/**
 * Whether the other side is still there. A browser takes five to thirty seconds to notice a dead peer; a picture that has
 * stopped and a ping that stays unanswered tell it in less than two. Times are milliseconds of one clock.
 */
export class Pulse {
  static readonly QUIET_MS = 700
  static readonly DEAD_MS = 1600

  #heardAt: number

  constructor(now: number) {
    this.#heardAt = now
  }

  /** A new frame or any message arrived. */
  heard(now: number): void {
    this.#heardAt = now
  }

  /** `quiet` asks for a ping right now; `dead` means that it, too, was not answered. */
  at(now: number): 'alive' | 'quiet' | 'dead' {
    const silence = now - this.#heardAt
    if (silence >= Pulse.DEAD_MS) return 'dead'
    return silence >= Pulse.QUIET_MS ? 'quiet' : 'alive'
  }
}
