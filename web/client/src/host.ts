/** Talks with the page around the frame, and with nobody else: messages go to and are taken from the origin named. */

export interface HostMessage {
  vitrine: 1
  screen: string
  worn: string[]
}

export interface HostWish {
  vitrine: 1
  wear: string
}

export function joinHost(main: HTMLElement, origin: string | null, wear: (product: string) => void): void {
  if (origin === null || window.parent === window) return
  const tell = () => {
    const { screen = '', worn = '' } = main.dataset
    const message: HostMessage = { vitrine: 1, screen, worn: worn.split(' ').filter(Boolean) }
    window.parent.postMessage(message, origin)
  }
  new MutationObserver(tell).observe(main, { attributeFilter: ['data-screen', 'data-worn'] })
  window.addEventListener('message', (event: MessageEvent<Partial<HostWish> | null>) => {
    if (event.source !== window.parent || event.origin !== origin || event.data?.vitrine !== 1) return
    if (typeof event.data.wear === 'string') wear(event.data.wear)
  })
}
