import { describe, expect, it } from 'vitest'
import { readEvents } from '../src/waiting'

describe('events of the line', () => {
  it('are read whole, and what is not whole is kept for later', () => {
    const { events, rest } = readEvents('event: place\ndata: {"position":2}\n\n: here\n\nevent: tu')
    expect(events).toEqual([{ kind: 'place', data: { position: 2 } }])
    expect(rest).toBe('event: tu')
    expect(readEvents(rest + 'rn\ndata: {}\n\n').events).toEqual([{ kind: 'turn', data: {} }])
  })

  it('pass over what is not theirs', () => {
    expect(readEvents('event: place\ndata: {\n\ndata: {}\n\nevent: place\ndata: 3\n\n').events).toEqual([])
  })
})
