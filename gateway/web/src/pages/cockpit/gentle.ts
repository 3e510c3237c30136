/* Refreshing that cannot become a storm: at once when nothing was done for a while, else when that while is over, once for all that asked. */
export class Gentle {
  private last = -Infinity
  private timer: ReturnType<typeof setTimeout> | null = null
  constructor(private readonly run: () => void, private readonly leastMs: number) {}

  poke(): void {
    if (this.timer !== null) return
    const wait = this.last + this.leastMs - Date.now()
    if (wait <= 0) this.go()
    else this.timer = setTimeout(() => this.go(), wait)
  }
  /* It was done just now, by somebody else. */
  done(): void {
    this.last = Date.now()
    this.stop()
  }
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
  private go(): void {
    this.stop()
    this.last = Date.now()
    this.run()
  }
}
