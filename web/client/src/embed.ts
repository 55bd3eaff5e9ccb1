/**
 * The mirror on a shop's own page:
 *
 *   <script src="https://tryon.example/static/app/embed.js" defer></script>
 *   <vitrine-try-on shop="demo" product="…"></vitrine-try-on>
 *
 * A frame with the camera passed on, an attribute `product` that may change, and an event `vitrine-change` with
 * `detail.screen` and `detail.worn`. See docs/embed.md.
 */

import type { HostMessage } from './host'

const server = new URL((document.currentScript as HTMLScriptElement | null)?.src ?? window.location.href).origin

class TryOnElement extends HTMLElement {
  static readonly observedAttributes = ['shop', 'product']

  #frame: HTMLIFrameElement | null = null
  readonly #onMessage = (event: MessageEvent<Partial<HostMessage> | null>) => this.#hear(event)

  connectedCallback(): void {
    window.addEventListener('message', this.#onMessage)
    this.#load()
  }

  disconnectedCallback(): void {
    window.removeEventListener('message', this.#onMessage)
    this.#frame?.remove() // ends the try-on and switches the camera off
    this.#frame = null
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#load()
  }

  #load(): void {
    const shop = this.getAttribute('shop')
    if (!shop) return
    const product = this.getAttribute('product')
    const path = ['s', shop, ...(product ? [product] : [])].map(encodeURIComponent).join('/')
    const address = `${server}/${path}?embed=${encodeURIComponent(window.location.origin)}`
    if (this.#frame) {
      if (this.#frame.src !== address) this.#frame.src = address
      return
    }
    const frame = document.createElement('iframe')
    frame.allow = 'camera; screen-wake-lock; web-share; fullscreen'
    frame.title = this.getAttribute('label') ?? 'Try it on'
    frame.referrerPolicy = 'origin'
    frame.style.cssText = 'display:block;border:0;width:100%;height:100%'
    frame.src = address
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    if (!this.style.display) this.style.display = 'block'
    if (!this.style.height) this.style.height = 'min(80vh, 48rem)'
    root.replaceChildren(frame)
    this.#frame = frame
  }

  #hear({ source, origin, data }: MessageEvent<Partial<HostMessage> | null>): void {
    if (origin !== server || source !== this.#frame?.contentWindow || data?.vitrine !== 1) return
    const detail = { screen: data.screen, worn: data.worn }
    this.dispatchEvent(new CustomEvent('vitrine-change', { detail, bubbles: true }))
  }
}

if (!customElements.get('vitrine-try-on')) customElements.define('vitrine-try-on', TryOnElement)
