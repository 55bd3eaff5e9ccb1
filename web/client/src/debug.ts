/** Figures for engineers, behind the key "d". */

import type { Connection } from './connection'
import { h } from './dom'
import { figures, type Figures } from './stats'

const EVERY_MS = 1000

export class Debug {
  readonly element = h('pre', { class: 'debug', hidden: true, 'aria-hidden': 'true' })
  #timer = 0
  #last: Figures | null = null
  #rttMs: number | null = null

  constructor(private readonly connection: () => Connection | null) {}

  toggle(): void {
    this.element.hidden = !this.element.hidden
    clearInterval(this.#timer)
    this.#last = null
    if (this.element.hidden) return
    this.#timer = window.setInterval(() => void this.#update(), EVERY_MS)
    void this.#update()
  }

  rtt(ms: number): void {
    this.#rttMs = ms
  }

  async #update(): Promise<void> {
    const connection = this.connection()
    if (!connection) {
      this.element.textContent = 'no connection'
      return
    }
    const now = await figures(connection.peer)
    if (this.#last) {
      const lines = Object.entries(now.since(this.#last)).map(([name, value]) => `${name.padEnd(18)}${value}`)
      lines.unshift(`${'control rtt ms'.padEnd(18)}${this.#rttMs?.toFixed(1) ?? '–'}`)
      this.element.textContent = lines.join('\n')
    }
    this.#last = now
  }
}
