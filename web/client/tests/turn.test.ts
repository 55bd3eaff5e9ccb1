import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Turn } from '../src/standing/turn'

/** A key on a surface that is focused. */
function press(surface: EventTarget, key: string): void {
  surface.dispatchEvent(Object.assign(new Event('keydown', { cancelable: true }), { key }))
}

describe('a finger that turns a body', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('window', globalThis)
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('turns it from the front again after it was away', () => {
    const told: number[] = []
    const surface = new EventTarget()
    const turn = new Turn(surface as HTMLElement, (yaw) => told.push(yaw))
    press(surface, 'ArrowRight')
    press(surface, 'ArrowRight')
    vi.runAllTimers()
    press(surface, 'ArrowRight') // not told yet when the body goes
    turn.reset()
    press(surface, 'ArrowRight')
    vi.runAllTimers()
    expect(told).toEqual([30, 15])
  })

  it('turns nothing while there is nothing to turn', () => {
    const told: number[] = []
    const surface = Object.assign(new EventTarget(), { clientWidth: 180, setPointerCapture: () => undefined })
    let seen = false
    const turn = new Turn(surface as unknown as HTMLElement, (yaw) => told.push(yaw), () => seen)
    press(surface, 'ArrowRight')
    surface.dispatchEvent(Object.assign(new Event('pointerdown'), { clientX: 0, pointerId: 1 }))
    surface.dispatchEvent(Object.assign(new Event('pointermove'), { clientX: 90 }))
    expect(turn.yaw).toBe(0)
    seen = true
    surface.dispatchEvent(Object.assign(new Event('pointermove'), { clientX: 180 })) // of a finger that was there before
    vi.runAllTimers()
    expect([turn.yaw, told]).toEqual([0, []])
    press(surface, 'ArrowLeft')
    vi.runAllTimers()
    expect(told).toEqual([-15])
  })
})
