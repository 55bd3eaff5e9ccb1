/** Tabs after the WAI-ARIA pattern: arrow keys go from one to the next. */

import { h } from '../dom'

export interface Tab {
  name: string
  label: string
  content: HTMLElement
}

export function tabs(label: string, all: readonly Tab[]): HTMLElement {
  const buttons = all.map(({ name, label: text }) =>
    h('button', { type: 'button', role: 'tab', class: 'tab', id: `tab-${name}`, 'data-tab': name, 'aria-controls': `panel-${name}` }, text),
  )
  const panels = all.map(({ name, content }) =>
    h('div', { role: 'tabpanel', class: 'tab-panel', id: `panel-${name}`, 'aria-labelledby': `tab-${name}`, tabindex: '0' }, content),
  )
  const open = (at: number, focus: boolean): void => {
    for (const [number, button] of buttons.entries()) {
      button.setAttribute('aria-selected', String(number === at))
      button.tabIndex = number === at ? 0 : -1
      panels[number]?.toggleAttribute('hidden', number !== at)
    }
    if (focus) buttons[at]?.focus()
  }
  for (const [at, button] of buttons.entries()) {
    button.onclick = () => open(at, false)
    button.onkeydown = (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key]
      if (to === undefined) return
      event.preventDefault()
      open((to + all.length) % all.length, true)
    }
  }
  open(0, false)
  return h('div', { class: 'tabbed' }, h('div', { role: 'tablist', class: 'tab-list', 'aria-label': label }, ...buttons), ...panels)
}
