/** A worn garment's card: its sizes with the recommended one marked, and how the chosen one fits, place by place. */

import { h } from '../dom'
import type { Fit, SizeFit, Zone } from './api'
import type { Garment } from './wardrobe'
import type { Key, Say } from './words'

export interface CardWays {
  size(size: string): void
  /** Shows a second size beside the first, or only one again. */
  beside(size: string | null): void
  off(): void
}

export interface CardState {
  garment: Garment
  size: string | null
  /** The second size where two are compared. */
  beside: string | null
  /** Null until it is known. */
  fit: Fit | null
}

export function card(say: Say, { garment, size, beside, fit }: CardState, ways: CardWays): HTMLElement {
  const shown = fit?.sizes.find(({ label }) => label === size) ?? null
  const other = fit?.sizes.find(({ label }) => label === beside) ?? null
  const off = h('button', { type: 'button', class: 'quiet bare', 'data-way': 'off', 'aria-label': say('clothes.off-name', { name: garment.name }), onclick: ways.off }, say('clothes.off'))
  return h(
    'section',
    { class: 'card', 'data-garment': garment.id, 'data-size': size ?? '', 'aria-label': garment.name },
    h('header', {}, h('h2', {}, garment.name), off),
    sizes(say, garment, size, fit, beside === null ? say('size.of', { name: garment.name }) : say('size.left'), 'size', ways.size),
    beside !== null && sizes(say, garment, beside, fit, say('size.right'), 'beside', ways.beside),
    advice(say, fit, garment),
    shown && zones(say, shown, other),
    garment.sizes.length > 1 && compareButton(say, beside, neighbourOf(garment, size, fit), ways),
  )
}

function sizes(say: Say, garment: Garment, chosen: string | null, fit: Fit | null, label: string, name: string, choose: (size: string) => void): HTMLElement {
  const choices = garment.sizes.map((size) => {
    const share = fit?.sizes.find(({ label: one }) => one === size)?.probability ?? null
    const best = fit?.size === size
    const percent = share === null ? null : `${Math.round(share * 100)}\u00a0%`
    const said = best && percent ? say('size.best', { size, percent }) : size
    const input = h('input', { type: 'radio', name: `${name}-${garment.id}`, value: size, checked: size === chosen, 'aria-label': said })
    input.onchange = () => choose(size)
    const mark = h('span', { class: 'share' }, best && percent ? percent : null)
    return h('label', { class: best ? 'best' : '' }, input, h('span', { class: 'size-face' }, h('b', {}, size), mark))
  })
  return h('fieldset', { class: 'sizes', 'data-sizes': name }, h('legend', {}, label), h('div', {}, ...choices))
}

function advice(say: Say, fit: Fit | null, garment: Garment): HTMLElement {
  if (!fit) return h('p', { class: 'advice waiting' }, say('fit.looking'))
  const label = fit.label_size
  const chart = label && h('span', { class: 'soft' }, ' ', say('fit.label', { size: label.size, percent: `${Math.round(label.probability * 100)}\u00a0%` }))
  const sure = say('fit.sure', { size: fit.size, percent: `${Math.round(fit.probability * 100)}\u00a0%` })
  return h('p', { class: 'advice', 'data-fit': garment.id }, h('strong', {}, sure), ' ', fit.words, chart)
}

/** Place by place: a dot in the map's colour, the words, the centimetres with their error. */
function zones(say: Say, shown: SizeFit, other: SizeFit | null): HTMLElement {
  const rows = shown.zones.map((zone) => {
    const second = other?.zones.find(({ zone: name }) => name === zone.zone)
    return h(
      'tr',
      { 'data-zone': zone.zone },
      h('th', { scope: 'row' }, zone.name),
      cell(say, zone),
      second ? cell(say, second) : null,
    )
  })
  const head = other && h('thead', {}, h('tr', {}, h('td', {}), h('th', { scope: 'col' }, shown.label), h('th', { scope: 'col' }, other.label)))
  return h('table', { class: other ? 'zones two' : 'zones' }, h('caption', { class: 'spoken' }, say('fit.zones', { size: shown.label })), head, h('tbody', {}, ...rows))
}

function cell(say: Say, zone: Zone): HTMLElement {
  const sign = zone.ease_cm < 0 ? '−' : '+'
  const cm = `${sign}${Math.abs(zone.ease_cm).toFixed(1)} ± ${zone.sigma_cm.toFixed(1)} cm`
  const words = h('span', { class: 'verdict', 'data-verdict': zone.verdict }, zone.words)
  return h('td', {}, words, h('span', { class: 'cm', title: say(`fit.ease` as Key) }, cm))
}

/** The size that one would hold against the chosen one: the other likely one, else the next larger. */
export function neighbourOf({ sizes: labels }: Garment, size: string | null, fit: Fit | null): string | null {
  const likely = [fit?.size, fit?.neighbour].find((label) => label && label !== size)
  const at = labels.indexOf(size ?? fit?.size ?? '')
  return likely ?? labels[at + 1] ?? labels[at - 1] ?? null
}

function compareButton(say: Say, beside: string | null, next: string | null, ways: CardWays): HTMLElement | null {
  const on = beside !== null
  if (!on && next === null) return null
  const label = on ? say('compare.stop') : say('compare.start', { size: next ?? '' })
  return h('button', { type: 'button', class: 'quiet compare', 'data-way': 'compare', 'aria-pressed': String(on), onclick: () => ways.beside(on ? null : next) }, label)
}
