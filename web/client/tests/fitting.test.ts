import { describe, expect, it } from 'vitest'
import german from '../../words/fitting-room/de.json'
import english from '../../words/fitting-room/en.json'
import spanish from '../../words/fitting-room/es.json'
import french from '../../words/fitting-room/fr.json'
import italian from '../../words/fitting-room/it.json'
import { Advice, viewIn } from '../src/fitting/advice'
import { along, places } from '../src/fitting/ease'
import { hiddenIn, withoutHidden } from '../src/fitting/hidden'
import { Pace } from '../src/fitting/pace'
import { neighbourOf } from '../src/fitting/sizes'
import { canTuck, inSize, putOn, stocked, takeOff, wearOf, type Garment, type Outfit, type WornAs } from '../src/fitting/wardrobe'
import { Problem, Unreachable } from '../src/session'
import { sayer } from '../src/words'
import type { Fit } from '../src/fitting/api'
import type { Key } from '../src/fitting/words'

const garment = (id: string, wornAs: WornAs): Garment => ({ id, name: id, thumbnail: null, wornAs, sizes: ['S', 'M', 'L'] })
const [SHIRT, JEANS, SKIRT, DRESS, COAT] = [garment('shirt', 'top'), garment('jeans', 'bottom'), garment('skirt', 'skirt'), garment('dress', 'dress'), garment('coat', 'jacket')]
const worn = (...garments: Garment[]): Outfit => garments.reduce<Outfit>((outfit, one) => putOn(outfit, one), [])
const ids = (outfit: Outfit): string[] => outfit.map(({ garment: { id } }) => id)

describe('what is worn on the body', () => {
  it('goes together, or comes off for what cannot be worn with it', () => {
    expect(ids(worn(SHIRT, JEANS, COAT))).toEqual(['shirt', 'jeans', 'coat'])
    expect(ids(worn(SHIRT, JEANS, SKIRT))).toEqual(['shirt', 'skirt'])
    expect(ids(worn(SHIRT, JEANS, COAT, DRESS))).toEqual(['coat', 'dress'])
    expect(ids(worn(DRESS, SHIRT))).toEqual(['shirt'])
    expect(ids(worn(DRESS, JEANS))).toEqual(['jeans'])
    expect(ids(takeOff(worn(SHIRT, JEANS), 'shirt'))).toEqual(['jeans'])
  })

  it('is asked for with its sizes, and without one where the server is to recommend it', () => {
    expect(wearOf(inSize(worn(SHIRT, JEANS), 'jeans', '32/34'))).toBe('shirt,jeans:32/34')
  })

  it('can be tucked in only where there is something to tuck into', () => {
    expect([canTuck(worn(SHIRT)), canTuck(worn(SHIRT, JEANS)), canTuck(worn(COAT, SKIRT)), canTuck(worn(DRESS))]).toEqual([false, true, false, false])
  })

  it('comes from the catalogue, which has glasses and what nobody knows too', () => {
    const sizes = [{ label: 'S' }, { label: 'M' }]
    const stock = stocked([
      { id: 'g', kind: 'glasses', name: 'Round', garment: null },
      { id: 's', kind: 'garment', name: 'Shirt', thumbnail: '/s.png', garment: { worn_as: 'top', sizes } },
      { id: 'x', kind: 'garment', name: 'Cape', garment: { worn_as: 'cape' as WornAs, sizes } },
    ])
    expect(stock).toEqual({ garments: [{ id: 's', name: 'Shirt', thumbnail: '/s.png', wornAs: 'top', sizes: ['S', 'M'] }], others: true })
    expect(stocked([])).toEqual({ garments: [], others: false })
  })
})

describe('the size held against the chosen one', () => {
  const fit = { size: 'M', neighbour: 'S' } as Fit

  it('is the recommended one, or the neighbour of it, or the next', () => {
    expect(neighbourOf(SHIRT, 'L', fit)).toBe('M')
    expect(neighbourOf(SHIRT, 'M', fit)).toBe('S')
    expect(neighbourOf(SHIRT, 'M', null)).toBe('L')
    expect(neighbourOf(SHIRT, 'L', null)).toBe('M')
    expect(neighbourOf({ ...SHIRT, sizes: ['one'] }, 'one', null)).toBeNull()
  })
})

describe('covered skin', () => {
  it('is named bit by bit, the first vertex lowest', () => {
    expect([...hiddenIn(btoa(String.fromCharCode(0b00000101, 0b00000010)), 10)]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 1])
  })

  it('is not drawn where all three corners are covered, and drawn else', () => {
    const triangles = Uint16Array.from([0, 1, 2, 1, 2, 3, 3, 4, 5])
    const seen = withoutHidden(triangles, Uint8Array.from([1, 1, 1, 0, 1, 1]))
    expect([...seen]).toEqual([1, 2, 3, 3, 4, 5])
    expect([...triangles]).toEqual([0, 1, 2, 1, 2, 3, 3, 4, 5])
  })
})

describe('the legend of the ease map', () => {
  const stops = [[-6, '#a00'], [0, '#fa0'], [18, '#00a']] as const

  it('has its colours where the centimetres are', () => {
    expect(places(stops)).toEqual([{ at: 0, colour: '#a00' }, { at: 0.25, colour: '#fa0' }, { at: 1, colour: '#00a' }])
    expect([along(stops, -20), along(stops, 6), along(stops, 40)]).toEqual([0, 0.5, 1])
  })
})

describe('the pace of drawing', () => {
  const slow = (pace: Pace, frames: number): Pace => {
    for (let frame = 0; frame < frames; frame++) pace.took(80)
    return pace
  }

  it('is left alone while frames are quick', () => {
    const pace = new Pace(3)
    for (let frame = 0; frame < 100; frame++) pace.took(20)
    expect([pace.coarse(true), pace.shadows(true), pace.ratio(true)]).toEqual([false, true, 2])
  })

  it('gives up triangles, then shadows, then pixels, and nothing of it at rest', () => {
    const pace = slow(new Pace(1), 3)
    expect([pace.coarse(true), pace.shadows(true), pace.ratio(true)]).toEqual([true, true, 1])
    slow(pace, 3)
    expect([pace.shadows(true), pace.ratio(true)]).toEqual([false, 1])
    slow(pace, 60)
    expect(pace.ratio(true)).toBe(0.5)
    expect([pace.coarse(false), pace.shadows(false), pace.ratio(false)]).toEqual([false, true, 2])
  })
})

describe('advice', () => {
  const advice = new Advice(english, sayer<Key>(english))
  const { explain } = advice
  const about = advice.about.bind(advice)

  it('is in our words for what is known of photos, and in the server’s for the rest', () => {
    expect(explain({ code: 'too-dark', advice: 'Zu dunkel.' })).toBe(english['photo.too-dark'])
    expect(explain({ code: 'upside-down', advice: 'Turn the phone.' })).toBe('Turn the phone.')
  })

  it('says which of the two photos it is about', () => {
    const dark = { code: 'too-dark', advice: '' }
    expect([about('side', dark), about('front', dark)]).toEqual(['side', 'front'].map((view) => `About the ${view} photo: ${explain(dark)}`))
    expect(about(null, dark)).toBe(explain(dark))
  })

  it('finds the photo in a refusal of the form', () => {
    const refused = [{ view: 'side' }, { part: 'front' }, { part: 'height_cm' }, {}].map((members) => viewIn(new Problem('photo-format', 422, null, members)))
    expect(refused).toEqual(['side', 'front', null, null])
    expect(viewIn(new Unreachable('/'))).toBeNull()
  })

  it('does not show a shopper what an engine says of itself', () => {
    expect(explain({ code: 'engine-ended', advice: 'The engine ended with 3.' })).toBe(english['photo.no-body'])
  })

  it('says what a refusal means, and how long to wait', () => {
    expect(explain(new Problem('busy', 503, 4))).toContain('4 seconds')
    expect(explain(new Problem('token-expired', 401))).toBe(english['trouble.visit-over'])
    expect(explain(new Problem('wear-invalid', 400, null, { detail: 'A size is needed.' }))).toBe('A size is needed.')
    expect(explain(new Problem('odd', 418))).toContain('odd')
    expect(explain(new Unreachable('/'))).toBe(english['trouble.offline'])
  })
})

describe('the words', () => {
  const braces = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([brace]) => brace).toSorted()

  it.each([['German', german], ['Spanish', spanish], ['French', french], ['Italian', italian]])('are all there in %s, with what is filled in', (_, words) => {
    expect(Object.keys(words)).toEqual(Object.keys(english))
    for (const [key, text] of Object.entries(english)) expect([key, braces(words[key as Key])]).toEqual([key, braces(text)])
  })
})
