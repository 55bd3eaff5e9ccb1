/** The avatar calls of the HTTP contract. Every refusal is a `Problem` with the server's stable code. */

import { bearer, call, consentIn, Problem, type ConsentText, type Shop, type Visit } from '../session'
import { readEvents } from '../waiting'

export interface Measurement {
  cm: number
  sigma_cm: number
}

export interface Hint {
  code: string
  advice: string
}

export interface Avatar {
  id: string
  origin: 'photos' | 'import'
  status: 'queued' | 'processing' | 'complete' | 'failed'
  stage: string
  progress: number
  eta_seconds: number | null
  failure: Hint | null
  measurements: Record<string, Measurement>
  corrections_cm: Record<string, number>
  findings: Hint[]
  files: { body: string; plain: string; thumbnail: string } | null
}

export interface Photos {
  front: Blob
  side: Blob | null
  heightCm: string
  weightKg: string
  sex: string
  clothing: string
}

/** Photos of 30 MB over a slow line. */
const UPLOAD_MS = 180_000
/** The server says something every ten seconds, if only that it is there. */
const SILENT_MS = 30_000
const AGAIN_MS = 1_500

export async function consentFor(purpose: 'photo' | 'import', language: string): Promise<ConsentText> {
  const response = await call(`/v1/consent/${purpose}?lang=${language}`, { cache: 'no-store' })
  const text = consentIn((await response.json()) as Record<string, unknown>)
  if (!text) throw new Problem('consent-unreadable', response.status)
  return text
}

/** One visitor's calls. */
export class FittingRoom {
  constructor(
    private readonly shop: Shop,
    private readonly visit: Visit,
  ) {}

  static async enter(shop: Shop, agreed: ConsentText): Promise<FittingRoom> {
    return new FittingRoom(shop, await shop.openVisit(null, agreed))
  }

  async send(photos: Photos, agreed: ConsentText): Promise<Avatar> {
    const form = new FormData()
    form.append('front', photos.front, 'front')
    if (photos.side) form.append('side', photos.side, 'side')
    const said = { height_cm: photos.heightCm, weight_kg: photos.weightKg, sex: photos.sex, clothing: photos.clothing }
    for (const [name, value] of Object.entries(said)) if (value !== '') form.append(name, value)
    form.append('consent', agreed.version)
    return this.#post('/v1/avatars', form)
  }

  async bring(archive: Blob, agreed: ConsentText): Promise<Avatar> {
    const form = new FormData()
    form.append('archive', archive, 'my-body.zip')
    form.append('consent', agreed.version)
    return this.#post('/v1/avatars/import', form)
  }

  async correct(avatar: Avatar, corrections: Record<string, number>): Promise<Avatar> {
    const headers = { ...bearer(this.visit), 'Content-Type': 'application/json' }
    const body = JSON.stringify({ corrections_cm: corrections })
    return (await (await call(`/v1/avatars/${avatar.id}`, { method: 'PATCH', headers, body })).json()) as Avatar
  }

  /** Tells how far an avatar is until nothing more is done about it; a lost connection is taken up again. */
  async follow(avatar: Avatar, tell: (avatar: Avatar) => void, stop: AbortSignal): Promise<Avatar> {
    let last = avatar
    while (last.status === 'queued' || last.status === 'processing') {
      try {
        last = await this.#listen(last, tell, stop)
      } catch (error) {
        if (stop.aborted || (error instanceof Problem && error.status < 500)) throw error
      }
      if (last.status === 'queued' || last.status === 'processing') await new Promise((go) => setTimeout(go, AGAIN_MS))
      if (stop.aborted) throw new Problem('stopped', 0)
    }
    return last
  }

  async file(path: string): Promise<ArrayBuffer> {
    return (await call(path, { headers: bearer(this.visit), signal: AbortSignal.timeout(UPLOAD_MS) })).arrayBuffer()
  }

  async archive(avatar: Avatar): Promise<Blob> {
    const path = `/v1/avatars/${avatar.id}/export`
    return (await call(path, { headers: bearer(this.visit), signal: AbortSignal.timeout(UPLOAD_MS) })).blob()
  }

  /** Erases it; returns the signed receipts. */
  async erase(avatar: Avatar): Promise<string[]> {
    const response = await call(`/v1/avatars/${avatar.id}`, { method: 'DELETE', headers: bearer(this.visit) })
    return ((await response.json()) as { receipts: string[] }).receipts
  }

  async #post(path: string, body: FormData): Promise<Avatar> {
    const init = { method: 'POST', headers: bearer(this.visit), body, signal: AbortSignal.timeout(UPLOAD_MS) }
    return (await (await call(path, init)).json()) as Avatar
  }

  async #listen(avatar: Avatar, tell: (avatar: Avatar) => void, stop: AbortSignal): Promise<Avatar> {
    const silent = new AbortController()
    const signal = AbortSignal.any([stop, silent.signal])
    const reader = (await this.shop.events(this.visit, `/v1/avatars/${avatar.id}/events`, signal)).getReader()
    const decoder = new TextDecoder()
    let last = avatar
    let text = ''
    for (;;) {
      const timer = window.setTimeout(() => silent.abort(), SILENT_MS)
      const { done, value } = await reader.read().finally(() => clearTimeout(timer))
      if (done) return last
      const { events, rest } = readEvents(text + decoder.decode(value, { stream: true }))
      text = rest
      for (const { kind, data } of events) {
        if (kind !== 'avatar') continue
        last = data as unknown as Avatar
        tell(last)
      }
    }
  }
}
