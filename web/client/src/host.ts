/** Talks with the page around the frame, and with nobody else: messages go to and are taken from the origin named. */

export interface HostMessage {
  vitrine: 1
  screen: string
  worn: string[]
  /** What the shopper wants in her cart, when she says so. */
  cart?: string[]
  /** She pressed the Escape key, which a page does not hear that is pressed in a frame. */
  close?: true
}

/** `wear`: put this on. `added`: the page's own button put this into the cart. */
export type HostWish = { vitrine: 1 } & ({ wear: string } | { added: string })

export interface Wishes {
  wear(product: string): void
  added(product: string): void
}

export class Host {
  constructor(
    private readonly main: HTMLElement,
    private readonly origin: string | null,
  ) {}

  /** Whether there is a page around this one that is spoken with. */
  get listens(): boolean {
    return this.origin !== null && window.parent !== window
  }

  join(wishes: Wishes): void {
    if (!this.listens) return
    if (this.main.hasAttribute('data-dialog')) window.addEventListener('keydown', (event) => this.#close(event))
    new MutationObserver(() => this.#tell()).observe(this.main, { attributeFilter: ['data-screen', 'data-worn'] })
    window.addEventListener('message', ({ source, origin, data }: MessageEvent<Record<string, unknown> | null>) => {
      if (source !== window.parent || origin !== this.origin || data?.['vitrine'] !== 1) return
      if (typeof data['wear'] === 'string') wishes.wear(data['wear'])
      if (typeof data['added'] === 'string') wishes.added(data['added'])
    })
  }

  addToCart(products: string[]): void {
    this.#tell({ cart: products })
  }

  #close({ key, defaultPrevented }: KeyboardEvent): void {
    if (key !== 'Escape' || defaultPrevented || document.querySelector('dialog[open]')) return // that one closes first
    this.#tell({ close: true })
  }

  #tell(more: Partial<HostMessage> = {}): void {
    const { screen = '', worn = '' } = this.main.dataset
    const message: HostMessage = { vitrine: 1, screen, worn: worn.split(' ').filter(Boolean), ...more }
    if (this.origin !== null) window.parent.postMessage(message, this.origin)
  }
}
