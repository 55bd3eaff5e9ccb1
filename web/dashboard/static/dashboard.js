// The dashboard's own script: forms that call the public interface, what it answers, and the progress of an upload.
// Pages are rendered by the server; htmx moves between them.

// What scripts say, in the page's language; English texts are their own keys.
const IN_WORDS = JSON.parse(document.querySelector('meta[name=told]')?.content ?? '{}')
const inWords = (text) => IN_WORDS[text] ?? text

/** Why a call was refused. What the interface says in detail is in English, so it stands behind the translated title. */
const whyNot = (answer) => {
  if (!answer?.title) return inWords('There was no answer. Try again in a moment.')
  if (!(answer.title in IN_WORDS)) return answer.detail || answer.title
  return [inWords(answer.title), answer.detail].filter(Boolean).join(': ')
}

const say = (text, wrong = false) => {
  const note = document.querySelector('#note')
  note.textContent = text
  note.className = wrong ? 'note wrong' : 'note'
  note.hidden = false
  clearTimeout(say.timer)
  say.timer = setTimeout(() => (note.hidden = true), wrong ? 9000 : 4000)
}

const refresh = () => htmx.ajax('GET', location.pathname + location.search, { target: 'main', select: 'main', swap: 'outerHTML' })

/** What is no JSON is sent as the text it is, and the server says what it wants. */
const parsed = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The form's fields as JSON: lists by line or by checkbox, numbers as numbers, what is left empty left out. */
const asJson = (form) => {
  const given = {}
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === 'file') continue
    if (field.type === 'checkbox') {
      given[field.name] ??= []
      if (field.checked) given[field.name].push(field.value)
    } else if (field.dataset.as === 'lines') given[field.name] = field.value.split(/\s+/).filter(Boolean)
    else if (field.dataset.as === 'json') field.value.trim() && (given[field.name] = parsed(field.value))
    else if (field.dataset.as === 'filled') field.value && (given[field.name] = field.value)
    else if (field.dataset.as === 'truth') given[field.name] = field.value === 'true'
    else if (field.dataset.as === 'number') given[field.name] = field.value === '' ? -1 : Number(field.value)
    else if (field.type !== 'radio' || field.checked) given[field.name] = field.value
  }
  for (const list of form.querySelectorAll('[data-list]')) {
    const items = [...list.querySelectorAll('[data-item]')].map((item) =>
      Object.fromEntries([...item.querySelectorAll('input')].map((field) => [field.dataset.field, field.value.trim()]).filter(([, value]) => value)),
    )
    given[list.dataset.list] = items.filter((item) => Object.keys(item).length)
  }
  const nest = form.dataset.nest?.split(' ') ?? []
  return nest.reduceRight((inner, name) => ({ [name]: inner }), given)
}

/** XMLHttpRequest, because fetch does not tell how far an upload is. */
const call = (method, path, body, type, onProgress) =>
  new Promise((resolve) => {
    const request = new XMLHttpRequest()
    request.open(method, path)
    if (type) request.setRequestHeader('Content-Type', type)
    if (onProgress) request.upload.addEventListener('progress', (event) => onProgress(event.loaded / event.total))
    request.addEventListener('loadend', () => {
      let answer = null
      try {
        answer = request.responseText ? JSON.parse(request.responseText) : null
      } catch {
        answer = null
      }
      resolve({ ok: request.status >= 200 && request.status < 300, status: request.status, answer })
    })
    request.send(body ?? null)
  })

/** What an answer holds that is never shown again: where on the page, and which part. */
const SHOWN_ONCE = {
  key: ['#made-key', (answer) => answer.key],
  secret: ['#made-secret', (answer) => answer.secret],
  codes: ['#made-codes', (answer) => answer.recovery_codes.join('\n')],
}

const after = (form, { ok, status, answer }) => {
  if (!ok) {
    if (status === 401 && answer?.code === 'logged-out') location.assign('/dashboard/login')
    return say(whyNot(answer), true)
  }
  const { then = 'refresh', done = inWords('Saved.') } = form.dataset
  if (then === 'leave') return location.assign(form.dataset.to ?? '/dashboard/login')
  if (then === 'follow') return location.assign(form.dataset.to + answer.id)
  if (then === 'tell') {
    form.replaceWith(Object.assign(document.createElement('p'), { textContent: done, className: 'told', tabIndex: -1 }))
    return document.querySelector('.told').focus()
  }
  if (then in SHOWN_ONCE) {
    const [where, what] = SHOWN_ONCE[then]
    const shown = document.querySelector(where)
    shown.hidden = false
    shown.querySelector('output').textContent = what(answer)
    return shown.querySelector('output').focus()
  }
  form.reset?.()
  return refresh().then(() => say(done))
}

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!form.dataset.call) return
  event.preventDefault()
  if (form.dataset.sure && !confirm(form.dataset.sure)) return
  send(form)
})

const send = async (form) => {
  const [method, path] = form.dataset.call.split(' ')
  const button = form.querySelector('button:not([type=button])')
  const progress = form.querySelector('progress')
  const file = form.querySelector('input[type=file]')?.files[0]
  if (button) button.disabled = true
  if (progress) progress.hidden = false
  const onProgress = progress && ((share) => (progress.value = share))
  let told
  if (form.dataset.send === 'form') told = await call(method, path, new FormData(form), null, onProgress)
  else if (form.dataset.send === 'file') told = await call(method, path, file, form.dataset.type || file?.type, onProgress)
  else if (form.querySelector('[name], [data-list]')) told = await call(method, path, JSON.stringify(asJson(form)), 'application/json')
  else told = await call(method, path)
  if (button) button.disabled = false
  if (progress) progress.hidden = true
  if (!needsProof(told, () => send(form))) after(form, told)
}

// A mailed token stands behind '#', where no server sees it, until its person sends it from here.
const takeToken = () => {
  const field = document.querySelector('input[name=token]')
  if (!field || !location.hash) return
  field.value = location.hash.slice(1)
  history.replaceState(null, '', location.pathname)
}

document.addEventListener('click', (event) => {
  const more = event.target.closest('[data-more]')
  if (more) {
    const items = more.form.querySelectorAll('[data-item]')
    const fresh = items[items.length - 1].cloneNode(true)
    for (const field of fresh.querySelectorAll('input')) field.value = ''
    items[items.length - 1].after(fresh)
    fresh.querySelector('input').focus()
  }
  const copied = event.target.closest('[data-copy]')
  if (copied) navigator.clipboard.writeText(document.querySelector(copied.dataset.copy).textContent).then(() => say(inWords('Copied.')))
})

const showRoom = () => document.querySelector('nav [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' })

document.addEventListener('htmx:afterSettle', () => {
  document.querySelector('[autofocus]')?.focus()
  showRoom()
})
document.addEventListener('htmx:sendError', () => say(whyNot(null), true))
takeToken()
showRoom()
