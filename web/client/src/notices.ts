/** What each screen says, and the way on it offers. Pure: a journey and a few facts in, words out. */

import type { Journey, Screen, Waiting } from './journey'

export type Way = 'retry' | 'restart' | 'leave' | 'open-tab' | 'reload'

export interface Notice {
  title: string
  lines: string[]
  steps: string[]
  ways: { way: Way; label: string }[]
  /** A figure to show large: the place in the queue. */
  figure: string | null
  /** Work is going on. */
  busy: boolean
}

export interface Facts {
  shop: string
  browser: Browser
}

export type Browser = 'chrome' | 'firefox' | 'safari' | 'ios' | 'android' | 'other'

const retry = (label: string) => ({ way: 'retry' as const, label })
const restart = (label: string) => ({ way: 'restart' as const, label })
const leave = { way: 'leave' as const, label: 'Leave' }

/** Null for the screens that are more than words: the consent and the live picture. */
export function noticeFor(journey: Journey, facts: Facts): Notice | null {
  const words = wordsFor(journey, facts)
  return words && { lines: [], steps: [], ways: [], figure: null, busy: false, ...words }
}

type Words = { title: string } & Partial<Notice>

function wordsFor(journey: Journey, { shop, browser }: Facts): Words | null {
  const notices: Record<Screen, () => Words | null> = {
    consent: () => null,
    live: () => null,
    loading: () => ({ title: 'One moment', busy: true }),
    'asking-camera': () => ({
      title: 'Please allow the camera',
      lines: ['Your browser is asking whether this page may use your camera. Choose “Allow”.'],
      busy: true,
    }),
    connecting: () => ({ title: 'Connecting', lines: ['This takes a second or two.'], busy: true }),
    queue: () => ({
      title: place(journey.waiting),
      lines: [
        [before(journey.waiting), eta(journey.waiting)].filter(Boolean).join(' '),
        'Keep this page open, it starts by itself. Nothing is sent from your camera while you wait.',
      ],
      figure: (journey.waiting?.position ?? 1) <= 1 ? null : String(journey.waiting?.position),
      ways: [leave],
      busy: true,
    }),
    lost: () => ({
      title: 'The connection was lost',
      lines: ['We are connecting you again. What you were wearing will be back on.'],
      ways: [retry('Try now'), leave],
      busy: true,
    }),
    paused: () => ({
      title: 'Paused while you were away',
      lines: ['Your camera is off. What you were wearing will be back on.'],
      ways: [retry('Carry on')],
    }),
    left: () => ({
      title: 'Your camera is off',
      lines: ['Nothing of your picture was kept.'],
      ways: [restart('Try on again')],
    }),
    'camera-refused': () => ({
      title: 'The camera is not allowed',
      lines: ['Without it there is no mirror. You can allow it again:'],
      steps: allowSteps(browser),
      ways: [retry('Try again')],
    }),
    'camera-absent': () => ({
      title: 'No camera was found',
      lines: ['Plug one in, or open its cover, and try again. You can also open this page on your phone.'],
      ways: [retry('Try again')],
    }),
    'camera-busy': () => ({
      title: 'The camera is in use',
      lines: ['Another program or tab has it. Close a video call or another tab, then try again.'],
      ways: [retry('Try again')],
    }),
    'camera-lost': () => ({
      title: 'The camera went away',
      lines: ['It was unplugged or switched off, or another program took it.'],
      ways: [retry('Try again')],
    }),
    insecure: () => ({
      title: 'The camera needs a secure page',
      lines: ['Browsers open the camera only on addresses that begin with “https”.'],
      ways: [{ way: 'open-tab', label: 'Open the secure page' }],
    }),
    framed: () => ({
      title: 'The camera is not allowed inside this page',
      lines: ['The page around the mirror did not pass the camera on. The mirror works in a tab of its own.'],
      ways: [{ way: 'open-tab', label: 'Open in its own tab' }],
    }),
    unsupported: () => ({
      title: 'This browser cannot show the mirror',
      lines: [
        'Apps with a browser of their own often have no camera. Open this page in Safari, Chrome, Firefox or Edge.',
      ],
      ways: [{ way: 'open-tab', label: 'Open in a new tab' }],
    }),
    'session-expired': () => ({
      title: 'Your visit has ended',
      lines: ['A visit lasts a limited time so that nobody else can use it. Start a new one whenever you like.'],
      ways: [restart('Start again')],
    }),
    'session-active': () => ({
      title: 'The mirror is open elsewhere',
      lines: ['It runs in another tab or window of yours. Close that one, then go on here.'],
      ways: [retry('Use it here')],
    }),
    'shop-unknown': () => ({
      title: 'There is no shop at this address',
      lines: ['Perhaps the address was mistyped, or the shop has moved. Go back to the shop’s own site and follow its link.'],
    }),
    'key-wrong': () => ({
      title: 'The mirror is closed',
      lines: [`${shop} has not switched the mirror on, or its key was changed. The shop needs to put this right.`],
      ways: [{ way: 'reload', label: 'Try again' }],
    }),
    'origin-refused': () => ({
      title: 'The mirror is not open here',
      lines: [`${shop} has not allowed this website to show its mirror. It works on the shop’s own page.`],
      ways: [{ way: 'open-tab', label: 'Open in its own tab' }],
    }),
    'rate-limited': () => ({
      title: 'A little too fast',
      lines: ['Too many tries came from your connection. We try again by ourselves.'],
      ways: [retry('Try now')],
      busy: true,
    }),
    'server-down': () => ({
      title: 'The mirror is not answering',
      lines: ['That is our fault, not yours. We keep trying.'],
      ways: [retry('Try now')],
      busy: journey.retryInMs !== null,
    }),
    'network-blocked': () => ({
      title: 'Video cannot get through',
      lines: [
        'This network seems to block video calls, as networks of offices and schools do. Another network, or your phone’s, will work.',
      ],
      ways: [retry('Try again')],
    }),
  }
  return notices[journey.screen]()
}

export function place(waiting: Waiting | null): string {
  const position = waiting?.position ?? null
  if (position === null) return 'All mirrors are in use'
  return position <= 1 ? 'You are next' : 'Your place in line'
}

export function before(waiting: Waiting | null): string {
  const position = waiting?.position ?? 1
  if (position <= 1) return ''
  return position === 2 ? 'One person is before you.' : `${position - 1} people are before you.`
}

/** Honest, and no more exact than a forecast can be. */
export function eta(waiting: Waiting | null): string {
  const seconds = waiting?.etaSeconds ?? null
  if (seconds === null) return 'We cannot say yet how long it takes.'
  if (seconds < 10) return 'Only a few seconds more.'
  if (seconds < 90) return `About ${Math.round(seconds / 10) * 10} seconds.`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `About ${minutes} minutes.` : 'More than an hour. It may be better to come back later.'
}

/** "Trying again in 3 s", counted down by the page. */
export function countdown(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  return seconds <= 0 ? 'Trying now' : `Trying again in ${seconds} s`
}

export function browserOf(agent: string): Browser {
  if (/iPhone|iPad|iPod/.test(agent)) return 'ios'
  if (/Firefox\//.test(agent)) return 'firefox'
  if (/Android/.test(agent)) return 'android'
  if (/Chrome\/|Chromium\/|Edg\//.test(agent)) return 'chrome'
  return /Safari\//.test(agent) ? 'safari' : 'other'
}

function allowSteps(browser: Browser): string[] {
  switch (browser) {
    case 'ios':
      return ['Tap the page menu left of the address.', 'Choose “Website settings”, then “Camera”, then “Allow”.']
    case 'android':
      return ['Tap the sign left of the address.', 'Choose “Permissions” and switch the camera on.']
    case 'firefox':
      return ['Click the crossed-out camera beside the address.', 'Remove the block, then try again.']
    case 'safari':
      return ['Open “Safari”, then “Settings for this website”.', 'Set “Camera” to “Allow”.']
    default:
      return ['Click the sign left of the address.', 'Switch “Camera” on.']
  }
}
