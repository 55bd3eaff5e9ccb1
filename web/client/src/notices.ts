/** What each screen says, and the way on it offers. Pure: a journey and a few facts in, words out. */

import type { Journey, Screen, Waiting } from './journey'
import type { Key, Say } from './words'

export type Way = 'retry' | 'restart' | 'leave' | 'open-tab' | 'reload'

export interface Notice {
  title: string
  lines: string[]
  steps: string[]
  ways: { way: Way; label: string }[]
  /** A figure to show large: the place in the queue. */
  figure: string | null
  /** Work is going on. */
  busy: boolean
}

export interface Facts {
  shop: string
  browser: Browser
}

export type Browser = 'chrome' | 'firefox' | 'safari' | 'ios' | 'android' | 'other'

/** Null for the screens that are more than words: the consent and the live picture. */
export function noticeFor(say: Say, journey: Journey, facts: Facts): Notice | null {
  const { screen } = journey
  if (screen === 'consent' || screen === 'live') return null
  const { line = [`${screen}.line` as Key], ways = [], ...more } = shapeOf(say, journey, facts.browser)
  return {
    title: say(`${screen}.title` as Key),
    lines: line.map((key) => say(key, { shop: facts.shop })),
    steps: [],
    figure: null,
    busy: false,
    ...more,
    ways: ways.map(([way, label]) => ({ way, label: say(label) })),
  }
}

/** What a screen has beside a title and a line of its own name. */
type Shape = Partial<Omit<Notice, 'ways'>> & { line?: Key[]; ways?: [Way, Key][] }

function shapeOf(say: Say, journey: Journey, browser: Browser): Shape {
  const { waiting } = journey
  const shapes: Partial<Record<Screen, () => Shape>> = {
    loading: () => ({ line: [], busy: true }),
    'asking-camera': () => ({ busy: true }),
    connecting: () => ({ busy: true }),
    queue: () => ({
      title: place(say, waiting),
      lines: [[before(say, waiting), eta(say, waiting)].filter(Boolean).join(' '), say('queue.line')],
      figure: (waiting?.position ?? 1) <= 1 ? null : String(waiting?.position),
      ways: [['leave', 'way.leave']],
      busy: true,
    }),
    lost: () => ({ ways: [['retry', 'way.now'], ['leave', 'way.leave']], busy: true }),
    paused: () => ({ ways: [['retry', 'way.carry-on']] }),
    left: () => ({ ways: [['restart', 'way.again']] }),
    'camera-refused': () => ({ steps: allowSteps(say, browser), ways: [['retry', 'way.retry']] }),
    insecure: () => ({ ways: [['open-tab', 'way.secure']] }),
    framed: () => ({ ways: [['open-tab', 'way.tab']] }),
    unsupported: () => ({ ways: [['open-tab', 'way.new-tab']] }),
    'session-expired': () => ({ ways: [['restart', 'way.start']] }),
    'session-active': () => ({ ways: [['retry', 'way.here']] }),
    'shop-unknown': () => ({}),
    'key-wrong': () => ({ ways: [['reload', 'way.retry']] }),
    'used-up': () => ({ ways: [['reload', 'way.retry']] }),
    'origin-refused': () => ({ ways: [['open-tab', 'way.tab']] }),
    'rate-limited': () => ({ ways: [['retry', 'way.now']], busy: true }),
    'server-down': () => ({ ways: [['retry', 'way.now']], busy: journey.retryInMs !== null }),
  }
  return shapes[journey.screen]?.() ?? { ways: [['retry', 'way.retry']] }
}

export function place(say: Say, waiting: Waiting | null): string {
  const position = waiting?.position ?? null
  if (position === null) return say('queue.unknown')
  return say(position <= 1 ? 'queue.next' : 'queue.place')
}

export function before(say: Say, waiting: Waiting | null): string {
  const position = waiting?.position ?? 1
  if (position <= 1) return ''
  return position === 2 ? say('queue.one-before') : say('queue.some-before', { count: position - 1 })
}

/** Honest, and no more exact than a forecast can be. */
export function eta(say: Say, waiting: Waiting | null): string {
  const seconds = waiting?.etaSeconds ?? null
  if (seconds === null) return say('queue.eta-unknown')
  if (seconds < 10) return say('queue.eta-soon')
  if (seconds < 90) return say('queue.eta-seconds', { count: Math.round(seconds / 10) * 10 })
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? say('queue.eta-minutes', { count: minutes }) : say('queue.eta-long')
}

/** "Trying again in 3 s", counted down by the page. */
export function countdown(say: Say, ms: number): string {
  const count = Math.ceil(ms / 1000)
  return count <= 0 ? say('count.now') : say('count.retry', { count })
}

export function browserOf(agent: string): Browser {
  if (/iPhone|iPad|iPod/.test(agent)) return 'ios'
  if (/Firefox\//.test(agent)) return 'firefox'
  if (/Android/.test(agent)) return 'android'
  if (/Chrome\/|Chromium\/|Edg\//.test(agent)) return 'chrome'
  return /Safari\//.test(agent) ? 'safari' : 'other'
}

function allowSteps(say: Say, browser: Browser): string[] {
  const whose = browser === 'chrome' ? 'other' : browser
  return [say(`allow.${whose}-1`), say(`allow.${whose}-2`)]
}
