/** The body of a WHIP PATCH (RFC 8840, application/trickle-ice-sdpfrag). */

export interface Candidate {
  candidate: string
  sdpMid: string | null
}

/** `offer` names the ICE user and password and the media sections that the candidates belong to. */
export function fragmentOf(offer: string, candidates: readonly Candidate[]): string {
  const lines = offer.split(/\r?\n/)
  const first = (start: string) => lines.find((line) => line.startsWith(start))
  const head = [first('a=group:BUNDLE'), first('a=ice-ufrag:'), first('a=ice-pwd:')]
  const bundled = first('a=mid:')?.slice('a=mid:'.length) ?? '0'
  const media = lines.findIndex((line) => line.startsWith('m='))
  const out = head.filter((line): line is string => line !== undefined)
  out.push(lines[media] ?? 'm=video 9 UDP/TLS/RTP/SAVPF 0', `a=mid:${bundled}`)
  for (const { candidate, sdpMid } of candidates) {
    if (candidate !== '' && (sdpMid ?? bundled) === bundled) out.push(`a=${candidate}`)
  }
  return out.join('\r\n') + '\r\n'
}
