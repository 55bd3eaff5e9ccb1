/** Watches a live connection: the heartbeat, the pulse, and the browser's own figures for the server. */

import type { Connection } from './connection'
import type { FromServer } from './control'
import { Pulse } from './pulse'
import { figures, type Figures } from './stats'

const TICK_MS = 150
/** After a gap like this it was the page that slept, and what it missed is not the server's silence. */
const SLEPT_MS = 500
const PING_MS = 2000
const STATS_MS = 5000

export interface Seen {
  framesShown(): number
  rtt(ms: number): void
}

export class Watch {
  #connection: Connection | null = null
  #pulse = new Pulse(0)
  #timer = 0
  #frames = 0
  #tickedAt = 0
  #pingedAt = 0
  #statsAt = 0
  #last: Figures | null = null

  constructor(
    private readonly seen: Seen,
    private readonly onDead: () => void,
  ) {}

  start(connection: Connection): void {
    this.stop()
    const now = performance.now()
    this.#connection = connection
    this.#pulse = new Pulse(now)
    this.#frames = 0
    this.#last = null
    this.#statsAt = this.#tickedAt = now
    this.#ping(now)
    this.#timer = window.setInterval(() => this.#tick(), TICK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#connection = null
  }

  heard(message: FromServer): void {
    const now = performance.now()
    this.#pulse.heard(now)
    if (message.type !== 'pong') return
    this.#pulse.answered(now - message.t)
    this.seen.rtt(now - message.t)
  }

  #tick(): void {
    const now = performance.now()
    if (now - this.#tickedAt > SLEPT_MS) this.#pulse.heard(now)
    this.#tickedAt = now
    const frames = this.seen.framesShown()
    if (frames !== this.#frames) this.#pulse.heard(now)
    this.#frames = frames
    const state = this.#pulse.at(now)
    if (state === 'dead') return this.onDead()
    if (now - this.#pingedAt >= (state === 'quiet' ? 2 * TICK_MS : PING_MS)) this.#ping(now)
    if (now - this.#statsAt >= STATS_MS) {
      this.#statsAt = now
      void this.#report()
    }
  }

  #ping(now: number): void {
    this.#pingedAt = now
    this.#connection?.send({ type: 'ping', t: now })
  }

  async #report(): Promise<void> {
    const connection = this.#connection
    if (!connection) return
    const now = await figures(connection.peer)
    if (this.#last) connection.send({ type: 'stats', ...now.since(this.#last) })
    this.#last = now
  }
}
