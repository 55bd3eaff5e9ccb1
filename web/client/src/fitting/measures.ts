/** The measurements with their errors; each can be corrected with a tape. */

import { h } from '../dom'
import type { Avatar, Measurement } from './api'
import type { Key, Say } from './words'

/** What clothes are sold by; the rest is folded away. */
const FIRST = ['height', 'chest', 'waist', 'hip', 'inside_leg', 'arm_length', 'shoulder_width']

export function measuresPanel(say: Say, avatar: Avatar, correct: (name: string, cm: number) => void): HTMLElement {
  const names = Object.keys(avatar.measurements)
  const rows = (wanted: string[]): HTMLElement =>
    h('dl', { class: 'measures' }, ...wanted.map((name) => row(say, avatar, name, correct)))
  const rest = names.filter((name) => !FIRST.includes(name))
  return h(
    'section',
    { class: 'measures-panel', 'aria-label': say('body.measures') },
    h('p', { class: 'small' }, say('body.measures-says')),
    rows(FIRST.filter((name) => names.includes(name))),
    rest.length > 0 && h('details', {}, h('summary', {}, say('body.more')), rows(rest)),
  )
}

function row(say: Say, avatar: Avatar, name: string, correct: (name: string, cm: number) => void): HTMLElement {
  const measure = avatar.measurements[name] as Measurement
  const label = say(`measure.${name}` as Key)
  const own = name in avatar.corrections_cm
  const input = h('input', {
    type: 'number',
    inputmode: 'decimal',
    step: '0.1',
    min: '5',
    max: '260',
    required: true,
    value: measure.cm.toFixed(1),
    'aria-label': say('body.correct', { name: label }),
  })
  const form = h('form', { hidden: true }, input, h('button', { type: 'submit', class: 'primary' }, say('body.save')))
  const value = h(
    'button',
    { type: 'button', class: 'measure', 'aria-label': `${label}: ${measure.cm.toFixed(1)} ± ${measure.sigma_cm.toFixed(1)} cm. ${say('body.correct', { name: label })}` },
    h('span', { class: 'value' }, measure.cm.toFixed(1)),
    h('span', { class: 'sigma' }, own ? say('body.by-you') : `± ${measure.sigma_cm.toFixed(1)}`),
  )
  value.onclick = () => {
    value.hidden = true
    form.hidden = false
    input.focus()
    input.select()
  }
  form.onsubmit = (event) => {
    event.preventDefault()
    if (Number(input.value) === Number(measure.cm.toFixed(1))) {
      form.hidden = true
      value.hidden = false
    } else correct(name, Number(input.value))
  }
  form.onkeydown = ({ key }) => {
    if (key !== 'Escape') return
    form.hidden = true
    value.hidden = false
    value.focus()
  }
  return h('div', { class: own ? 'own' : '', 'data-measure': name }, h('dt', {}, label), h('dd', {}, value, form))
}
