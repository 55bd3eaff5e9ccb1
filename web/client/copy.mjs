// What the dashboard needs of npm, copied as it is beside the try-on page's build: the dashboard itself is not built.
import { cpSync, mkdirSync } from 'node:fs'

cpSync('node_modules/htmx.org/dist/htmx.min.js', '../static/app/htmx.js')
cpSync('src/style/colours.css', '../static/app/colours.css')

// The fonts that a shop may choose for its pages, each with its licence (SIL Open Font License 1.1).
mkdirSync('../static/app/fonts', { recursive: true })
for (const name of ['instrument-sans', 'figtree', 'dm-sans', 'source-serif-4', 'eb-garamond', 'fraunces']) {
  const from = `node_modules/@fontsource-variable/${name}`
  cpSync(`${from}/files/${name}-latin-wght-normal.woff2`, `../static/app/fonts/${name}.woff2`)
  cpSync(`${from}/files/${name}-latin-ext-wght-normal.woff2`, `../static/app/fonts/${name}-latin-ext.woff2`)
  cpSync(`${from}/LICENSE`, `../static/app/fonts/${name}-OFL.txt`)
}
