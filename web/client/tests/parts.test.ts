import { describe, expect, it } from 'vitest'
import { troubleOf } from '../src/camera'
import { Pulse } from '../src/pulse'
import { consentIn } from '../src/session'
import { fragmentOf } from '../src/trickle'
import { firstWorn, idsOf, put, wornFrom, type Product } from '../src/worn'

const product = (id: string, kind: string): Product => ({ id, kind, name: id, thumbnail: null, dimensions: {} })
const SHOP = [product('coat', 'garment'), product('cap', 'hat'), product('round', 'glasses'), product('pilot', 'glasses')]

describe('what is worn', () => {
  it('is one of a kind, glasses and a hat together', () => {
    const both = put(put({}, 'hat', 'cap'), 'glasses', 'round')
    expect(idsOf(both)).toEqual(['round', 'cap'])
    expect(idsOf(put(both, 'glasses', 'pilot'))).toEqual(['pilot', 'cap'])
    expect(idsOf(put(both, 'glasses', null))).toEqual(['cap'])
  })

  it('leaves out what the shop does not have, and garments', () => {
    expect(wornFrom(['gone', 'cap', 'coat'], SHOP)).toEqual({ hat: 'cap' })
  })

  it('begins with the product of the page, else with the first glasses, else with the first thing there is', () => {
    expect(firstWorn('pilot', SHOP)).toEqual({ glasses: 'pilot' })
    expect(firstWorn(null, SHOP)).toEqual({ glasses: 'round' })
    expect(firstWorn(null, SHOP.slice(0, 2))).toEqual({ hat: 'cap' })
    expect(firstWorn(null, [])).toEqual({})
  })
})

describe('the pulse', () => {
  it('is alive while anything is heard, then asks, then gives up', () => {
    const pulse = new Pulse(0)
    expect(pulse.at(Pulse.QUIET_MS - 1)).toBe('alive')
    expect(pulse.at(Pulse.QUIET_MS)).toBe('quiet')
    expect(pulse.at(Pulse.DEAD_MS)).toBe('dead')
    pulse.heard(Pulse.DEAD_MS)
    expect(pulse.at(Pulse.DEAD_MS + 1)).toBe('alive')
  })

  it('leaves a ping time to come back', () => {
    expect(Pulse.DEAD_MS - Pulse.QUIET_MS).toBeGreaterThanOrEqual(750)
  })

  it('gives up sooner where pings come back soon, and not where one of them was slow', () => {
    const quick = new Pulse(0)
    quick.answered(20)
    expect(quick.at(1049)).toBe('quiet')
    expect(quick.at(1050)).toBe('dead')
    quick.answered(400)
    expect(quick.at(1599)).toBe('quiet')
    expect(quick.at(1600)).toBe('dead')
  })
})

describe('a camera that does not open', () => {
  const named = (name: string) => Object.assign(new Error(name), { name })

  it.each([
    ['NotAllowedError', 'camera-refused'],
    ['NotFoundError', 'camera-absent'],
    ['OverconstrainedError', 'camera-absent'],
    ['NotReadableError', 'camera-busy'],
    ['AbortError', 'camera-busy'],
    ['SecurityError', 'insecure'],
    ['TypeError', 'unsupported'],
  ])('by %s is %s', (name, trouble) => {
    expect(troubleOf(named(name), false)).toBe(trouble)
  })

  it('is told from a person’s refusal when it was the frame’s', () => {
    expect(troubleOf(named('NotAllowedError'), true)).toBe('framed')
  })
})

describe('the consent text', () => {
  const text = { version: '2', language: 'de', title: 'T', paragraphs: ['one', 'two'] }

  it('is read from an answer and from a problem', () => {
    expect(consentIn(text)).toEqual(text)
    expect(consentIn({ code: 'consent-required', ...text })).toEqual(text)
    expect(consentIn({ code: 'consent-required', consent: text })).toEqual(text)
  })

  it('is none when it has no version or no words: nobody agrees to nothing', () => {
    expect(consentIn({ title: 'T', paragraphs: ['one'] })).toBeNull()
    expect(consentIn({ version: '2', paragraphs: [] })).toBeNull()
    expect(consentIn({ version: '2', paragraphs: [' ', 5] })).toBeNull()
  })
})

describe('a trickled fragment', () => {
  const offer = [
    'v=0',
    'a=group:BUNDLE 0 1',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:secretsecretsecret',
    'a=mid:0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'a=mid:1',
    '',
  ].join('\r\n')

  it('carries the ICE credentials, the media section and its candidates', () => {
    const fragment = fragmentOf(offer, [{ candidate: 'candidate:1 1 udp 2 192.0.2.1 5 typ host', sdpMid: '0' }])
    expect(fragment.split('\r\n')).toEqual([
      'a=group:BUNDLE 0 1',
      'a=ice-ufrag:abcd',
      'a=ice-pwd:secretsecretsecret',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'a=mid:0',
      'a=candidate:1 1 udp 2 192.0.2.1 5 typ host',
      '',
    ])
  })

  it('leaves out the empty candidate and those of bundled sections', () => {
    const fragment = fragmentOf(offer, [
      { candidate: '', sdpMid: '0' },
      { candidate: 'candidate:2 1 udp 2 192.0.2.1 6 typ host', sdpMid: '1' },
    ])
    expect(fragment).not.toContain('a=candidate')
  })
})
