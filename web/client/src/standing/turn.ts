/** A finger that turns a figure: the picture's width is half a turn, and the server is told some thirty times a second. */

const DEGREES_ACROSS = 180
const TOLD_EVERY_MS = 33
const KEY_STEP = 15

export class Turn {
  #yaw = 0
  #from: { x: number; yaw: number } | null = null
  #timer = 0

  constructor(
    private readonly surface: HTMLElement,
    private readonly tell: (yaw: number) => void,
    /** Whether there is something to turn. */
    private readonly seen: () => boolean = () => true,
  ) {
    surface.addEventListener('pointerdown', (event) => this.#take(event))
    surface.addEventListener('pointermove', (event) => this.#drag(event))
    for (const end of ['pointerup', 'pointercancel'] as const) surface.addEventListener(end, () => (this.#from = null))
    surface.addEventListener('keydown', (event) => this.#key(event))
  }

  get yaw(): number {
    return this.#yaw
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = 0
  }

  /** To the front. */
  reset(): void {
    this.stop()
    this.#yaw = 0
    this.#from = null
  }

  #take(event: PointerEvent): void {
    if (!this.seen()) return
    this.#from = { x: event.clientX, yaw: this.#yaw }
    this.surface.setPointerCapture(event.pointerId)
  }

  #drag(event: PointerEvent): void {
    if (!this.#from || !this.seen()) return
    const across = (event.clientX - this.#from.x) / Math.max(1, this.surface.clientWidth)
    this.#to(this.#from.yaw + across * DEGREES_ACROSS)
  }

  #key(event: KeyboardEvent): void {
    const step = event.key === 'ArrowLeft' ? -KEY_STEP : event.key === 'ArrowRight' ? KEY_STEP : 0
    if (step === 0 || !this.seen()) return
    event.preventDefault()
    this.#to(this.#yaw + step)
  }

  #to(yaw: number): void {
    this.#yaw = yaw
    if (this.#timer) return
    this.#timer = window.setTimeout(() => {
      this.#timer = 0
      this.tell(Math.round(this.#yaw * 10) / 10)
    }, TOLD_EVERY_MS)
  }
}
