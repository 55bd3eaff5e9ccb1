import { describe, expect, it } from 'vitest'
import { engraving, fitLine, hatSize, verdict } from '../src/fit'
import { hintFor, HintGate } from '../src/hints'
import { next, START, type Screen } from '../src/journey'
import english from '../../words/en.json'
import { sayer } from '../src/words'
import { before, browserOf, countdown, eta, noticeFor, place } from '../src/notices'

const say = sayer(english)

describe('hints', () => {
  it.each(['lost', 'too_far', 'too_close', 'too_dark', 'turned', 'two_faces', 'partly_out'])('has its own words for %s', (state) => {
    expect(hintFor(english, state, 'of the server')).not.toBe('of the server')
    expect(hintFor(english, state)).toMatch(/^[A-Z].+[.?]$/)
  })

  it('says nothing while all is well', () => {
    expect(hintFor(english, 'found', 'of the server')).toBeNull()
  })

  it('uses the words of the server for what it does not know', () => {
    expect(hintFor(english, 'squinting', 'Open your eyes.')).toBe('Open your eyes.')
    expect(hintFor(english, 'squinting')).toBeNull()
  })
})

describe('the hint gate', () => {
  it('does not show what passes in a moment', () => {
    const gate = new HintGate()
    gate.want('Look here.', 0)
    expect(gate.at(HintGate.APPEAR_MS - 1)).toBeNull()
    gate.want(null, HintGate.APPEAR_MS - 1)
    expect(gate.at(5000)).toBeNull()
  })

  it('shows what lasts, long enough to be read', () => {
    const gate = new HintGate()
    gate.want('Look here.', 0)
    expect(gate.at(HintGate.APPEAR_MS)).toBe('Look here.')
    gate.want(null, HintGate.APPEAR_MS + 1)
    expect(gate.at(HintGate.APPEAR_MS + HintGate.STAY_MS - 1)).toBe('Look here.')
    expect(gate.at(HintGate.APPEAR_MS + HintGate.STAY_MS)).toBeNull()
  })
})

describe('sizes', () => {
  const fit = { pdMm: 62.8, pdSigmaMm: 1.6, frameWidthMm: 140, faceWidthMm: null }

  it('are stated with their error', () => {
    expect(fitLine(say, fit, null)).toBe('Frame 140 mm · your pupils 63 ± 2 mm apart')
    expect(fitLine(say, { ...fit, faceWidthMm: 136.4 }, null)).toBe('Frame 140 mm · your face 136 mm · your pupils 63 ± 2 mm apart')
  })

  it('never claim to be exact to less than a millimetre', () => {
    expect(fitLine(say, { ...fit, pdSigmaMm: 0.2 }, null)).toContain('63 ± 1 mm')
  })

  it('know the frame from the catalogue before a face was measured, and nothing from nothing', () => {
    expect(fitLine(say, null, 136)).toBe('Frame 136 mm')
    expect(fitLine(say, null, null)).toBeNull()
  })

  it('say what the widths mean, in plain words', () => {
    expect(verdict(say, { ...fit, faceWidthMm: 130 })).toBe('Wider than your face')
    expect(verdict(say, { ...fit, faceWidthMm: 150 })).toBe('Narrower than your face')
    expect(verdict(say, { ...fit, faceWidthMm: 138 })).toBe('About as wide as your face')
    expect(verdict(say, fit)).toBeNull()
  })

  it('are written as on the inside of a temple, if all three are known', () => {
    expect(engraving({ lens_width_mm: 47, bridge_mm: 21, temple_mm: 145 })).toEqual({ lensMm: 47, bridgeMm: 21, templeMm: 145 })
    expect(engraving({ lens_width_mm: 47 })).toBeNull()
    expect(hatSize({ head_circumference_mm: 575 })).toBe('58 cm')
  })
})

describe('waiting', () => {
  it.each([
    [1, 'You are next', ''],
    [2, 'Your place in line', 'One person is before you.'],
    [5, 'Your place in line', '4 people are before you.'],
  ])('at place %i', (position, title, others) => {
    expect(place(say, { position, etaSeconds: null })).toBe(title)
    expect(before(say, { position, etaSeconds: null })).toBe(others)
  })

  it.each([
    [null, 'We cannot say yet how long it takes.'],
    [4, 'Only a few seconds more.'],
    [42, 'About 40 seconds.'],
    [100, 'About 2 minutes.'],
    [5000, 'More than an hour. It may be better to come back later.'],
  ])('for %s seconds', (etaSeconds, words) => {
    expect(eta(say, { position: 2, etaSeconds })).toBe(words)
  })

  it('counts down to the next try', () => {
    expect(countdown(say, 3200)).toBe('Trying again in 4 s')
    expect(countdown(say, -5)).toBe('Trying now')
  })
})

describe('notices', () => {
  const dead: Screen[] = ['loading', 'asking-camera', 'connecting', 'shop-unknown']
  const troubles: Screen[] = [
    'queue',
    'lost',
    'paused',
    'left',
    'camera-refused',
    'camera-absent',
    'camera-busy',
    'camera-lost',
    'insecure',
    'framed',
    'unsupported',
    'session-expired',
    'session-active',
    'key-wrong',
    'used-up',
    'origin-refused',
    'rate-limited',
    'server-down',
    'network-blocked',
  ]

  it.each(troubles)('%s has its own words and a way on', (screen) => {
    const notice = noticeFor(say, { ...START, screen }, { shop: 'Maison', browser: 'chrome' })
    expect(notice?.title).toBeTruthy()
    expect(notice?.lines.join('')).toBeTruthy()
    expect(notice?.ways.length).toBeGreaterThan(0)
  })

  it('are all different', () => {
    const titles = [...troubles, ...dead].map((screen) => noticeFor(say, { ...START, screen }, { shop: 'M', browser: 'other' })?.title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  it('tell each browser’s user where the camera is allowed', () => {
    const refused = next(START, { type: 'camera-failed', trouble: 'camera-refused' })
    const steps = (['chrome', 'firefox', 'safari', 'ios', 'android'] as const).map(
      (browser) => noticeFor(say, refused, { shop: 'M', browser })?.steps[0],
    )
    expect(new Set(steps).size).toBe(5)
  })

  it.each([
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1', 'ios'],
    ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36', 'android'],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36', 'chrome'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'firefox'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15', 'safari'],
  ])('know the browser by %s', (agent, browser) => {
    expect(browserOf(agent)).toBe(browser)
  })
})

describe('every language', () => {
  const languages = import.meta.glob<Record<string, string>>('../../words/*.json', { eager: true, import: 'default' })
  const blanks = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()

  it.each(Object.keys(languages))('%s says everything, with the same blanks', (path) => {
    const words = languages[path] ?? {}
    expect(Object.keys(words).sort()).toEqual(Object.keys(english).sort())
    for (const [key, text] of Object.entries(english)) {
      expect(words[key]?.trim(), key).toBeTruthy()
      expect(blanks(words[key] ?? ''), key).toEqual(blanks(text))
    }
  })

  it('is at least five', () => {
    expect(Object.keys(languages).length).toBeGreaterThanOrEqual(5)
  })
})

describe('a text', () => {
  it('has its blanks filled in, and shows its key rather than nothing', () => {
    expect(sayer({ 'fit.frame': 'Frame {mm} mm {what}' })('fit.frame', { mm: 5 })).toBe('Frame 5 mm {what}')
    expect(sayer({})('fit.frame')).toBe('fit.frame')
  })
})
