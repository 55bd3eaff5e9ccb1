/** The line at the server: where one stands, told as it changes, and when it is one's turn. Server-sent events. */

import type { Shop, Visit } from './session'

export interface WaitingListener {
  onPlace(members: Record<string, unknown>): void
  onTurn(): void
  /** The events have ended, or never came; whoever waits has to ask again. */
  onGone(): void
}

/** The server says something every five seconds, if only that it is there. */
const SILENT_MS = 15_000

export class WaitingLine {
  #stop: AbortController | null = null

  constructor(
    private readonly shop: Shop,
    private readonly listener: WaitingListener,
  ) {}

  follow(visit: Visit, path: string): void {
    this.leave()
    const stop = (this.#stop = new AbortController())
    void this.#listen(visit, path, stop)
  }

  leave(): void {
    this.#stop?.abort()
    this.#stop = null
  }

  async #listen(visit: Visit, path: string, stop: AbortController): Promise<void> {
    let timer = window.setTimeout(() => stop.abort(), SILENT_MS)
    try {
      const reader = (await this.shop.events(visit, path, stop.signal)).getReader()
      const decoder = new TextDecoder()
      let text = ''
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        clearTimeout(timer)
        timer = window.setTimeout(() => stop.abort(), SILENT_MS)
        const { events, rest } = readEvents(text + decoder.decode(value, { stream: true }))
        text = rest
        if (this.#stop !== stop) return
        for (const { kind, data } of events) {
          if (kind === 'place') this.listener.onPlace(data)
          if (kind === 'turn') {
            this.#stop = null
            return this.listener.onTurn()
          }
        }
      }
    } catch {
      // Gone or refused: the same to whoever waits.
    } finally {
      clearTimeout(timer)
    }
    if (this.#stop !== stop) return
    this.#stop = null
    this.listener.onGone()
  }
}

export interface ServerEvent {
  kind: string
  data: Record<string, unknown>
}

/** The whole events at the beginning of `text`, and what is left of it. Lines end as this server ends them. */
export function readEvents(text: string): { events: ServerEvent[]; rest: string } {
  const blocks = text.split('\n\n')
  const rest = blocks.pop() ?? ''
  const events: ServerEvent[] = []
  for (const block of blocks) {
    const lines = block.split('\n')
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    const [kind, data] = [field('event'), field('data')]
    if (kind === undefined || data === undefined) continue
    try {
      const read: unknown = JSON.parse(data)
      if (typeof read === 'object' && read !== null) events.push({ kind, data: read as Record<string, unknown> })
    } catch {
      // Not one of ours.
    }
  }
  return { events, rest }
}
