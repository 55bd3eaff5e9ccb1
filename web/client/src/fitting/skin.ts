/** The skin's colour: a mannequin's, unless she chooses one. */

import { h } from '../dom'
import type { Key, Say } from './words'

export const NEUTRAL = 'neutral'
/** From very light to very dark, in even steps. */
export const TONES = ['#f0d5c0', '#e0b896', '#c99a72', '#a97650', '#7d5237', '#54352a'] as const
const MANNEQUIN = '#cfc9c2'
/** Of red, green and blue in the mean: below, a light suit stands off. As in the files (avatar/suit.py). */
const DARK = 90

/** The body's colour, and its suit's, which must stand off from it. */
export function colours(skin: string): [skin: string, suit: string] {
  if (!skin.startsWith('#')) return [MANNEQUIN, '#8d8983']
  return [skin, brightness(skin) < DARK ? '#a8a29a' : '#56534f']
}

function brightness(colour: string): number {
  return [1, 3, 5].reduce((sum, at) => sum + parseInt(colour.slice(at, at + 2), 16), 0) / 3
}

export function skinChoice(say: Say, chosen: string, choose: (skin: string) => void): HTMLElement {
  const own = chosen.startsWith('#') && !TONES.some((tone) => tone === chosen) ? [chosen] : []
  const swatches = [NEUTRAL, ...own, ...TONES].map((tone, number) => {
    const named = tone === NEUTRAL ? say('skin.neutral') : say('skin.tone' as Key, { n: number })
    const input = h('input', { type: 'radio', name: 'skin', value: tone, checked: tone === chosen, 'aria-label': named })
    input.onchange = () => choose(tone)
    const swatch = h('span', { class: 'swatch' })
    swatch.style.backgroundColor = colours(tone)[0]
    return h('label', { title: named }, input, swatch)
  })
  return h('fieldset', { class: 'skin' }, h('legend', {}, say('skin.title')), h('div', {}, ...swatches))
}
