/**
 * The mirror on a shop's own page:
 *
 *   <script src="https://tryon.example/static/app/embed.js" defer></script>
 *   <vitrine-try-on shop="demo" product="…"></vitrine-try-on>
 *
 * A frame with the camera passed on, in its place or behind a button. See docs/embed.md.
 */

import type { HostMessage, HostWish } from './host'

/** The button's text and the frame's name, by language; filled in by the build from the page's own words. */
declare const TITLES: Record<string, string>
declare const CLOSE: Record<string, string>

const server = new URL((document.currentScript as HTMLScriptElement | null)?.src ?? window.location.href).origin

class TryOnElement extends HTMLElement {
  static readonly observedAttributes = ['shop', 'product', 'lang', 'mode', 'button', 'size', 'cart']

  #frame: HTMLIFrameElement | null = null
  #dialog: HTMLDialogElement | null = null
  /** Attributes written in the page's source arrive one by one before this. */
  #placed = false
  readonly #onMessage = (event: MessageEvent<Partial<HostMessage> | null>) => this.#hear(event)

  connectedCallback(): void {
    window.addEventListener('message', this.#onMessage)
    this.#placed = true
    this.#build()
  }

  /** Ends the try-on and switches the camera off. */
  disconnectedCallback(): void {
    window.removeEventListener('message', this.#onMessage)
    this.#placed = false
    this.#end()
    this.shadowRoot?.replaceChildren()
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#placed || before === now) return
    if (name === 'product' && this.#frame && now !== null) this.#ask({ vitrine: 1, wear: now })
    else this.#build()
  }

  /** Tells the shop's sums that the page's own button put a product into the cart; without one, what `product` names. */
  added(product: string | null = this.getAttribute('product')): void {
    if (product !== null) this.#ask({ vitrine: 1, added: product })
  }

  /** Opens the mirror that stands behind a button; `close` ends it. */
  open(): void {
    if (!this.#dialog || this.#dialog.open) return
    this.#endFrame() // closed by the Escape key a moment ago
    this.#dialog.append(this.#newFrame())
    this.#dialog.showModal()
  }

  /** The camera is off at once: the dialog's own event comes a turn later, when the mirror may be open again. */
  close(): void {
    if (!this.#dialog) return
    this.#dialog.close()
    this.#endFrame()
  }

  get #language(): string | null {
    return this.getAttribute('lang') ?? this.closest('[lang]')?.getAttribute('lang') ?? null
  }

  #say(words: Record<string, string>): string {
    const tongue = (this.#language ?? navigator.language).toLowerCase().split('-')[0] ?? 'en'
    return words[tongue] ?? words['en'] ?? ''
  }

  #build(): void {
    this.#end()
    if (!this.getAttribute('shop')) return
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    if (this.getAttribute('mode') === 'button') root.replaceChildren(this.#newButton(), this.#newDialog())
    else {
      this.#place()
      root.replaceChildren(this.#newFrame())
    }
  }

  /** The page's style sheet has the last word on how large a mirror in the page is. */
  #place(): void {
    const [, width, height] = /^(\d{2,4})x(\d{2,4})$/.exec(this.getAttribute('size') ?? '') ?? []
    if (getComputedStyle(this).display === 'inline') this.style.display = 'block'
    if (width && height) Object.assign(this.style, { width: `min(100%, ${width}px)`, height: `${height}px` })
    else if (!this.style.height && this.clientHeight === 0) this.style.height = 'min(80vh, 48rem)'
  }

  #newButton(): HTMLButtonElement {
    const button = document.createElement('button')
    button.type = 'button'
    button.part.add('button')
    button.textContent = this.getAttribute('button') || this.#say(TITLES)
    button.style.cssText =
      'font:inherit;font-weight:550;padding:.75em 1.25em;border:1px solid currentColor;border-radius:6px;' +
      'background:transparent;color:inherit;cursor:pointer;min-height:44px'
    button.onclick = () => this.open()
    return button
  }

  #newDialog(): HTMLDialogElement {
    const dialog = document.createElement('dialog')
    dialog.setAttribute('aria-label', this.#title)
    dialog.style.cssText =
      'padding:0;border:0;border-radius:6px;overflow:hidden;background:#161513;' +
      'width:min(100vw,72rem);height:min(100dvh,52rem);max-width:none;max-height:none'
    const close = document.createElement('button')
    close.type = 'button'
    close.textContent = '×'
    close.setAttribute('aria-label', this.#say(CLOSE))
    close.style.cssText =
      'position:absolute;inset:8px 8px auto auto;width:44px;height:44px;border:0;border-radius:50%;' +
      'background:#1d1b18;color:#fffdf9;font:400 24px/1 system-ui;cursor:pointer'
    close.onclick = () => this.close()
    dialog.append(close)
    dialog.onclose = () => {
      if (!dialog.open) this.#endFrame() // closed by the Escape key
    }
    this.#dialog = dialog
    return dialog
  }

  get #title(): string {
    return this.getAttribute('label') ?? this.#say(TITLES)
  }

  get #address(): string {
    const [shop, product] = [this.getAttribute('shop') ?? '', this.getAttribute('product')]
    const path = ['s', shop, ...(product ? [product] : [])].map(encodeURIComponent).join('/')
    const options = new URLSearchParams({ embed: window.location.origin })
    if (this.#language) options.set('lang', this.#language)
    if (this.hasAttribute('cart')) options.set('cart', '1')
    if (this.#dialog) options.set('dialog', '1') // whose button to close it stands over the page's corner
    return `${server}/${path}?${options}`
  }

  #newFrame(): HTMLIFrameElement {
    const frame = document.createElement('iframe')
    frame.allow = 'camera; screen-wake-lock; web-share'
    frame.title = this.#title
    frame.style.cssText = 'display:block;border:0;width:100%;height:100%'
    frame.src = this.#address
    this.#frame = frame
    return frame
  }

  #end(): void {
    this.#endFrame()
    this.#dialog?.remove()
    this.#dialog = null
  }

  #endFrame(): void {
    this.#frame?.remove()
    this.#frame = null
  }

  #ask(wish: HostWish): void {
    this.#frame?.contentWindow?.postMessage(wish, server)
  }

  #hear({ source, origin, data }: MessageEvent<Partial<HostMessage> | null>): void {
    if (origin !== server || source !== this.#frame?.contentWindow || data?.vitrine !== 1) return
    this.#dispatch('vitrine-change', { screen: data.screen, worn: data.worn })
    if (data.close) this.close()
    if (data.cart) this.#dispatch('vitrine-add-to-cart', { products: data.cart })
  }

  #dispatch(name: string, detail: Record<string, unknown>): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }))
  }
}

if (!customElements.get('vitrine-try-on')) customElements.define('vitrine-try-on', TryOnElement)
