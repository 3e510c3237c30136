/*
 * The event stream (GET /api/v1/events): ids of what changed. Pages fetch what they show under their own rights.
 *
 * Bursts are gathered. A listener is told GATHER_MS after the first change, then again when what it did is done (a promise that it gives back is
 * awaited) and it has rested REST_TIMES as long: what is slow to fetch is fetched less often, so that a busy county does not slow its gateway.
 * After `reset`, after each new connection that could not go on where the last one ended, and when more than WAITING_MAX changes wait,
 * listeners get null: fetch everything anew.
 */
import { readonly, ref } from 'vue'
import { address, api } from './client'
import type { Me } from './types'

export interface Change { kind: string; subject: string; site: string | null }
type Listener = (changes: Change[] | null) => void | Promise<void>
interface Entry { prefixes: string[]; waiting: Change[]; reset: boolean; timer: number | null; isBusy: boolean; restUntil: number }

const GATHER_MS = 300
const REST_MIN_MS = 1_000
const REST_MAX_MS = 30_000
const REST_TIMES = 4
const WAITING_MAX = 1_000
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 30_000

const up = ref(false)
export const isStreaming = readonly(up)

const listeners = new Map<Listener, Entry>()
let source: EventSource | null = null
let retryMs = RETRY_MIN_MS
let retryTimer: number | null = null
let hadConnection = false
let seen: string | null = null /* up to where a page knew what there is before it fetched anything */
let round = 0 /* counts the starts and ends of the stream */

function plan(listener: Listener, entry: Entry): void {
  if (entry.timer !== null || entry.isBusy || (entry.waiting.length === 0 && !entry.reset)) return
  entry.timer = window.setTimeout(() => void flush(listener, entry), Math.max(GATHER_MS, entry.restUntil - Date.now()))
}

async function flush(listener: Listener, entry: Entry): Promise<void> {
  const changes = entry.reset ? null : entry.waiting
  const begin = Date.now()
  Object.assign(entry, { timer: null, waiting: [], reset: false, isBusy: true })
  try {
    await listener(changes)
  } finally {
    const end = Date.now()
    entry.isBusy = false
    entry.restUntil = end + Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, REST_TIMES * (end - begin)))
    if (listeners.get(listener) === entry) plan(listener, entry)
  }
}

function tell(change: Change | null): void {
  for (const [listener, entry] of listeners) {
    if (change !== null && entry.prefixes.length > 0 && !entry.prefixes.some((prefix) => change.kind.startsWith(prefix))) continue
    if (change === null || entry.waiting.length >= WAITING_MAX) {
      entry.reset = true
      entry.waiting = []
    } else if (!entry.reset) entry.waiting.push(change)
    plan(listener, entry)
  }
}

function open(): void {
  source = new EventSource(address('/api/v1/events', { after: seen }))
  source.onopen = () => {
    up.value = true
    retryMs = RETRY_MIN_MS
    hadConnection = true
  }
  source.addEventListener('change', (event) => {
    try {
      tell(JSON.parse((event as MessageEvent<string>).data) as Change)
    } catch {
      tell(null)
    }
  })
  source.addEventListener('reset', () => tell(null))
  source.onerror = () => {
    up.value = false
    if (source?.readyState !== EventSource.CLOSED) return // it tries again by itself, and goes on where it was
    void retry(round)
  }
}

/* Asks who is here first: an ended session is told by the client, before somebody types into this page, and this waits with it for the login.
 * A page left open over night asks once. */
async function retry(mine: number): Promise<void> {
  const now = await api.get<Me>('/api/v1/me').catch(() => null)
  if (mine !== round) return // ended, or begun anew by the login
  if (now !== null) seen = now.events
  retryTimer = window.setTimeout(() => {
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
    if (hadConnection) tell(null)
    open()
  }, retryMs)
}

/* after: from GET /api/v1/me, asked before anything that the page shows. What changed since is told, however late the stream begins. */
export function startEvents(after: string): void {
  if (source !== null) return
  seen = after
  open()
}

export function stopEvents(): void {
  round++
  if (retryTimer !== null) window.clearTimeout(retryTimer)
  retryTimer = null
  source?.close()
  source = null
  hadConnection = false
  up.value = false
}

/* After a new login: the old stream ended with the old session. */
export function restartEvents(after: string): void {
  stopEvents()
  startEvents(after)
  tell(null)
}

/* prefixes: 'study.', 'task.'; none: everything. Give back the promise of what is fetched. Ends by the function that comes back; in a component use onUnmounted. */
export function onChanges(prefixes: string[], listener: Listener): () => void {
  listeners.set(listener, { prefixes, waiting: [], reset: false, timer: null, isBusy: false, restUntil: 0 })
  return () => {
    const timer = listeners.get(listener)?.timer
    if (timer != null) window.clearTimeout(timer)
    listeners.delete(listener)
  }
}
