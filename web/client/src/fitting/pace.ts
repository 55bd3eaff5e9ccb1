/** Keeps a moving picture fluid where drawing is slow: fewer triangles first, then no shadows, then fewer pixels. */

const FRAME_MS = 1000 / 30
const COARSEST = 0.5
const FINEST = 2
/** Slow frames in a row, about, before something is given up. */
const PATIENCE = 3

export class Pace {
  #slow = 0
  #given = 0
  #ratio: number

  constructor(private readonly device: number) {
    this.#ratio = Math.min(device, FINEST)
  }

  /** How long the last frame of a movement took. */
  took(ms: number): void {
    if (ms <= 0) return
    this.#slow = ms > FRAME_MS * 1.15 ? this.#slow + 1 : Math.max(0, this.#slow - 0.25)
    if (this.#slow < PATIENCE) return
    this.#slow = 0
    if (this.#given < 2) this.#given += 1
    else this.#ratio = Math.max(COARSEST, this.#ratio * 0.75)
  }

  coarse(moving: boolean): boolean {
    return moving && this.#given >= 1
  }

  shadows(moving: boolean): boolean {
    return !moving || this.#given < 2
  }

  /** Pixels to draw for each of the page's. */
  ratio(moving: boolean): number {
    return moving ? this.#ratio : Math.max(this.device, FINEST)
  }
}
