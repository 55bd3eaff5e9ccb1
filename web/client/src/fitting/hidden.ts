/** Which of a body's vertices lie under cloth: those need not be drawn, and cannot poke through. */

/** The vertices that a garment's file names: base64 of bits, the first vertex in the lowest. One byte a vertex comes back. */
export function hiddenIn(base64: string, vertices: number): Uint8Array {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  return Uint8Array.from({ length: vertices }, (_, vertex) => ((bytes[vertex >> 3] ?? 0) >> (vertex & 7)) & 1)
}

/** The triangles that are still seen: one is hidden when its three corners are. */
export function withoutHidden<T extends Uint16Array | Uint32Array>(triangles: T, hidden: Uint8Array): T {
  const seen = triangles.slice() as T
  let length = 0
  for (let at = 0; at + 2 < triangles.length; at += 3) {
    const [a, b, c] = [triangles[at]!, triangles[at + 1]!, triangles[at + 2]!]
    if (hidden[a] && hidden[b] && hidden[c]) continue
    seen.set([a, b, c], length)
    length += 3
  }
  return seen.slice(0, length) as T
}
