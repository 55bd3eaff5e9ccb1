// What the dashboard needs of npm, copied as it is beside the try-on page's build: the dashboard itself is not built.
import { cpSync } from 'node:fs'

const font = '@fontsource-variable/instrument-sans/files/instrument-sans-latin-wght-normal.woff2'
for (const [from, to] of [['htmx.org/dist/htmx.min.js', 'htmx.js'], [font, 'instrument-sans.woff2']]) {
  cpSync(`node_modules/${from}`, `../static/app/${to}`)
}
