/** What is worn on the body, and in which size: what goes over what, and what comes off for something else. */

export type WornAs = 'top' | 'jacket' | 'bottom' | 'skirt' | 'dress'

export interface Garment {
  id: string
  name: string
  thumbnail: string | null
  wornAs: WornAs
  /** From small to large. */
  sizes: readonly string[]
}

/** A garment and its size; without one it is the recommended size. */
export interface Chosen {
  garment: Garment
  size: string | null
}

export type Outfit = readonly Chosen[]

/** What cannot be worn together with something: one thing about the legs, no top over a dress. */
const CLASHES: Record<WornAs, readonly WornAs[]> = {
  top: ['top', 'dress'],
  jacket: ['jacket'],
  bottom: ['bottom', 'skirt', 'dress'],
  skirt: ['bottom', 'skirt', 'dress'],
  dress: ['top', 'bottom', 'skirt', 'dress'],
}

export function putOn(outfit: Outfit, garment: Garment, size: string | null = null): Outfit {
  const stays = outfit.filter(({ garment: { wornAs } }) => !CLASHES[garment.wornAs].includes(wornAs))
  return [...stays, { garment, size }]
}

export function takeOff(outfit: Outfit, id: string): Outfit {
  return outfit.filter(({ garment }) => garment.id !== id)
}

export function inSize(outfit: Outfit, id: string, size: string): Outfit {
  return outfit.map((chosen) => (chosen.garment.id === id ? { ...chosen, size } : chosen))
}

/** Only with something to tuck into something. */
export function canTuck(outfit: Outfit): boolean {
  const worn = new Set(outfit.map(({ garment }) => garment.wornAs))
  return worn.has('top') && (worn.has('bottom') || worn.has('skirt'))
}

/** As the calls want it: `<product>:<size>,…`, not yet encoded for an address. */
export function wearOf(outfit: Outfit): string {
  return outfit.map(({ garment, size }) => (size === null ? garment.id : `${garment.id}:${size}`)).join(',')
}

/** A product of the catalogue, as far as it matters here. */
export interface Listed {
  id?: string
  kind?: string
  name?: string
  thumbnail?: string | null
  garment?: { worn_as: WornAs; sizes: { label: string }[] } | null
}

export interface Stocked {
  garments: Garment[]
  /** Whether there is something for the mirror too. */
  others: boolean
}

export function stocked(products: readonly Listed[]): Stocked {
  const garments = products.flatMap(({ id, kind, name, thumbnail, garment }) =>
    kind !== 'garment' || !id || !garment || !(garment.worn_as in CLASHES)
      ? []
      : [{ id, name: name ?? '', thumbnail: thumbnail ?? null, wornAs: garment.worn_as, sizes: garment.sizes.map(({ label }) => label) }],
  )
  return { garments, others: products.some(({ kind }) => kind === 'glasses' || kind === 'hat') }
}
