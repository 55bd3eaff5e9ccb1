/** The ease map's legend: its colours along a ruler in centimetres, with words at the ends. */

import { h } from '../dom'
import { along, places, type Stops } from './ease'
import type { Say } from './words'

const WIDTH = 240
const TICKS = [-6, 0, 6, 12, 18]

export function legend(say: Say, stops: Stops): HTMLElement {
  const bar = h('canvas', { class: 'legend-bar', width: String(WIDTH), height: '1', 'aria-hidden': 'true' })
  const pen = bar.getContext('2d')
  if (pen) {
    const paint = pen.createLinearGradient(0, 0, WIDTH, 0)
    for (const { at, colour } of places(stops)) paint.addColorStop(at, colour)
    pen.fillStyle = paint
    pen.fillRect(0, 0, WIDTH, 1)
  }
  const [low, high] = [stops[0]?.[0] ?? 0, stops.at(-1)?.[0] ?? 0]
  const ticks = TICKS.filter((cm) => cm >= low && cm <= high).map((cm) => {
    const tick = h('span', {}, cm > 0 ? `+${cm}` : cm < 0 ? `−${-cm}` : '0')
    tick.style.left = `${along(stops, cm) * 100}%`
    return tick
  })
  return h(
    'figure',
    { class: 'legend', role: 'group', 'aria-label': say('map.legend') },
    h('figcaption', {}, h('span', {}, say('map.tight')), h('span', {}, say('map.unit')), h('span', {}, say('map.loose'))),
    bar,
    h('div', { class: 'ticks' }, ...ticks),
  )
}
