/** A phone that nobody touches while looking into the mirror must not go dark. */

export function keepAwake(main: HTMLElement): void {
  let lock: WakeLockSentinel | null = null
  const follow = async () => {
    const wanted = main.dataset['screen'] === 'live' && !document.hidden
    if (wanted && (lock === null || lock.released)) {
      // Refused on a low battery, for instance; the phone then goes dark as it would anyway.
      lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null
    } else if (!wanted) {
      void lock?.release()
      lock = null
    }
  }
  new MutationObserver(() => void follow()).observe(main, { attributeFilter: ['data-screen'] })
  document.addEventListener('visibilitychange', () => void follow())
}
