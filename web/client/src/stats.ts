/** The browser's own figures (webrtc-stats), as numbers that a server can put into a histogram. */

export interface Sample {
  [name: string]: number | string
}

interface Totals {
  atMs: number
  framesShown: number
  framesSent: number
  bytesDown: number
  bytesUp: number
  bufferS: number
  buffered: number
  lost: number
  dropped: number
  freezes: number
  freezeS: number
}

export class Figures {
  constructor(
    private readonly totals: Totals,
    private readonly now: Sample,
  ) {}

  /** Rates over the time since an earlier reading, and the present state. */
  since(earlier: Figures): Sample {
    const a = earlier.totals
    const b = this.totals
    const seconds = Math.max(0.001, (b.atMs - a.atMs) / 1000)
    const frames = b.buffered - a.buffered
    return {
      fps: round((b.framesShown - a.framesShown) / seconds),
      up_fps: round((b.framesSent - a.framesSent) / seconds),
      bitrate_bps: Math.round(((b.bytesDown - a.bytesDown) * 8) / seconds),
      up_bitrate_bps: Math.round(((b.bytesUp - a.bytesUp) * 8) / seconds),
      jitter_buffer_ms: frames > 0 ? round(((b.bufferS - a.bufferS) * 1000) / frames) : 0,
      packets_lost: b.lost - a.lost,
      frames_dropped: b.dropped - a.dropped,
      freezes: b.freezes - a.freezes,
      freeze_ms: Math.round((b.freezeS - a.freezeS) * 1000),
      ...this.now,
    }
  }
}

export async function figures(peer: RTCPeerConnection): Promise<Figures> {
  const down: Record<string, number> = {}
  const up: Record<string, number> = {}
  const path: Record<string, number> = {}
  let limit = 'none'
  for (const report of (await peer.getStats()).values() as Iterable<Record<string, unknown>>) {
    if (report['type'] === 'inbound-rtp' && report['kind'] === 'video') numbers(report, down)
    if (report['type'] === 'outbound-rtp' && report['kind'] === 'video') {
      numbers(report, up)
      limit = String(report['qualityLimitationReason'] ?? 'none')
    }
    if (report['type'] === 'candidate-pair' && report['nominated'] === true) numbers(report, path)
  }
  const totals: Totals = {
    atMs: performance.now(),
    framesShown: down['framesDecoded'] ?? 0,
    framesSent: up['framesSent'] ?? 0,
    bytesDown: down['bytesReceived'] ?? 0,
    bytesUp: up['bytesSent'] ?? 0,
    bufferS: down['jitterBufferDelay'] ?? 0,
    buffered: down['jitterBufferEmittedCount'] ?? 0,
    lost: down['packetsLost'] ?? 0,
    dropped: down['framesDropped'] ?? 0,
    freezes: down['freezeCount'] ?? 0,
    freezeS: down['totalFreezesDuration'] ?? 0,
  }
  return new Figures(totals, {
    width: down['frameWidth'] ?? 0,
    height: down['frameHeight'] ?? 0,
    up_width: up['frameWidth'] ?? 0,
    up_height: up['frameHeight'] ?? 0,
    rtt_ms: round((path['currentRoundTripTime'] ?? 0) * 1000),
    limited_by: limit,
  })
}

function numbers(report: Record<string, unknown>, into: Record<string, number>): void {
  for (const [name, value] of Object.entries(report)) if (typeof value === 'number') into[name] = value
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
