/**
 * The shopper's way through the page as a pure state machine: what happened goes in, which screen it comes to goes out.
 * `tryon.ts` makes things happen; `notices.ts` finds the words.
 */

import type { CameraTrouble } from './camera'

export type Screen =
  | 'loading'
  | 'consent'
  | 'asking-camera'
  | 'connecting'
  | 'live'
  | 'queue'
  | 'lost'
  | 'paused'
  | 'left'
  | CameraTrouble
  | 'session-expired'
  | 'session-active'
  | 'shop-unknown'
  | 'key-wrong'
  | 'used-up'
  | 'origin-refused'
  | 'rate-limited'
  | 'server-down'
  | 'network-blocked'

export interface Waiting {
  position: number | null
  etaSeconds: number | null
}

export interface Journey {
  screen: Screen
  /** A picture came back at least once since the shopper agreed. */
  wasLive: boolean
  /** Tries since the last picture. */
  attempt: number
  /** When the page tries again by itself; null while a try is under way or none is planned. */
  retryInMs: number | null
  waiting: Waiting | null
  ticket: string | null
  /** The text changed between reading and agreeing. */
  consentChanged: boolean
  /** The stable code behind the screen, for support. */
  code: string | null
}

export interface Refusal {
  code: string
  status: number
  retryAfterS: number | null
  members: Record<string, unknown>
}

export type Event =
  | { type: 'ready' }
  | { type: 'agreed' }
  | { type: 'camera-open' }
  | { type: 'camera-failed'; trouble: CameraTrouble }
  | { type: 'retrying' }
  | { type: 'picture' }
  | { type: 'dropped'; code: string }
  | { type: 'refused'; refusal: Refusal }
  | { type: 'placed'; members: Record<string, unknown> }
  | { type: 'line-lost' }
  | { type: 'unreachable' }
  | { type: 'away' }
  | { type: 'left' }
  | { type: 'unknown-shop' }

export const START: Journey = {
  screen: 'loading',
  wasLive: false,
  attempt: 0,
  retryInMs: null,
  waiting: null,
  ticket: null,
  consentChanged: false,
  code: null,
}

/** A first connection that fails this often is not bad luck but a firewall. */
const FIRST_TRIES = 3
/** A second try-on that is still refused after this many tries is somebody else's window, not our own shadow. */
const SHADOW_TRIES = 6

/** Without events from the line one asks for one's place. */
const ASK_AGAIN_MS = 3000

/** Where a try shows from these screens; the others keep saying what is wrong until it is right. */
const RETRYING: Partial<Record<Screen, Screen>> = {
  'camera-refused': 'asking-camera',
  'camera-absent': 'asking-camera',
  'camera-busy': 'asking-camera',
  'camera-lost': 'asking-camera',
  'session-active': 'connecting',
  'network-blocked': 'connecting',
  paused: 'connecting',
}

/** Milliseconds before try number `attempt` (from 0): at once, then doubling up to eight seconds. */
export function backoff(attempt: number): number {
  return attempt === 0 ? 0 : Math.min(500 * 2 ** (attempt - 1), 8000)
}

export function next(journey: Journey, event: Event): Journey {
  switch (event.type) {
    case 'ready':
      return { ...START, screen: 'consent', consentChanged: journey.consentChanged }
    case 'unknown-shop':
      return { ...START, screen: 'shop-unknown' }
    case 'agreed':
      return { ...START, screen: 'asking-camera' }
    case 'camera-open':
      return { ...journey, screen: journey.screen === 'lost' ? 'lost' : 'connecting', retryInMs: null, code: null }
    case 'camera-failed':
      return { ...journey, screen: event.trouble, retryInMs: null, code: event.trouble }
    case 'retrying':
      return { ...journey, screen: RETRYING[journey.screen] ?? journey.screen, retryInMs: null }
    case 'picture':
      return { ...START, screen: 'live', wasLive: true }
    case 'dropped':
      return again(journey, event.code)
    case 'unreachable':
      return journey.wasLive ? again(journey, 'unreachable') : later(journey, 'server-down', 'unreachable')
    case 'refused':
      return refused(journey, event.refusal)
    case 'placed':
      return journey.screen === 'queue' ? { ...journey, waiting: waitingIn(event.members), retryInMs: null } : journey
    case 'line-lost':
      return journey.screen === 'queue' ? { ...journey, retryInMs: ASK_AGAIN_MS } : journey
    case 'away':
      return { ...journey, screen: 'paused', retryInMs: null, attempt: 0 }
    case 'left':
      return { ...START, screen: 'left' }
  }
}

function again(journey: Journey, code: string): Journey {
  const screen = journey.wasLive ? 'lost' : journey.attempt + 1 < FIRST_TRIES ? 'connecting' : 'network-blocked'
  const retryInMs = screen === 'network-blocked' ? null : backoff(journey.attempt)
  return { ...journey, screen, attempt: journey.attempt + 1, retryInMs, code, waiting: null }
}

function later(journey: Journey, screen: Screen, code: string, retryAfterS: number | null = null): Journey {
  const retryInMs = retryAfterS === null ? backoff(journey.attempt + 2) : retryAfterS * 1000
  return { ...journey, screen, attempt: journey.attempt + 1, retryInMs, code }
}

function stop(journey: Journey, screen: Screen, code: string): Journey {
  return { ...journey, screen, retryInMs: null, code, waiting: null }
}

function refused(journey: Journey, { code, status, retryAfterS, members }: Refusal): Journey {
  if (code === 'queue') {
    const waiting = waitingIn(members)
    const ticket = typeof members['ticket'] === 'string' ? members['ticket'] : journey.ticket
    const retryInMs = retryAfterS === null ? ASK_AGAIN_MS : retryAfterS * 1000
    return { ...journey, screen: 'queue', waiting, ticket, retryInMs, attempt: 0, code }
  }
  if (code === 'session-active') {
    const shadow = journey.wasLive && journey.attempt < SHADOW_TRIES
    return shadow ? again(journey, code) : stop(journey, 'session-active', code)
  }
  if (code.startsWith('consent')) return { ...START, screen: 'consent', consentChanged: true, code }
  if (code === 'unknown-shop') return stop(journey, 'shop-unknown', code)
  if (code.startsWith('origin')) return stop(journey, 'origin-refused', code)
  if (code.includes('token')) return stop(journey, 'session-expired', code)
  if (code === 'cap-reached') return stop(journey, 'used-up', code)
  if (code === 'shop-closing' || code.includes('key')) return stop(journey, 'key-wrong', code)
  if (status === 429) return later(journey, 'rate-limited', code, retryAfterS)
  if (status === 401) return stop(journey, 'session-expired', code)
  if (status >= 500) return journey.wasLive ? again(journey, code) : later(journey, 'server-down', code, retryAfterS)
  return stop(journey, 'server-down', code)
}

function waitingIn(members: Record<string, unknown>): Waiting {
  return { position: count(members['position']), etaSeconds: count(members['eta_seconds']) }
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}
