import { describe, expect, it } from 'vitest'
import { Tab, visitOf } from '../src/kept'

function store(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { held: Map<string, string> } {
  const held = new Map<string, string>()
  return {
    held,
    getItem: (name) => held.get(name) ?? null,
    setItem: (name, value) => void held.set(name, value),
    removeItem: (name) => void held.delete(name),
  }
}

const visit = { token: 't', receipt: 'r', camera: false, iceServers: [], iceServersAt: 7 }
const body = { avatar: 'a', wear: [{ product: 'p', size: 'M' }], tucked: true }

describe('what a tab keeps of a visit', () => {
  it('is read by the next page of the same shop, and by no other shop’s', () => {
    const held = store()
    new Tab('demo', held).keep(visit, body)
    expect(new Tab('demo', held).read()).toEqual({ token: 't', receipt: 'r', camera: false, body })
    expect(new Tab('other', held).read()).toBeNull()
    new Tab('demo', held).forget()
    expect(held.held.size).toBe(0)
  })

  it('asks for a relay’s credentials anew', () => {
    expect(visitOf({ token: 't', receipt: 'r', camera: true, body: null })).toEqual({ ...visit, camera: true, iceServersAt: 0 })
  })

  it('is nothing where it cannot be read, is not ours, or is forbidden', () => {
    const held = store()
    for (const text of ['{', '7', '{"token": 3}', 'null']) {
      held.setItem('vitrine.visit.demo', text)
      expect(new Tab('demo', held).read()).toBeNull()
    }
    const forbidden = (): never => {
      throw new DOMException('no', 'SecurityError')
    }
    const tab = new Tab('demo', { getItem: forbidden, setItem: forbidden, removeItem: forbidden })
    tab.keep(visit, body)
    expect([tab.read(), new Tab('demo', null).read()]).toEqual([null, null])
  })
})
