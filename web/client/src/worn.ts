/** What is worn: at most one thing of a kind, glasses and a hat together. */

export interface Product {
  id: string
  kind: string
  name: string
  thumbnail: string | null
  dimensions: Record<string, number>
}

/** The kinds the live picture can wear, in the order they are shown. Garments belong to the avatar. */
export const KINDS = ['glasses', 'hat'] as const
export type Kind = (typeof KINDS)[number]

export type Worn = Readonly<Partial<Record<Kind, string>>>

export function isWearable(product: Product): product is Product & { kind: Kind } {
  return (KINDS as readonly string[]).includes(product.kind)
}

/** What is tried on in the fitting room, on a body of one's own shape. */
export function isGarment({ kind }: Product): boolean {
  return kind === 'garment'
}

/** `null` takes off what is worn of that kind. */
export function put(worn: Worn, kind: Kind, id: string | null): Worn {
  const { [kind]: _, ...rest } = worn
  return id === null ? rest : { ...rest, [kind]: id }
}

export function idsOf(worn: Worn): string[] {
  return KINDS.flatMap((kind) => worn[kind] ?? [])
}

/** What a list of ids comes to in this catalogue; ids it does not have are left out. */
export function wornFrom(ids: readonly string[], catalogue: readonly Product[]): Worn {
  return ids.reduce<Worn>((worn, id) => {
    const product = catalogue.find((p) => p.id === id)
    return product && isWearable(product) ? put(worn, product.kind, product.id) : worn
  }, {})
}

/** The product the page was opened for; without one the first of the shop, so that there is something to see at once. */
export function firstWorn(asked: string | null, catalogue: readonly Product[]): Worn {
  if (asked !== null) return wornFrom([asked], catalogue)
  const first = catalogue.find((p) => p.kind === KINDS[0]) ?? catalogue.find(isWearable)
  return first ? wornFrom([first.id], catalogue) : {}
}
