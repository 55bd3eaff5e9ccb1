/**
 * The mirror on a shop's own page:
 *
 *   <script src="https://tryon.example/static/app/embed.js" defer></script>
 *   <vitrine-try-on shop="demo" product="…"></vitrine-try-on>
 *
 * A frame with the camera passed on. `product` may change at any time; the event `vitrine-change` tells what is worn.
 * See docs/embed.md.
 */

import type { HostMessage, HostWish } from './host'

const server = new URL((document.currentScript as HTMLScriptElement | null)?.src ?? window.location.href).origin

class TryOnElement extends HTMLElement {
  static readonly observedAttributes = ['shop', 'product']

  #frame: HTMLIFrameElement | null = null
  /** Attributes written in the page's source arrive one by one before this. */
  #placed = false
  readonly #onMessage = (event: MessageEvent<Partial<HostMessage> | null>) => this.#hear(event)

  connectedCallback(): void {
    window.addEventListener('message', this.#onMessage)
    this.#placed = true
    this.#load()
  }

  /** Ends the try-on and switches the camera off. */
  disconnectedCallback(): void {
    window.removeEventListener('message', this.#onMessage)
    this.#placed = false
    this.#frame?.remove()
    this.#frame = null
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#placed || before === now) return
    if (name === 'product' && this.#frame && now !== null) this.#wear(now)
    else this.#load()
  }

  #load(): void {
    const shop = this.getAttribute('shop')
    if (!shop) return
    const product = this.getAttribute('product')
    const path = ['s', shop, ...(product ? [product] : [])].map(encodeURIComponent).join('/')
    this.#frame ??= this.#newFrame()
    this.#frame.src = `${server}/${path}?embed=${encodeURIComponent(window.location.origin)}`
  }

  #newFrame(): HTMLIFrameElement {
    const frame = document.createElement('iframe')
    frame.allow = 'camera; screen-wake-lock; web-share'
    frame.title = this.getAttribute('label') ?? 'Try it on'
    frame.style.cssText = 'display:block;border:0;width:100%;height:100%'
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    if (getComputedStyle(this).display === 'inline') this.style.display = 'block'
    if (!this.style.height && this.clientHeight === 0) this.style.height = 'min(80vh, 48rem)'
    root.replaceChildren(frame)
    return frame
  }

  /** Puts a product on in the running mirror, without a new consent or connection. */
  #wear(product: string): void {
    const wish: HostWish = { vitrine: 1, wear: product }
    this.#frame?.contentWindow?.postMessage(wish, server)
  }

  #hear({ source, origin, data }: MessageEvent<Partial<HostMessage> | null>): void {
    if (origin !== server || source !== this.#frame?.contentWindow || data?.vitrine !== 1) return
    const detail = { screen: data.screen, worn: data.worn }
    this.dispatchEvent(new CustomEvent('vitrine-change', { detail, bubbles: true }))
  }
}

if (!customElements.get('vitrine-try-on')) customElements.define('vitrine-try-on', TryOnElement)
