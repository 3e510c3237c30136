/* Fetching for these pages: the last answer stays while a new one is on its way or fails; what changed is fetched anew by events. */
import { onMounted, onUnmounted, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { onChanges } from '@/api/events'
import { isExpired } from '@/state/session'

export interface Loaded<T> {
  data: ShallowRef<T | null>
  failure: ShallowRef<unknown>
  isLoading: Ref<boolean>
  reload: () => Promise<void>
}

/* prefixes: events after which it is fetched again; none: by hand only. everyMs: also now and then, while somebody looks. */
export function useLoaded<T>(fetch: (signal: AbortSignal) => Promise<T>, prefixes: string[] = [], everyMs = 0): Loaded<T> {
  const data = shallowRef<T | null>(null)
  const failure = shallowRef<unknown>(null)
  const isLoading = ref(false)
  let running: AbortController | null = null

  async function reload(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    isLoading.value = true
    try {
      const answer = await fetch(mine.signal)
      if (running !== mine) return
      data.value = answer
      failure.value = null
    } catch (error) {
      if (running === mine) failure.value = error
    } finally {
      if (running === mine) isLoading.value = false
    }
  }

  let timer: number | null = null
  let end = (): void => undefined
  onMounted(() => {
    void reload()
    if (prefixes.length > 0) end = onChanges(prefixes, reload)
    if (everyMs > 0) timer = window.setInterval(() => document.visibilityState === 'visible' && !isExpired.value && void reload(), everyMs)
  })
  onUnmounted(() => {
    end()
    if (timer !== null) window.clearInterval(timer)
    running?.abort()
    running = null
  })
  return { data, failure, isLoading, reload }
}

export interface RowPage<Row> { rows: Row[]; next: string | null }
export type FetchPage<Row> = (after: string | null, signal: AbortSignal) => Promise<RowPage<Row>>

export const ROWS_MAX = 2000 /* fetched again at once when something changed */

/* Pages behind each other until there are as many rows as before, so that a refresh does not shorten what somebody reads. */
export async function fetchAgain<Row>(fetch: FetchPage<Row>, count: number, signal: AbortSignal): Promise<RowPage<Row>> {
  const all: RowPage<Row> = { rows: [], next: null }
  do {
    const page = await fetch(all.next, signal)
    all.rows.push(...page.rows)
    all.next = page.rows.length > 0 ? page.next : null
  } while (all.next !== null && all.rows.length < Math.min(count, ROWS_MAX))
  return all
}

const LOOK_AHEAD = 30

export interface Rows<Row> extends Omit<Loaded<RowPage<Row>>, 'data'> {
  rows: ShallowRef<Row[]>
  hasMore: Ref<boolean>
  /* Of the table: what is in view. Fetches the next page in time. */
  onRange: (first: number, last: number) => void
  /* Another filter: from the beginning. */
  restart: () => Promise<void>
}

export function useRows<Row extends { id: string }>(fetch: FetchPage<Row>, prefixes: string[] = []): Rows<Row> {
  const rows = shallowRef<Row[]>([])
  const hasMore = ref(false)
  let next: string | null = null
  let isFetchingMore = false
  let turn = 0

  const loaded = useLoaded<RowPage<Row>>(async (signal) => {
    const mine = ++turn
    const page = await fetchAgain(fetch, rows.value.length, signal)
    if (mine === turn) {
      rows.value = page.rows
      next = page.next
      hasMore.value = next !== null
    }
    return page
  }, prefixes)

  async function more(): Promise<void> {
    if (next === null || isFetchingMore) return
    const mine = turn
    isFetchingMore = true
    try {
      const page = await fetch(next, new AbortController().signal)
      if (mine !== turn) return
      const known = new Set(rows.value.map((row) => row.id))
      rows.value = [...rows.value, ...page.rows.filter((row) => !known.has(row.id))]
      next = page.rows.length > 0 ? page.next : null
      hasMore.value = next !== null
      loaded.failure.value = null
    } catch (error) {
      if (mine === turn) loaded.failure.value = error
    } finally {
      isFetchingMore = false
    }
  }

  function onRange(_first: number, last: number): void {
    if (last >= rows.value.length - LOOK_AHEAD) void more()
  }

  async function restart(): Promise<void> {
    rows.value = []
    next = null
    hasMore.value = false
    await loaded.reload()
  }

  return { rows, hasMore, failure: loaded.failure, isLoading: loaded.isLoading, reload: loaded.reload, onRange, restart }
}
