/** The outline to stand in: a person with her arms away from the body, from the front and from the side. */

const SVG = 'http://www.w3.org/2000/svg'

/** In a box of 100 by 200: head at the top, soles at 196. */
const OUTLINES = {
  front:
    'M50 6c6.500 0 10.500 5 10.500 12.500c0 6-2.500 10.500-5 13v5.500c7 2.500 15 3.500 18 8.500c3 5 5.500 16 9 27.500l9.500 25c1.500 4.500-3 7-5.500 3' +
    'L73 75l-6-14c-1 10-1.500 18-.5 25c1.500 8 3.500 14 3.500 24c0 15-2.500 26-3 37c-.5 9-2 25-2.500 42c4 2 8 3.500 8 5.500c0 2-16 1.500-16 0c0-14-2-30-2-44' +
    'c0-12-2.500-24-4.500-33c-2 9-4.500 21-4.500 33c0 14-2 30-2 44c0 1.500-16 2-16 0c0-2 4-3.500 8-5.500c-.5-17-2-33-2.500-42c-.5-11-3-22-3-37c0-10 2-16 3.500-24' +
    'c1-7 .5-15-.5-25l-6 14l-13.500 26c-2.500 4-7 1.500-5.500-3l9.500-25c3.500-11.500 6-22.500 9-27.500c3-5 11-6 18-8.500v-5.500c-2.500-2.500-5-7-5-13C39.500 11 43.500 6 50 6z',
  side:
    'M47 6c7.500 0 12.500 5.500 12.500 12c0 2 .5 3 2 5.500c.8 1.500-1.500 1.500-1.500 3c0 4-1.500 5.500-6 5.500c0 3 1 5 4 7.500c5 4 7 9 7 17c0 7-3 12-3 19' +
    'c0 6 2.500 12 2.500 20c0 15-3.500 24-3.500 36c0 14-4 22-4.500 33c-.3 10-1 15-.5 22c5 2 11 4 11 7c0 2-22 2-25 1c-2-1-1-4-.5-8c1-9-3-20-2-32' +
    'c.5-9-1-16-2-26c-1-12-3.500-20-1.500-32c1-7 1.500-12 0-19c-2-9-2-18 0-27c1.500-6 4-9.500 5-13c-5-3.500-6.500-9-6.500-15C34.500 11 39.500 6 47 6z',
} as const

export function silhouette(view: keyof typeof OUTLINES): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 100 200')
  svg.setAttribute('aria-hidden', 'true')
  svg.classList.add('silhouette')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', OUTLINES[view])
  svg.append(path)
  return svg
}
