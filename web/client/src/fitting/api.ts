/** The avatar calls of the HTTP contract. Every refusal is a `Problem` with the server's stable code. */

import { bearer, call, consentIn, Problem, type ConsentText, type Shop, type Visit } from '../session'
import { Mirror, type Standing } from '../standing/standing'
import { readEvents } from '../waiting'
import { stocked, type Listed, type Stocked } from './wardrobe'
import type { Stops } from './ease'
import type { Say } from './words'

export interface Measurement {
  cm: number
  sigma_cm: number
}

export interface Hint {
  code: string
  advice: string
}

/** A remark, or why nothing came of it, and of which photo, if of one. */
export interface PhotoHint extends Hint {
  view: 'front' | 'side' | null
}

export interface Avatar {
  id: string
  origin: 'photos' | 'import'
  status: 'queued' | 'processing' | 'complete' | 'failed'
  stage: string
  progress: number
  eta_seconds: number | null
  failure: PhotoHint | null
  measurements: Record<string, Measurement>
  corrections_cm: Record<string, number>
  /** `neutral`, or the colour of her skin as she chose it. */
  skin?: string
  findings: PhotoHint[]
  files: { body: string; plain: string; thumbnail: string } | null
}

/** What is worn, each in its size, and where its files lie. */
export interface Dressed {
  garments: { product: string; size: string }[]
  files: { garment: string; picture: string }
}

/** One place of a garment on this body, in words of the shopper's language. */
export interface Zone {
  zone: string
  name: string
  ease_cm: number
  sigma_cm: number
  verdict: 'tight' | 'snug' | 'good' | 'roomy' | 'loose'
  words: string
}

export interface SizeFit {
  label: string
  probability: number
  words: string
  zones: Zone[]
}

/** Which size fits, how surely, and where each would be tight. */
export interface Fit {
  product: string
  size: string
  probability: number
  neighbour: string | null
  between: boolean
  words: string
  label_size: { size: string; probability: number } | null
  sizes: SizeFit[]
  colours: Stops
}

/** Measures of a tape, or a colour for the skin. */
export type Change = { corrections_cm: Record<string, number> } | { skin: string }

export interface Photos {
  front: Blob
  side: Blob | null
  heightCm: string
  weightKg: string
  sex: string
  clothing: string
  skin: string
}

/** Photos of 30 MB over a slow line. */
const UPLOAD_MS = 180_000
/** The server says something every ten seconds, if only that it is there. */
const SILENT_MS = 30_000
const AGAIN_MS = 1_500
/** What a stopped upload had brought already may be listed so late. */
const LATE_MS = 1_000

export async function consentFor(purpose: 'photo' | 'import', language: string): Promise<ConsentText> {
  const response = await call(`/v1/consent/${purpose}?lang=${language}`, { cache: 'no-store' })
  const text = consentIn((await response.json()) as Record<string, unknown>)
  if (!text) throw new Problem('consent-unreadable', response.status)
  return text
}

/** What the shop has, for anybody. */
export async function stockOf(key: string): Promise<Stocked> {
  const response = await call('/v1/catalog', { headers: { Authorization: `Bearer ${key}` } })
  return stocked(((await response.json()) as { products: Listed[] }).products)
}

/** One visitor's calls. */
export class FittingRoom {
  constructor(
    private readonly shop: Shop,
    readonly visit: Visit,
  ) {}

  /** Where her body is seen as video, without WebGL. */
  mirror(say: Say, body: Standing['body'], agreed: Standing['agreed']): Mirror {
    return new Mirror({ shop: this.shop, visit: this.visit, body, agreed, say })
  }

  /** What the visit has, the newest first. */
  async avatars(): Promise<Avatar[]> {
    return (await this.#read<{ avatars: Avatar[] }>('/v1/avatars')).avatars
  }

  static async enter(shop: Shop, agreed: ConsentText): Promise<FittingRoom> {
    return new FittingRoom(shop, await shop.openVisit(null, agreed, false))
  }

  async send(photos: Photos, agreed: ConsentText, stop: AbortSignal): Promise<Avatar> {
    const form = new FormData()
    form.append('front', photos.front, 'front')
    if (photos.side) form.append('side', photos.side, 'side')
    const said = { height_cm: photos.heightCm, weight_kg: photos.weightKg, sex: photos.sex, clothing: photos.clothing, skin: photos.skin }
    for (const [name, value] of Object.entries(said)) if (value !== '') form.append(name, value)
    form.append('consent', agreed.version)
    return this.#post(`/v1/avatars?lang=${agreed.language}`, form, stop)
  }

  async bring(archive: Blob, agreed: ConsentText, stop: AbortSignal): Promise<Avatar> {
    const form = new FormData()
    form.append('archive', archive, 'my-body.zip')
    form.append('consent', agreed.version)
    return this.#post(`/v1/avatars/import?lang=${agreed.language}`, form, stop)
  }

  /** The body is made anew; what comes back says that it is in line. */
  async change(avatar: Avatar, change: Change): Promise<Avatar> {
    const headers = { ...bearer(this.visit), 'Content-Type': 'application/json' }
    const body = JSON.stringify(change)
    return (await (await call(`/v1/avatars/${avatar.id}`, { method: 'PATCH', headers, body })).json()) as Avatar
  }

  /** What a list of `<product>:<size>` comes to on this body. */
  async outfit(avatar: Avatar, wear: string, tucked: boolean): Promise<Dressed> {
    return this.#read(`/v1/avatars/${avatar.id}/outfit?${new URLSearchParams({ wear, ...(tucked && { tucked: 'true' }) })}`)
  }

  async fit(avatar: Avatar, product: string, language: string): Promise<Fit> {
    return this.#read(`/v1/avatars/${avatar.id}/fit?${new URLSearchParams({ product, lang: language })}`)
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

  /** Erases all of these, or what is left of them; returns the signed receipts. */
  async erase(avatars: readonly Avatar[]): Promise<string[]> {
    const receipts: string[] = []
    for (const avatar of avatars) {
      try {
        receipts.push(...(await this.#erase(avatar)))
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'unknown-avatar')) throw error
      }
    }
    return receipts
  }

  /** Erases what was begun and has not become a body. */
  async eraseBegun(): Promise<void> {
    for (const wait of [0, LATE_MS]) {
      await new Promise((go) => setTimeout(go, wait))
      await this.erase((await this.avatars()).filter(({ status, files }) => files === null && (status === 'queued' || status === 'processing')))
    }
  }

  async #erase(avatar: Avatar): Promise<string[]> {
    const response = await call(`/v1/avatars/${avatar.id}`, { method: 'DELETE', headers: bearer(this.visit) })
    return ((await response.json()) as { receipts: string[] }).receipts
  }

  async #read<T>(path: string): Promise<T> {
    return (await (await call(path, { headers: bearer(this.visit), cache: 'no-cache' })).json()) as T
  }

  async #post(path: string, body: FormData, stop: AbortSignal): Promise<Avatar> {
    const init = { method: 'POST', headers: bearer(this.visit), body, signal: AbortSignal.any([stop, AbortSignal.timeout(UPLOAD_MS)]) }
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
