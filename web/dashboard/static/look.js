// The look room: colours are seen before they are saved, and the widget is built and tried while its options are chosen.

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')

const showColours = ({ target }) => {
  const preview = document.querySelector('#preview')?.contentDocument?.documentElement
  if (preview && target.dataset?.shows) preview.style.setProperty(target.dataset.shows, target.value)
}

/** The element itself only once somebody chooses: it is a whole page. */
const buildWidget = (alive) => {
  const widget = document.querySelector('#widget')
  if (!widget) return
  const { server, shop } = widget.dataset
  const chosen = [...widget.querySelectorAll('[data-option]')].filter((field) => field.value && field.checkValidity())
  const options = [['shop', shop], ...chosen.map((field) => [field.dataset.option, field.value])]
  const written = options.map(([name, value]) => (name === 'cart' ? ' cart' : ` ${name}="${escaped(value)}"`)).join('')
  document.querySelector('#snippet').textContent =
    `<script src="${server}/static/app/embed.js" defer></script>\n\n<vitrine-try-on${written}></vitrine-try-on>`
  if (!alive) return
  const element = document.createElement('vitrine-try-on')
  for (const [name, value] of options) element.setAttribute(name, value)
  document.querySelector('#widget-place').replaceChildren(element)
}

document.addEventListener('input', showColours)
// Not 'change': that comes when a field is left, and would take the button away from under the click that left it.
document.addEventListener('input', ({ target }) => target.dataset?.option && buildWidget(true))
document.addEventListener('htmx:afterSettle', () => buildWidget(false))
buildWidget(false)
