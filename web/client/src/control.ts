/** The messages of the data channel `control`: JSON, one object a message. */

export type ToServer =
  | { type: 'wear'; products: string[] }
  | { type: 'view'; mode: 'live' }
  | ({ type: 'view'; mode: 'avatar' } & AvatarView)
  | { type: 'ping'; t: number }
  | ({ type: 'stats' } & Record<string, number | string>)

/** What is absent stays as it was. `yaw`: degrees, positive to the picture's right. */
export interface AvatarView {
  avatar?: string
  wear?: { product: string; size: string | null }[]
  tucked?: boolean
  scene?: 'studio' | 'room'
  yaw?: number
}

export interface Fit {
  /** Distance between the pupils and its standard deviation, in millimetres. */
  pdMm: number
  pdSigmaMm: number | null
  frameWidthMm: number | null
  faceWidthMm: number | null
}

export type FromServer =
  | { type: 'face'; state: string; hint: string | null }
  | { type: 'fit'; fit: Fit }
  | { type: 'move'; withinMs: number }
  | { type: 'pong'; t: number }
  | { type: 'worn'; products: string[] }
  | { type: 'view'; mode: 'live' | 'avatar'; state: string | null; code: string | null }
  | { type: 'error'; code: string }

/** A message as the page uses it, or null for anything unknown or malformed: a newer server may say more. */
export function read(text: unknown): FromServer | null {
  if (typeof text !== 'string') return null
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof message !== 'object' || message === null) return null
  const m = message as Record<string, unknown>
  switch (m['type']) {
    case 'face':
      return typeof m['state'] === 'string' ? { type: 'face', state: m['state'], hint: words(m['hint']) } : null
    case 'fit': {
      const pdMm = millimetres(m['pd_mm'])
      if (pdMm === null) return null
      return {
        type: 'fit',
        fit: {
          pdMm,
          pdSigmaMm: millimetres(m['pd_sigma_mm']),
          frameWidthMm: millimetres(m['frame_width_mm']),
          faceWidthMm: millimetres(m['face_width_mm']),
        },
      }
    }
    case 'move':
      return { type: 'move', withinMs: finite(m['within_ms']) ?? 0 }
    case 'pong': {
      const t = finite(m['t'])
      return t === null ? null : { type: 'pong', t }
    }
    case 'worn':
      return { type: 'worn', products: ids(m['products']) }
    case 'view': {
      const mode = m['mode']
      if (mode !== 'live' && mode !== 'avatar') return null
      return { type: 'view', mode, state: words(m['state']), code: words(m['code']) }
    }
    case 'error':
      return typeof m['code'] === 'string' ? { type: 'error', code: m['code'] } : null
    default:
      return null
  }
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function millimetres(value: unknown): number | null {
  const mm = finite(value)
  return mm !== null && mm > 0 ? mm : null
}

function words(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

function ids(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : []
}
