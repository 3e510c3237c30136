/*
 * The event stream (GET /api/v1/events): ids of what changed. Pages fetch what they show under their own rights.
 *
 * Bursts are gathered: a listener gets the subjects of one kind-prefix at most every GATHER_MS. After `reset`, and after each new connection that
 * could not go on where the last one ended, listeners get null: fetch everything anew.
 */
import { readonly, ref } from 'vue'
import { api } from './client'

export interface Change { kind: string; subject: string; site: string | null }
type Listener = (changes: Change[] | null) => void

const GATHER_MS = 300
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 30_000

const up = ref(false)
export const isStreaming = readonly(up)

const listeners = new Map<Listener, { prefixes: string[]; waiting: Change[]; reset: boolean; timer: number | null }>()
let source: EventSource | null = null
let retryMs = RETRY_MIN_MS
let retryTimer: number | null = null
let hadConnection = false

function flush(listener: Listener): void {
  const entry = listeners.get(listener)
  if (entry === undefined) return
  entry.timer = null
  const changes = entry.reset ? null : entry.waiting
  entry.waiting = []
  entry.reset = false
  listener(changes)
}

function tell(change: Change | null): void {
  for (const [listener, entry] of listeners) {
    if (change === null) entry.reset = true
    else if (entry.prefixes.length > 0 && !entry.prefixes.some((prefix) => change.kind.startsWith(prefix))) continue
    else entry.waiting.push(change)
    if (entry.timer === null) entry.timer = window.setTimeout(() => flush(listener), GATHER_MS)
  }
}

function open(): void {
  source = new EventSource('/api/v1/events')
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
    void api.get('/api/v1/me').catch(() => undefined) // an ended session is told by the client, before somebody types into this page
    retryTimer = window.setTimeout(() => {
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
      if (hadConnection) tell(null)
      open()
    }, retryMs)
  }
}

export function startEvents(): void {
  if (source === null) open()
}

export function stopEvents(): void {
  if (retryTimer !== null) window.clearTimeout(retryTimer)
  retryTimer = null
  source?.close()
  source = null
  hadConnection = false
  up.value = false
}

/* After a new login: the old stream ended with the old session. */
export function restartEvents(): void {
  stopEvents()
  open()
  tell(null)
}

/* prefixes: 'study.', 'task.'; none: everything. Ends by the function that comes back; in a component use onUnmounted. */
export function onChanges(prefixes: string[], listener: Listener): () => void {
  listeners.set(listener, { prefixes, waiting: [], reset: false, timer: null })
  return () => {
    const timer = listeners.get(listener)?.timer
    if (timer != null) window.clearTimeout(timer)
    listeners.delete(listener)
  }
}
