/*
 * Fetches pictures: a few at a time, the one that is looked at first, and lets go of what nobody wants any more. What came is kept as it came
 * (compressed), up to a number of bytes, the longest unused forgotten first.
 */
export interface Job { key: string; address: string }
export type Fetcher = (address: string, signal: AbortSignal) => Promise<Blob>

/* Least recently used out, by bytes. */
export class ByteCache {
  private readonly entries = new Map<string, Blob>()
  private bytes = 0
  constructor(private readonly limit: number) {}

  get(key: string): Blob | undefined {
    const blob = this.entries.get(key)
    if (blob !== undefined) {
      this.entries.delete(key)
      this.entries.set(key, blob)
    }
    return blob
  }
  has(key: string): boolean {
    return this.entries.has(key)
  }
  put(key: string, blob: Blob): void {
    this.bytes += blob.size - (this.entries.get(key)?.size ?? 0)
    this.entries.delete(key)
    this.entries.set(key, blob)
    for (const [oldest, one] of this.entries) {
      if (this.bytes <= this.limit || oldest === key) break
      this.entries.delete(oldest)
      this.bytes -= one.size
    }
  }
  sizeOf(keys: Iterable<string>): number {
    let sum = 0
    for (const key of keys) sum += this.entries.get(key)?.size ?? 0
    return sum
  }
  clear(): void {
    this.entries.clear()
    this.bytes = 0
  }
  get size(): number {
    return this.bytes
  }
}

/* How fast the link is, from what was just fetched. Unknown counts as slow: the first picture comes small. */
export class Pace {
  private bytesPerMs: number | null = null
  note(bytes: number, ms: number): void {
    const now = bytes / Math.max(ms, 1)
    this.bytesPerMs = this.bytesPerMs === null ? now : this.bytesPerMs * 0.7 + now * 0.3
  }
  /* Would a picture of about this size be long in coming? */
  isSlowFor(bytes: number): boolean {
    return this.bytesPerMs === null || bytes / this.bytesPerMs > SLOW_MS
  }
}
const SLOW_MS = 250
const ROOM_SHARE = 0.85 /* of the cache, for what is wanted: the rest is what was looked at before */

/* The places around one, the nearest first, twice as far in the direction of scrolling as behind. */
export function nearestFirst(index: number, length: number, direction: 1 | -1, most: number): number[] {
  const places: number[] = []
  let ahead = index + direction
  let behind = index - direction
  const inside = (place: number) => place >= 0 && place < length
  while (places.length < most && (inside(ahead) || inside(behind))) {
    for (const place of [ahead, ahead + direction, behind]) if (inside(place) && places.length < most) places.push(place)
    ahead += 2 * direction
    behind -= direction
  }
  return places
}

export class PictureLoader {
  private readonly cache: ByteCache
  private readonly failures = new Map<string, unknown>()
  private readonly running = new Map<string, AbortController>()
  private waiting: Job[] = []
  private wanted = new Set<string>()
  private urgent = new Set<string>()
  private isClosed = false

  constructor(
    private readonly fetcher: Fetcher,
    private readonly changed: (key: string) => void,
    private readonly options: { concurrency: number; cacheBytes: number },
    readonly pace: Pace = new Pace(),
  ) {
    this.cache = new ByteCache(options.cacheBytes)
  }

  /*
   * From now on these, in this order. What else is under way is given up. Behind the first `urgent`, only as long as there is room for them: what
   * is fetched ahead never pushes out what was fetched ahead.
   */
  want(jobs: Job[], urgent = jobs.length): void {
    this.wanted = new Set(jobs.map((job) => job.key))
    this.urgent = new Set(jobs.slice(0, urgent).map((job) => job.key))
    for (const [key, controller] of this.running) {
      if (this.wanted.has(key)) continue
      this.running.delete(key)
      controller.abort()
    }
    this.waiting = jobs.filter((job) => !this.running.has(job.key) && !this.cache.has(job.key) && !this.failures.has(job.key))
    this.proceed()
  }
  find(key: string): Blob | undefined {
    return this.cache.get(key)
  }
  has(key: string): boolean {
    return this.cache.has(key)
  }
  failureOf(key: string): unknown {
    return this.failures.get(key)
  }
  /* What failed (in this way) may be fetched again when it is wanted again. */
  forgive(isForgiven: (failure: unknown) => boolean = () => true): void {
    for (const [key, failure] of this.failures) if (isForgiven(failure)) this.failures.delete(key)
  }
  /* More is wanted than there is room for. */
  get isFull(): boolean {
    return this.waiting.length > 0 && !this.hasRoom()
  }
  close(): void {
    this.isClosed = true
    this.want([])
    this.cache.clear()
  }

  private hasRoom(): boolean {
    return this.cache.sizeOf(this.wanted) < this.options.cacheBytes * ROOM_SHARE
  }
  private proceed(): void {
    while (!this.isClosed && this.running.size < this.options.concurrency) {
      const job = this.waiting[0]
      if (job === undefined || (!this.urgent.has(job.key) && !this.hasRoom())) return
      this.waiting.shift()
      void this.run(job)
    }
  }
  private async run(job: Job): Promise<void> {
    const controller = new AbortController()
    this.running.set(job.key, controller)
    const began = performance.now()
    try {
      const blob = await this.fetcher(job.address, controller.signal)
      if (controller.signal.aborted) return
      this.pace.note(blob.size, performance.now() - began)
      this.cache.put(job.key, blob)
    } catch (failure) {
      if (controller.signal.aborted) return
      this.failures.set(job.key, failure)
    }
    this.running.delete(job.key)
    this.changed(job.key)
    this.proceed()
  }
}
