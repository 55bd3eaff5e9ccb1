import { describe, expect, it } from 'vitest'
import { backoff, next, START, type Event, type Journey, type Refusal } from '../src/journey'

const refusal = (code: string, status: number, more: Partial<Refusal> = {}): Event => ({
  type: 'refused',
  refusal: { code, status, retryAfterS: null, members: {}, ...more },
})
const after = (...events: Event[]): Journey => events.reduce(next, START)
const live = after({ type: 'ready' }, { type: 'agreed' }, { type: 'camera-open' }, { type: 'picture' })

describe('the way in', () => {
  it('asks for consent before the camera, and for the camera before it connects', () => {
    const screens = [{ type: 'ready' }, { type: 'agreed' }, { type: 'camera-open' }, { type: 'picture' }] as Event[]
    let journey = START
    const seen = screens.map((event) => (journey = next(journey, event)).screen)
    expect(seen).toEqual(['consent', 'asking-camera', 'connecting', 'live'])
  })

  it('shows the consent again, marked as changed, when the text changed meanwhile', () => {
    const journey = next(after({ type: 'ready' }, { type: 'agreed' }), refusal('consent-required', 403))
    expect(journey).toMatchObject({ screen: 'consent', consentChanged: true })
    expect(next(journey, { type: 'agreed' }).consentChanged).toBe(false)
  })

  it.each([
    ['invalid-key', 401, 'key-wrong'],
    ['cap-reached', 403, 'used-up'],
    ['unknown-shop', 404, 'shop-unknown'],
    ['origin-not-allowed', 403, 'origin-refused'],
    ['token-expired', 401, 'session-expired'],
    ['invalid-token', 401, 'session-expired'],
    ['session-active', 409, 'session-active'],
    ['rate-limited', 429, 'rate-limited'],
    ['no-media-node', 503, 'server-down'],
    ['unavailable', 503, 'server-down'],
    ['http-500', 500, 'server-down'],
  ])('gives %s (%i) a screen of its own: %s', (code, status, screen) => {
    expect(next(after({ type: 'ready' }, { type: 'agreed' }), refusal(code, status)).screen).toBe(screen)
  })

  it('keeps the code for the support', () => {
    expect(next(START, refusal('invalid-key', 401)).code).toBe('invalid-key')
  })
})

describe('the queue', () => {
  const members = { position: 3, eta_seconds: 40, ticket: 'T' }
  const waiting = next(after({ type: 'agreed' }), refusal('queue', 503, { members, retryAfterS: 5 }))

  it('shows place and time, and tries again with the ticket when the server said', () => {
    expect(waiting).toMatchObject({
      screen: 'queue',
      waiting: { position: 3, etaSeconds: 40 },
      ticket: 'T',
      retryInMs: 5000,
    })
  })

  it('keeps the ticket when a later answer has none, and stays in the queue while it tries', () => {
    const tried = next(waiting, { type: 'retrying' })
    expect(tried.screen).toBe('queue')
    expect(next(tried, refusal('queue', 503, { members: { position: 2 } })).ticket).toBe('T')
  })

  it('moves up as it is told, and does not ask meanwhile', () => {
    const moved = next(waiting, { type: 'placed', members: { position: 2, eta_seconds: 20 } })
    expect(moved).toMatchObject({ screen: 'queue', waiting: { position: 2, etaSeconds: 20 }, ticket: 'T', retryInMs: null })
  })

  it('asks again when nothing is told any more', () => {
    const told = next(waiting, { type: 'placed', members: { position: 2 } })
    expect(next(told, { type: 'line-lost' }).retryInMs).toBe(3000)
    expect(next(live, { type: 'line-lost' })).toBe(live)
    expect(next(live, { type: 'placed', members: { position: 2 } })).toBe(live)
  })

  it('forgets the ticket once the picture is there', () => {
    expect(next(waiting, { type: 'picture' }).ticket).toBeNull()
  })

  it('makes nothing up when the server gives no figures', () => {
    expect(next(START, refusal('queue', 503)).waiting).toEqual({ position: null, etaSeconds: null })
  })
})

describe('a lost connection', () => {
  const dropped: Event = { type: 'dropped', code: 'silent' }

  it('resumes at once, then ever more slowly', () => {
    let journey = live
    const waits = Array.from({ length: 8 }, () => (journey = next(journey, dropped)).retryInMs)
    expect(waits).toEqual([0, 500, 1000, 2000, 4000, 8000, 8000, 8000])
    expect(journey.screen).toBe('lost')
  })

  it('starts counting anew after a picture', () => {
    const again = next(next(next(live, dropped), dropped), { type: 'picture' })
    expect(next(again, dropped).retryInMs).toBe(0)
  })

  it('goes on trying while the server or the network is away', () => {
    const lost = next(live, dropped)
    expect(next(lost, { type: 'unreachable' }).screen).toBe('lost')
    expect(next(lost, refusal('no-media-node', 503)).screen).toBe('lost')
  })

  it('takes its own shadow on the server for what it is, but not for ever', () => {
    let journey = next(live, dropped)
    expect(next(journey, refusal('session-active', 409)).screen).toBe('lost')
    for (let i = 0; i < 10; i++) journey = next(journey, refusal('session-active', 409))
    expect(journey.screen).toBe('session-active')
  })

  it('says so when the visit has ended meanwhile', () => {
    expect(next(next(live, dropped), refusal('token-expired', 401)).screen).toBe('session-expired')
  })

  it('before any picture is tried three times and then called a blocked network', () => {
    const opening = after({ type: 'ready' }, { type: 'agreed' }, { type: 'camera-open' })
    const screens = [dropped, dropped, dropped].reduce<Journey[]>((all, e) => [...all, next(all.at(-1) ?? opening, e)], [])
    expect(screens.map(({ screen }) => screen)).toEqual(['connecting', 'connecting', 'network-blocked'])
    expect(screens.at(-1)?.retryInMs).toBeNull()
  })
})

describe('the camera', () => {
  it.each(['camera-refused', 'camera-absent', 'camera-busy', 'camera-lost'] as const)('asks again after %s', (trouble) => {
    const failed = next(after({ type: 'agreed' }), { type: 'camera-failed', trouble })
    expect(failed.screen).toBe(trouble)
    expect(next(failed, { type: 'retrying' }).screen).toBe('asking-camera')
  })

  it('comes back into the mirror after a pause', () => {
    const paused = next(live, { type: 'away' })
    expect(paused).toMatchObject({ screen: 'paused', retryInMs: null })
    expect(next(paused, { type: 'retrying' }).screen).toBe('connecting')
  })
})

it('waits at most eight seconds between tries', () => {
  expect(Math.max(...Array.from({ length: 50 }, (_, attempt) => backoff(attempt)))).toBe(8000)
})
