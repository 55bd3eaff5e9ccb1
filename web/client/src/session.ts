/** The HTTP contract of the shopper's side. Every refusal is a `Problem` with the server's stable code. */

import type { Product } from './worn'

export interface ConsentText {
  version: string
  /** In which she reads it, and agrees to it. */
  language: string
  title: string
  paragraphs: string[]
}

export interface Visit {
  token: string
  iceServers: RTCIceServer[]
  /** When they were given, on the clock of `Date.now()`: a relay's credentials last for minutes. */
  iceServersAt: number
  /** That she agreed, signed: it goes on to speak for her when the token is over. */
  receipt: string
  /** Whether she agreed to her camera, and not to photos alone. */
  camera: boolean
}

/** What a shopper did beside wearing: counted by the shop and the day, with nobody's name. */
export interface Deed {
  kind: 'snapshot' | 'add-to-cart'
  products: string[]
}

export interface Accepted {
  /** The try-on's own address, for PATCH and DELETE. */
  location: string
  etag: string | null
  sdp: string
}

type Members = Record<string, unknown>

/** An answer of type `application/problem+json` (RFC 9457), or any other refusal, whose code is then `http-<status>`. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly retryAfterS: number | null = null,
    readonly members: Members = {},
  ) {
    super(`${status} ${code}`)
  }

  static async from(response: Response): Promise<Problem> {
    const type = response.headers.get('content-type') ?? ''
    const body: unknown = type.includes('json') ? await response.json().catch(() => null) : null
    const members = typeof body === 'object' && body !== null ? (body as Members) : {}
    const code = typeof members['code'] === 'string' ? members['code'] : `http-${response.status}`
    const header = response.headers.get('retry-after')
    const retryAfterS = header !== null && /^\d+$/.test(header) ? Number(header) : null
    return new Problem(code, response.status, retryAfterS, members)
  }
}

/** Whether it says that the visit is no more. */
export function visitOver(error: unknown): boolean {
  return error instanceof Problem && (error.code === 'token-expired' || error.code === 'invalid-token')
}

/** No answer at all: the network, or the server, is away. */
export class Unreachable extends Error {}

const PATIENCE_MS = 10_000
const ICE_SERVERS_MS = 45_000

export class Shop {
  constructor(
    private readonly key: string,
    private readonly language: string,
  ) {}

  async catalogue(): Promise<Product[]> {
    const response = await call('/v1/catalog', { headers: { Authorization: `Bearer ${this.key}` } })
    const body = (await response.json()) as { products: Partial<Product>[] }
    return body.products.flatMap(({ id, kind, name, thumbnail, dimensions }) =>
      id === undefined || kind === undefined
        ? []
        : [{ id, kind, name: name ?? '', thumbnail: thumbnail ?? null, dimensions: dimensions ?? {} }],
    )
  }

  async consent(): Promise<ConsentText> {
    const response = await call(`/v1/consent?lang=${this.language}`, { cache: 'no-store' })
    const text = consentIn((await response.json()) as Members)
    if (!text) throw new Problem('consent-unreadable', response.status)
    return text
  }

  /** camera: whether that is what the text is about. */
  async openVisit(product: string | null, { version, language }: ConsentText, camera = true): Promise<Visit> {
    const response = await call('/v1/sessions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key: this.key, product, consent: { version, language, granted: true } }),
    })
    const body = (await response.json()) as { token: string; receipt: string; ice_servers?: RTCIceServer[] }
    const { token, receipt, ice_servers: iceServers = [] } = body
    return { token, receipt, camera, iceServers, iceServersAt: Date.now() }
  }

  /** A visit that began with photos may show her camera's picture from now on. */
  async agreeToCamera(visit: Visit, { version, language }: ConsentText): Promise<Visit> {
    const headers = { ...bearer(visit), 'Content-Type': 'application/json' }
    const body = JSON.stringify({ consent: { version, language, granted: true } })
    const response = await call('/v1/sessions/camera', { method: 'POST', headers, body })
    visit.receipt = ((await response.json()) as { receipt: string }).receipt
    visit.camera = true
    return visit
  }

  /** Gets new credentials for the relays if those of the visit may be over. */
  async refreshIceServers(visit: Visit): Promise<void> {
    const unknown = visit.iceServersAt === 0
    const old = Date.now() - visit.iceServersAt > ICE_SERVERS_MS
    if (!unknown && !(old && visit.iceServers.some(({ credential }) => credential !== undefined))) return
    const response = await call('/v1/ice-servers', { headers: bearer(visit) })
    visit.iceServers = ((await response.json()) as { ice_servers: RTCIceServer[] }).ice_servers
    visit.iceServersAt = Date.now()
  }

  /** `ticket` keeps the place in the queue; `replaces` is the location of this visit's try-on that this one takes over. */
  async offer(visit: Visit, sdp: string, ticket: string | null, replaces: string | null): Promise<Accepted> {
    const headers: Record<string, string> = { ...bearer(visit), 'Content-Type': 'application/sdp' }
    if (ticket !== null) headers['Vitrine-Ticket'] = ticket
    if (replaces !== null) headers['Vitrine-Replaces'] = replaces
    const response = await call('/v1/try-on', { method: 'POST', headers, body: sdp })
    const location = response.headers.get('location')
    if (location === null) throw new Problem('no-location', response.status)
    const path = new URL(location, window.location.href).pathname
    return { location: path, etag: response.headers.get('etag'), sdp: await response.text() }
  }

  /** A stream of server-sent events; it lasts until the server or `stop` ends it. */
  async events(visit: Visit, path: string, stop: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await call(path, { headers: bearer(visit), cache: 'no-store', signal: stop })
    if (!response.body) throw new Problem('no-body', response.status)
    return response.body
  }

  async trickle(visit: Visit, to: Accepted, fragment: string): Promise<void> {
    const headers: Record<string, string> = { ...bearer(visit), 'Content-Type': 'application/trickle-ice-sdpfrag' }
    if (to.etag !== null) headers['If-Match'] = to.etag
    await call(to.location, { method: 'PATCH', headers, body: fragment })
  }

  /** A count that is lost is no loss to the shopper. */
  async report(visit: Visit, deed: Deed): Promise<void> {
    const headers = { ...bearer(visit), 'Content-Type': 'application/json' }
    const body = JSON.stringify({ events: [deed] })
    await call('/v1/events', { method: 'POST', headers, body, keepalive: true }).catch(() => undefined)
  }

  /** Ends a try-on, and goes on doing so when the page is being closed. */
  async end(visit: Visit, location: string): Promise<void> {
    await call(location, { method: 'DELETE', headers: bearer(visit), keepalive: true })
  }
}

/** The consent text in an answer or in a `consent-required` problem. */
export function consentIn(members: Members): ConsentText | null {
  const inner = members['consent']
  const m = typeof inner === 'object' && inner !== null ? (inner as Members) : members
  const { version, language, title, paragraphs, text } = m
  if (typeof version !== 'string') return null
  const lines = Array.isArray(paragraphs) ? paragraphs : typeof text === 'string' ? text.split(/\n\s*\n/) : []
  const said = lines.filter((line): line is string => typeof line === 'string' && line.trim() !== '')
  if (said.length === 0) return null
  return {
    version,
    language: typeof language === 'string' ? language : 'en',
    title: typeof title === 'string' ? title : '',
    paragraphs: said,
  }
}

export function bearer(visit: Visit): Record<string, string> {
  return { Authorization: `Bearer ${visit.token}` }
}

export async function call(path: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...init })
  } catch (cause) {
    throw new Unreachable(path, { cause })
  }
  if (!response.ok) throw await Problem.from(response)
  return response
}
