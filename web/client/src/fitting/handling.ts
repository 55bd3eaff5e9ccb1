/** How the stage is handled: turned by a finger, the mouse or arrow keys; closer by pinch, wheel, plus and minus. */

const KEY_STEP = Math.PI / 12
const CLOSER = 0.85
/** Of the stage's width, for a whole turn and a half less a quarter: a swipe across shows the back. */
const TURN = Math.PI * 1.6

export interface Moves {
  turn(by: number): void
  /** Closer for a share below 1. */
  come(share: number): void
  /** Up or down, as a share of the stage's height. */
  slide(share: number): void
  rest(): void
}

export class Handling {
  readonly #pointers = new Map<number, { x: number; y: number }>()

  constructor(
    private readonly on: HTMLElement,
    private readonly moves: Moves,
  ) {
    on.style.touchAction = 'pan-y'
    on.addEventListener('pointerdown', (event) => {
      on.setPointerCapture(event.pointerId)
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    })
    on.addEventListener('pointermove', (event) => this.#move(event))
    for (const kind of ['pointerup', 'pointercancel'] as const)
      on.addEventListener(kind, (event) => {
        this.#pointers.delete(event.pointerId)
        moves.rest()
      })
    const wheel = (event: WheelEvent): void => {
      event.preventDefault()
      moves.come(Math.exp(event.deltaY * 0.0012))
    }
    on.addEventListener('wheel', wheel, { passive: false })
    on.addEventListener('keydown', (event) => this.#key(event))
  }

  /** Whether a finger lies on it. */
  get held(): boolean {
    return this.#pointers.size > 0
  }

  #move(event: PointerEvent): void {
    const was = this.#pointers.get(event.pointerId)
    if (!was) return
    const apart = this.#apart()
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY })
    if (this.#pointers.size === 1) {
      this.moves.turn(((event.clientX - was.x) / this.on.clientWidth) * TURN)
      this.moves.slide((event.clientY - was.y) / this.on.clientHeight)
    } else if (apart > 0) this.moves.come(apart / Math.max(1, this.#apart()))
  }

  #key(event: KeyboardEvent): void {
    const turn = { ArrowLeft: -KEY_STEP, ArrowRight: KEY_STEP }[event.key]
    const come = { '+': CLOSER, '=': CLOSER, '-': 1 / CLOSER }[event.key]
    const slide = { ArrowUp: 0.06, ArrowDown: -0.06 }[event.key]
    if (turn !== undefined) this.moves.turn(turn)
    else if (come !== undefined) this.moves.come(come)
    else if (slide !== undefined) this.moves.slide(slide)
    else return
    event.preventDefault()
  }

  #apart(): number {
    const [one, two] = [...this.#pointers.values()]
    return one && two ? Math.hypot(one.x - two.x, one.y - two.y) : 0
  }
}
