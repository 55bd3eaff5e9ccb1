/** The colours of the ease map: how much room a garment leaves, in cm. The server says which, so that all pictures agree. */

/** So many cm of room and the screen colour that stands for it, from tight to loose. */
export type Stops = readonly (readonly [cm: number, colour: string])[]

/** Where on the legend, 0..1, so many cm lie. */
export function along(stops: Stops, cm: number): number {
  const [low, high] = [stops[0]?.[0] ?? 0, stops.at(-1)?.[0] ?? 1]
  return Math.min(1, Math.max(0, (cm - low) / Math.max(0.001, high - low)))
}

/** The colours of the stops alone, evenly spread where the stops are: what a gradient wants. */
export function places(stops: Stops): { at: number; colour: string }[] {
  return stops.map(([cm, colour]) => ({ at: along(stops, cm), colour }))
}
