/*
 * Report texts that the gateway does not have yet, kept in this browser: one copy per person and task, in localStorage.
 *
 * Why local: between a key and the answer to its save lie a broken link, an ended session, a closed window or a stopped server, and what was
 * typed must outlive each of them. Why not for ever: it is about a patient. A copy goes as soon as the gateway has its text; what was
 * never sent goes at the first login after KEEP_MS. Copies of others on the same machine are never shown, only removed when they are old.
 */
import type { ReportBody } from '@/api/types'

export interface Copy {
  body: ReportBody
  revision: number /* of the gateway's text that it was typed upon */
  sent: ReportBody | null /* what may have reached the gateway without an answer */
  at: number
  label: string /* of the examination, without the patient's name */
}

export interface KeptCopy extends Copy { task: string }

const PREFIX = 'yq.draft.'
const KEEP_MS = 7 * 24 * 3600 * 1000
const COPIES_MAX = 40 /* of everybody on this machine: far below what localStorage takes */

const keyOf = (person: string, task: string): string => `${PREFIX}${person}.${task}`

function storage(): Storage | null {
  try {
    return window.localStorage
  } catch {
    return null
  }
}

function isBody(value: unknown): value is ReportBody {
  const body = value as Partial<ReportBody> | null
  return typeof body === 'object' && body !== null && typeof body.findings === 'string' && typeof body.impression === 'string'
}

function parse(text: string | null): Copy | null {
  if (text === null) return null
  try {
    const copy = JSON.parse(text) as Partial<Copy>
    if (!isBody(copy.body) || typeof copy.revision !== 'number' || typeof copy.at !== 'number') return null
    return { body: copy.body, revision: copy.revision, sent: isBody(copy.sent) ? copy.sent : null, at: copy.at, label: String(copy.label ?? '') }
  } catch {
    return null
  }
}

function all(): { key: string; copy: Copy | null }[] {
  const store = storage()
  if (store === null) return []
  const keys = Array.from({ length: store.length }, (_, index) => store.key(index) ?? '').filter((key) => key.startsWith(PREFIX))
  return keys.map((key) => ({ key, copy: parse(store.getItem(key)) }))
}

/* False: this browser keeps nothing (forbidden or full); then only the page holds the text. */
export function keepCopy(person: string, task: string, copy: Copy): boolean {
  try {
    const store = storage()
    if (store === null) return false
    store.setItem(keyOf(person, task), JSON.stringify(copy))
    return true
  } catch {
    return false
  }
}

export function readCopy(person: string, task: string): Copy | null {
  return parse(storage()?.getItem(keyOf(person, task)) ?? null)
}

export function forgetCopy(person: string, task: string): void {
  storage()?.removeItem(keyOf(person, task))
}

/* The person's own, the newest first. */
export function copiesOf(person: string): KeptCopy[] {
  const mine = `${PREFIX}${person}.`
  return all()
    .flatMap(({ key, copy }) => (copy !== null && key.startsWith(mine) ? [{ ...copy, task: key.slice(mine.length) }] : []))
    .sort((a, b) => b.at - a.at)
}

/* At login: what is old, spoilt, or more than there should be. */
export function purgeCopies(now = Date.now()): void {
  const kept = all().sort((a, b) => (b.copy?.at ?? 0) - (a.copy?.at ?? 0))
  kept.forEach(({ key, copy }, index) => {
    if (copy === null || now - copy.at > KEEP_MS || index >= COPIES_MAX) storage()?.removeItem(key)
  })
}
