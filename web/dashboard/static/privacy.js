// A shopper's receipt, what it leads to, and its end. The receipt comes behind '#', where no server sees it.

const main = document.querySelector('main')
const field = document.querySelector('#receipt')
const answer = document.querySelector('#answer')

const words = JSON.parse(document.querySelector('#words').textContent)
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/

const named = (name) => words[name.replaceAll(/[- ]/g, '_')] ?? name.replaceAll('_', ' ')

const shown = (value) => {
  if (value === null || value === undefined || value === '') return words.nothing
  if (typeof value === 'boolean') return value ? words.yes : words.no
  if (TIME.test(value)) return new Date(value).toLocaleString(document.documentElement.lang)
  return String(value)
}

/** Names and values of something nested, a line each. */
const flat = (thing, before = '') =>
  Object.entries(thing).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' ? flat(value, `${before}${named(name)}: `) : [[`${before}${named(name)}`, shown(value)]],
  )

const told = (text, facts = [], receipt = null) => {
  answer.hidden = false
  document.querySelector('#says').textContent = text
  document.querySelector('#facts').replaceChildren(
    ...facts.map(([name, value]) => {
      const row = document.createElement('div')
      const [dt, dd] = [document.createElement('dt'), document.createElement('dd')]
      dt.textContent = name
      dd.textContent = value
      row.append(dt, dd)
      return row
    }),
  )
  document.querySelector('#signed').hidden = receipt === null
  document.querySelector('#new-receipt').textContent = receipt ?? ''
}

const ask = async (path, method = 'GET', headers = {}) => {
  const response = await fetch(path, { method, headers })
  if (!response.ok) throw new Error(String(response.status))
  return response.json()
}

const deeds = {
  async show(receipt) {
    const { visit, consents, avatars } = await ask('/v1/my-data', 'GET', { Authorization: `Bearer ${receipt}` })
    told('', [...flat({ visit }), ...consents.flatMap((one, index) => flat(one, `${words.consent} ${index + 1}: `)), ...flat({ avatars })])
  },
  async check(receipt) {
    const { facts } = await ask(`/v1/receipts/${receipt}`)
    told(main.dataset.genuine, flat(facts))
  },
  async erase(receipt) {
    if (!confirm(main.dataset.sure)) return
    const { facts, receipt: proof } = await ask('/v1/my-data', 'DELETE', { Authorization: `Bearer ${receipt}` })
    told(main.dataset.erased, flat(facts), proof)
  },
  async copy() {
    await navigator.clipboard.writeText(document.querySelector('#new-receipt').textContent)
    document.querySelector('#says').textContent = main.dataset.copied
  },
}

document.addEventListener('click', async ({ target }) => {
  const button = target.closest('[data-do]')
  if (!button) return
  button.disabled = true
  try {
    await deeds[button.dataset.do](field.value.trim())
  } catch {
    told(main.dataset.failed)
  }
  button.disabled = false
})

if (location.hash.length > 1) {
  field.value = location.hash.slice(1)
  history.replaceState(null, '', location.pathname + location.search)
}
