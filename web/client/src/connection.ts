/** One peer connection to a media node: the camera's picture up, the try-on's picture down, the data channel beside. */

import { read, type FromServer, type ToServer } from './control'
import { fragmentOf } from './trickle'
import { Problem, type Accepted, type Shop, type Visit } from './session'

export interface Listener {
  onPicture(stream: MediaStream): void
  onControlOpen(): void
  onMessage(message: FromServer): void
  onDropped(code: string): void
}

export interface Place {
  ticket: string | null
  replaces: string | null
}

const MAX_BITRATE = 1_500_000
const MAX_FRAMERATE = 30
/** Host candidates are there in a few milliseconds; a relay's come later, by PATCH. */
const GATHER_MS = 150
/** ICE may call a connection disconnected and find it again; the pulse decides earlier than this when nothing comes. */
const DISCONNECTED_MS = 3000

export class Connection {
  readonly peer: RTCPeerConnection
  #accepted: Accepted | null = null
  #closed = false
  readonly #control: RTCDataChannel
  readonly #early: RTCIceCandidate[] = []
  #disconnectedTimer = 0

  constructor(
    private readonly shop: Shop,
    private readonly visit: Visit,
    track: MediaStreamTrack,
    private readonly listener: Listener,
  ) {
    this.peer = new RTCPeerConnection({ iceServers: visit.iceServers, bundlePolicy: 'max-bundle' })
    this.#control = this.peer.createDataChannel('control', { ordered: true })
    this.#control.onopen = () => this.#tell(() => listener.onControlOpen())
    this.#control.onclose = () => this.#tell(() => listener.onDropped('channel-closed'))
    this.#control.onmessage = ({ data }) => {
      const message = read(data)
      if (message) this.#tell(() => listener.onMessage(message))
    }
    this.#sendAndReceive(track)
    this.peer.onconnectionstatechange = () => this.#onState()
    this.peer.onicecandidate = ({ candidate }) => candidate && this.#onCandidate(candidate)
  }

  /** The try-on's own address, once the server has accepted it. */
  get location(): string | null {
    return this.#accepted?.location ?? null
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Offers, and takes the answer. Rejects with `Problem` or `Unreachable`. */
  async open({ ticket, replaces }: Place): Promise<void> {
    await this.#refreshIceServers()
    await this.peer.setLocalDescription()
    await this.#gathered()
    const offered = this.peer.localDescription
    if (this.#closed || !offered) return
    const early = this.#early.length
    const accepted = await this.#offer(offered.sdp, ticket, replaces)
    this.#accepted = accepted
    if (this.#closed) {
      await this.end()
      return
    }
    await this.peer.setRemoteDescription({ type: 'answer', sdp: accepted.sdp })
    await this.#trickle(this.#early.slice(early))
  }

  send(message: ToServer): void {
    if (this.#control.readyState === 'open') this.#control.send(JSON.stringify(message))
  }

  /** Stops without telling the server. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#disconnectedTimer)
    this.peer.close()
  }

  /** Stops and tells the server, which frees the place at once. A server that is gone has freed it already. */
  async end(): Promise<void> {
    this.close()
    if (this.#accepted) await this.shop.end(this.visit, this.#accepted.location).catch(() => undefined)
  }

  /** A server that cannot hand over from one try-on to the next wants the old one ended first. */
  async #offer(sdp: string, ticket: string | null, replaces: string | null): Promise<Accepted> {
    try {
      return await this.shop.offer(this.visit, sdp, ticket, replaces)
    } catch (problem) {
      if (!(problem instanceof Problem && problem.code === 'session-active') || replaces === null) throw problem
      await this.shop.end(this.visit, replaces).catch(() => undefined)
      return this.shop.offer(this.visit, sdp, ticket, null)
    }
  }

  /** Without new credentials the old ones, and the paths that need no relay, may still do. */
  async #refreshIceServers(): Promise<void> {
    const before = this.visit.iceServers
    await this.shop.refreshIceServers(this.visit).catch(() => undefined)
    if (this.visit.iceServers === before || this.#closed) return
    this.peer.setConfiguration({ ...this.peer.getConfiguration(), iceServers: this.visit.iceServers })
  }

  #sendAndReceive(track: MediaStreamTrack): void {
    const transceiver = this.peer.addTransceiver(track, {
      direction: 'sendrecv',
      streams: [new MediaStream([track])],
      sendEncodings: [{ maxBitrate: MAX_BITRATE, maxFramerate: MAX_FRAMERATE }],
    })
    preferVp8(transceiver)
    const parameters = transceiver.sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string }
    parameters.degradationPreference = 'maintain-framerate'
    transceiver.sender.setParameters(parameters).catch(() => undefined) // a wish; Safari and Firefox may not know it
    const receiver = transceiver.receiver as RTCRtpReceiver & { jitterBufferTarget?: number | null }
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0
    this.peer.ontrack = ({ track: returned }) => this.#tell(() => this.listener.onPicture(new MediaStream([returned])))
  }

  async #gathered(): Promise<void> {
    if (this.peer.iceGatheringState === 'complete') return
    await new Promise<void>((done) => {
      const timer = setTimeout(done, GATHER_MS)
      this.peer.addEventListener('icegatheringstatechange', () => {
        if (this.peer.iceGatheringState !== 'complete') return
        clearTimeout(timer)
        done()
      })
    })
  }

  #onCandidate(candidate: RTCIceCandidate): void {
    if (this.#accepted) void this.#trickle([candidate])
    else this.#early.push(candidate)
  }

  async #trickle(candidates: RTCIceCandidate[]): Promise<void> {
    const local = this.peer.localDescription
    if (!this.#accepted || !local || candidates.length === 0 || this.#closed) return
    // A candidate that does not arrive is a path less, not a failure.
    await this.shop.trickle(this.visit, this.#accepted, fragmentOf(local.sdp, candidates)).catch(() => undefined)
  }

  #onState(): void {
    clearTimeout(this.#disconnectedTimer)
    const state = this.peer.connectionState
    if (state === 'failed' || state === 'closed') this.#tell(() => this.listener.onDropped(`peer-${state}`))
    if (state === 'disconnected') {
      this.#disconnectedTimer = window.setTimeout(
        () => this.#tell(() => this.listener.onDropped('peer-disconnected')),
        DISCONNECTED_MS,
      )
    }
  }

  #tell(event: () => void): void {
    if (!this.#closed) event()
  }
}

/** VP8 first: the server encodes it at half the cost of H.264. The others stay in the offer for browsers without it. */
function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs
  if (!codecs || typeof transceiver.setCodecPreferences !== 'function') return
  const isVp8 = (codec: { mimeType: string }) => codec.mimeType.toLowerCase() === 'video/vp8'
  transceiver.setCodecPreferences([...codecs.filter(isVp8), ...codecs.filter((codec) => !isVp8(codec))])
}
