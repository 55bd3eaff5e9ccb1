/** Building elements without a framework. */

type Child = Node | string | null | undefined | false

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean | EventListener | null> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  for (const child of children) if (child) element.append(child)
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

/** Line icons on a 24-unit grid. */
const PATHS = {
  mirror: 'M12 3v18M8.5 7 3 17h5.5zM15.5 7 21 17h-5.5z',
  snapshot: 'M4 8h3l1.6-2.5h6.8L17 8h3v11H4zM12 10a3.2 3.2 0 1 0 0 6.400a3.200 3.200 0 1 0 0-6.400z',
  close: 'M5.500 5.500l13 13M18.500 5.500l-13 13',
  none: 'M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16zM6.500 17.500l11-11',
  download: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14',
  ruler: 'M3 15.5 15.5 3 21 8.500 8.500 21zM6.500 12l2 2M9.500 9l3 3M12.500 6l2 2',
  body: 'M12 2.800a2.200 2.200 0 1 0 0 4.400a2.200 2.200 0 1 0 0-4.400zM12 8.800c-3 0-4.500 1-4.500 2.600v4h2V21h5v-5.600h2v-4c0-1.600-1.500-2.600-4.500-2.600z',
  share: 'M12 15V4M8 7.500 12 3.500l4 4M6 11v9h12v-9',
} as const

export function icon(name: keyof typeof PATHS): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', PATHS[name])
  svg.append(path)
  return svg
}
