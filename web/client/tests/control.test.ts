import { describe, expect, it } from 'vitest'
import { read } from '../src/control'

describe('a message of the control channel', () => {
  it('tells of the face, with the words of the server', () => {
    expect(read('{"type":"face","state":"too_dark","hint":"Turn to the light."}')).toEqual({
      type: 'face',
      state: 'too_dark',
      hint: 'Turn to the light.',
    })
  })

  it('tells of the fit in millimetres', () => {
    expect(read('{"type":"fit","pd_mm":62.8,"pd_sigma_mm":1.6,"frame_width_mm":140}')).toEqual({
      type: 'fit',
      fit: { pdMm: 62.8, pdSigmaMm: 1.6, frameWidthMm: 140, faceWidthMm: null },
    })
  })

  it('has no frame width while no glasses are worn', () => {
    const message = read('{"type":"fit","pd_mm":62.8,"pd_sigma_mm":1.6,"frame_width_mm":null}')
    expect(message).toMatchObject({ fit: { frameWidthMm: null } })
  })

  it('tells of a move, a pong, what is worn and an error', () => {
    expect(read('{"type":"move","within_ms":5000}')).toEqual({ type: 'move', withinMs: 5000 })
    expect(read('{"type":"pong","t":12.5}')).toEqual({ type: 'pong', t: 12.5 })
    expect(read('{"type":"worn","products":["a",7,"b"]}')).toEqual({ type: 'worn', products: ['a', 'b'] })
    expect(read('{"type":"error","code":"unknown-product"}')).toEqual({ type: 'error', code: 'unknown-product' })
  })

  it.each([
    '',
    'not json',
    '[]',
    'null',
    '"face"',
    '{"type":"face"}',
    '{"type":"fit","pd_mm":"63"}',
    '{"type":"fit","pd_mm":-1}',
    '{"type":"pong"}',
    '{"type":"from-a-newer-server"}',
  ])('is passed over when it is malformed or unknown: %s', (text) => {
    expect(read(text)).toBeNull()
  })

  it('is passed over when it is binary', () => {
    expect(read(new ArrayBuffer(8))).toBeNull()
  })
})
