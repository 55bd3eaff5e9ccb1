/** Tells the page around the frame what happens in it, and nobody else: a message reaches only the origin named. */

export interface HostMessage {
  vitrine: 1
  screen: string
  worn: string[]
}

export function tellHost(main: HTMLElement, origin: string | null): void {
  if (origin === null || window.parent === window) return
  const tell = () => {
    const { screen = '', worn = '' } = main.dataset
    const message: HostMessage = { vitrine: 1, screen, worn: worn.split(' ').filter(Boolean) }
    window.parent.postMessage(message, origin)
  }
  new MutationObserver(tell).observe(main, { attributeFilter: ['data-screen', 'data-worn'] })
}
