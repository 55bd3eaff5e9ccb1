/** The shopper's line to the server: one peer connection, and for the moment of a move two, make before break. */

import { Connection } from './connection'
import type { FromServer, ToServer } from './control'
import type { Shop, Visit } from './session'
import { Watch, type Seen } from './watch'

export interface LineListener extends Seen {
  /** Shows a stream; resolves at its first frame. */
  returned(stream: MediaStream): Promise<void>
  connections(made: number): void
  /** A picture is back, on the first connection or after a move. */
  onLive(): void
  /** What a new connection has to be told first. */
  greeting(): ToServer[]
  onMessage(message: FromServer): void
  onDropped(code: string): void
}

const FIRST_PICTURE_MS = 8000

export class Line {
  #current: Connection | null = null
  #moving: Connection | null = null
  #replaces: string | null = null
  #made = 0
  #pictureTimer = 0
  readonly #watch: Watch

  constructor(
    private readonly shop: Shop,
    private readonly listener: LineListener,
  ) {
    this.#watch = new Watch(listener, () => this.#drop('silent'))
  }

  get connection(): Connection | null {
    return this.#current
  }

  /** Connects anew, in the place of a dropped connection if there was one. Rejects with `Problem` or `Unreachable`. */
  async connect(visit: Visit, camera: MediaStreamTrack, ticket: string | null): Promise<void> {
    this.#current?.close()
    const connection = (this.#current = this.#make(visit, camera))
    try {
      await connection.open({ ticket, replaces: this.#replaces })
    } catch (error) {
      connection.close()
      if (this.#current === connection) this.#current = null
      throw error
    }
    if (this.#current !== connection) return
    this.#replaces = null
    clearTimeout(this.#pictureTimer)
    this.#pictureTimer = window.setTimeout(() => this.#drop('no-picture'), FIRST_PICTURE_MS)
  }

  /** Moves to another node: the picture goes on over the old connection until the new one has its first frame. */
  async move(visit: Visit, camera: MediaStreamTrack): Promise<void> {
    if (this.#moving || !this.#current) return
    const fresh = (this.#moving = this.#make(visit, camera))
    try {
      await fresh.open({ ticket: null, replaces: this.#current.location })
    } catch {
      this.#onDropped(fresh, 'move-refused')
    }
  }

  send(message: ToServer): void {
    this.#current?.send(message)
    this.#moving?.send(message)
  }

  /** Ends everything and tells the server. */
  end(): void {
    this.#stop()
    void this.#current?.end()
    void this.#moving?.end()
    this.#current = this.#moving = this.#replaces = null
  }

  #make(visit: Visit, camera: MediaStreamTrack): Connection {
    const connection: Connection = new Connection(this.shop, visit, camera, {
      onPicture: (stream) => void this.listener.returned(stream).then(() => this.#onPicture(connection)),
      onControlOpen: () => this.listener.greeting().forEach((message) => connection.send(message)),
      onMessage: (message) => {
        if (connection !== this.#current) return
        this.#watch.heard(message)
        this.listener.onMessage(message)
      },
      onDropped: (code) => this.#onDropped(connection, code),
    })
    this.listener.connections(++this.#made)
    return connection
  }

  #onPicture(connection: Connection): void {
    if (connection === this.#moving) {
      void this.#current?.end()
      this.#current = connection
      this.#moving = null
    }
    if (connection !== this.#current) return
    clearTimeout(this.#pictureTimer)
    this.#watch.start(connection)
    this.listener.onLive()
  }

  #onDropped(connection: Connection, code: string): void {
    if (connection === this.#moving) {
      connection.close()
      this.#moving = null
      if (this.#current?.closed) this.#drop(code)
    } else if (connection === this.#current && this.#moving) {
      connection.close() // the old node has gone before the new one's first frame, which is on its way
      this.#watch.stop()
    } else if (connection === this.#current) this.#drop(code)
  }

  #drop(code: string): void {
    this.#stop()
    this.#replaces = this.#current?.location ?? null
    this.#current?.close()
    this.#moving?.close()
    this.#current = this.#moving = null
    this.listener.onDropped(code)
  }

  #stop(): void {
    clearTimeout(this.#pictureTimer)
    this.#watch.stop()
  }
}
