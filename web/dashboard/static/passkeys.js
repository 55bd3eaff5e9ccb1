// Passkeys, and the proof that is asked for before one's own account changes. Beside dashboard.js, whose `call`, `say`
// and `after` it uses.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0))
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

const unpacked = (options) => ({
  ...options,
  challenge: bytes(options.challenge),
  ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
  excludeCredentials: options.excludeCredentials?.map((known) => ({ ...known, id: bytes(known.id) })),
  allowCredentials: options.allowCredentials?.map((known) => ({ ...known, id: bytes(known.id) })),
})

/** What the browser's dialog gave, as JSON; null if the person closed it. */
const askPasskey = async (act, options) => {
  if (!window.PublicKeyCredential) return say(inWords('This browser knows no passkeys.'), true), null
  let made
  try {
    made = await navigator.credentials[act]({ publicKey: unpacked(options) })
  } catch (error) {
    const known = error.name === 'InvalidStateError'
    return say(inWords(known ? 'This device has a passkey here already.' : 'No passkey was used.'), true), null
  }
  const response = { clientDataJSON: text(made.response.clientDataJSON) }
  for (const part of ['attestationObject', 'authenticatorData', 'signature', 'userHandle'])
    if (made.response[part]) response[part] = text(made.response[part])
  if (made.response.getTransports) response.transports = made.response.getTransports()
  return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: made.getClientExtensionResults() }
}

const asked = (path, given) => call('POST', path, JSON.stringify(given), 'application/json')

const logIn = async (form) => {
  const challenge = form.querySelector('[name=challenge]').value
  const { ok, answer } = await asked('/v1/login/passkey-options', { challenge })
  if (!ok) return say(whyNot(answer), true)
  const credential = await askPasskey(answer.act, answer.options)
  if (!credential) return
  htmx.ajax('POST', '/dashboard/passkey', {
    target: form,
    swap: 'outerHTML',
    values: { challenge, credential: JSON.stringify(credential) },
  })
}

const add = async (form) => {
  const told = await call('POST', '/v1/me/passkey-options')
  if (needsProof(told, () => add(form))) return
  if (!told.ok) return after(form, told)
  const credential = await askPasskey('create', told.answer.options)
  if (credential) after(form, await asked('/v1/me/passkeys', { name: form.elements.name.value, credential }))
}

// --- proof ---------------------------------------------------------------------------------------------------

/** Whether a call was refused for want of a proof; then the dialog opens, and `again` runs once it is given. */
const needsProof = ({ answer }, again) => {
  if (answer?.code !== 'proof-required') return false
  askProof(again)
  return true
}

const askProof = (again) => {
  const dialog = document.querySelector('#proof')
  const form = dialog.querySelector('form')
  const wrong = dialog.querySelector('[role=alert]')
  form.reset()
  wrong.hidden = true
  dialog.showModal()
  form.onsubmit = async (event) => {
    event.preventDefault()
    const given = { password: form.elements.password.value, code: form.elements.code.value }
    if (event.submitter?.value === 'passkey' && !given.code) {
      const { answer } = await call('POST', '/v1/me/proof-options')
      const credential = answer?.options && (await askPasskey('get', answer.options))
      if (!credential) return
      given.credential = credential
    }
    const { ok, answer } = await asked('/v1/me/proof', given)
    if (ok) return dialog.close(), again()
    wrong.textContent = answer?.title ? `${inWords(answer.title)}.` : whyNot(null)
    wrong.hidden = false
  }
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-passkey]')
  if (button) logIn(button.form)
  if (event.target.closest('[data-close]')) event.target.closest('dialog').close()
})
document.addEventListener('submit', (event) => {
  if (event.target.dataset.passkey !== 'add') return
  event.preventDefault()
  add(event.target)
})
document.addEventListener('proof-required', (event) => askProof(() => htmx.trigger(event.target, 'click')))
