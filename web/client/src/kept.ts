/**
 * What a tab keeps of a shopper's visit, so that the mirror and the fitting room of a shop are one visit: the token, the
 * receipt, and which body she has. It goes with the tab, and says nothing of her face or her measures.
 */

import type { Visit } from './session'

/** Her body, and what it wears. */
export interface KeptBody {
  avatar: string
  wear: { product: string; size: string | null }[]
  tucked: boolean
}

export interface Kept {
  token: string
  receipt: string
  camera: boolean
  body: KeptBody | null
}

export class Tab {
  readonly #name: string

  /** store: null where a browser keeps nothing for a page, as in some frames; then each page has a visit of its own. */
  constructor(
    shop: string,
    private readonly store: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null = storeOfTab(),
  ) {
    this.#name = `vitrine.visit.${shop}`
  }

  read(): Kept | null {
    try {
      return keptIn(JSON.parse(this.store?.getItem(this.#name) ?? 'null'))
    } catch {
      return null
    }
  }

  keep({ token, receipt, camera }: Visit, body: KeptBody | null): void {
    try {
      this.store?.setItem(this.#name, JSON.stringify({ token, receipt, camera, body }))
    } catch {
      this.forget() // full, or forbidden
    }
  }

  forget(): void {
    try {
      this.store?.removeItem(this.#name)
    } catch {
      // what cannot be written holds nothing either
    }
  }
}

/** As a visit whose relays' credentials are to be asked for anew. */
export function visitOf({ token, receipt, camera }: Kept): Visit {
  return { token, receipt, camera, iceServers: [], iceServersAt: 0 }
}

function keptIn(value: unknown): Kept | null {
  if (typeof value !== 'object' || value === null) return null
  const { token, receipt, camera, body } = value as Record<string, unknown>
  if (typeof token !== 'string' || typeof receipt !== 'string') return null
  return { token, receipt, camera: camera === true, body: (body ?? null) as KeptBody | null }
}

function storeOfTab(): Storage | null {
  try {
    return window.sessionStorage
  } catch {
    return null
  }
}
