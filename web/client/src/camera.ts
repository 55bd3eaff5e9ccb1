/** Opening the shopper's camera, and telling apart the ways in which that fails. */

export type CameraTrouble =
  | 'camera-refused'
  | 'camera-absent'
  | 'camera-busy'
  | 'camera-lost'
  | 'insecure'
  | 'framed'
  | 'unsupported'

// Phones turn these round by themselves: 640×480 asked in portrait comes as 480×640. Asking for 480×640 is turned twice.
const WANTED: MediaStreamConstraints = {
  audio: false,
  video: {
    width: { ideal: 640 },
    height: { ideal: 480 },
    frameRate: { ideal: 24, max: 30 },
    facingMode: 'user',
  },
}

/** A refusal within this time came from a policy, not from a person. */
const HUMAN_MS = 40

/** What can be known to fail before anybody is asked. */
export function knownTrouble(page: Window & typeof globalThis = window): CameraTrouble | null {
  if (!page.isSecureContext) return 'insecure'
  if (typeof page.RTCPeerConnection !== 'function' || page.navigator.mediaDevices?.getUserMedia === undefined) {
    return 'unsupported'
  }
  return isFramed(page) && policyForbids(page.document) ? 'framed' : null
}

/** The camera's video track. Rejects with a `CameraTrouble`. */
export async function openCamera(): Promise<MediaStreamTrack> {
  const known = knownTrouble()
  if (known) throw known
  const asked = performance.now()
  try {
    const stream = await navigator.mediaDevices.getUserMedia(WANTED)
    const track = stream.getVideoTracks()[0]
    if (!track) throw new DOMException('no video track', 'NotFoundError')
    track.contentHint = 'motion'
    return track
  } catch (error) {
    throw troubleOf(error, isFramed(window) && performance.now() - asked < HUMAN_MS)
  }
}

export function troubleOf(error: unknown, byPolicy: boolean): CameraTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  switch (name) {
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'camera-absent'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'camera-busy'
    case 'SecurityError':
      return 'insecure'
    case 'NotAllowedError':
      return byPolicy ? 'framed' : 'camera-refused'
    default:
      return 'unsupported'
  }
}

/** Calls back once when the shopper allows the camera in her browser's settings after having refused it. */
export async function whenAllowed(then: () => void): Promise<void> {
  try {
    const status = await navigator.permissions.query({ name: 'camera' as PermissionName })
    if (status.state === 'granted') return
    status.onchange = () => {
      if (status.state !== 'granted') return
      status.onchange = null
      then()
    }
  } catch {
    // Firefox does not tell; the button on the screen does the same.
  }
}

function isFramed(page: Window): boolean {
  return page.self !== page.top
}

function policyForbids(document: Document): boolean {
  const policy = (document as { featurePolicy?: { allowsFeature(name: string): boolean } }).featurePolicy
  return policy?.allowsFeature('camera') === false
}
