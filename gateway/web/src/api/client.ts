/*
 * Calls of the gateway. One call, one answer, or a Failure that says what a person can do about it. What was typed is the caller's to keep:
 * a Failure never loses it.
 *
 * An expired session (401) does not end the page: whoever calls waits until the person has logged in again in the dialog that the
 * frame opens (onExpired), and the call is made once more.
 */
import type { Problem } from './types'

export class Failure extends Error {
  constructor(
    readonly status: number /* 0: no answer at all */,
    readonly kind: Problem['kind'] | 'unreachable' | 'expired',
    readonly detail: string,
    readonly requestId: string,
    readonly members: Readonly<Record<string, unknown>> = {} /* that the answer has besides, e.g. who was faster */,
  ) {
    super(detail)
  }

  /* May work if it is simply tried again. */
  get isTransient(): boolean {
    return this.kind === 'unreachable' || this.kind === 'temporary' || this.kind === 'unknown_outcome' || this.status === 429 || this.status >= 500
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

const ANSWER_LIMIT_MS = 60_000

let csrfToken = ''
let expired: (() => Promise<void>) | null = null
let isExpired: () => boolean = () => false
let freshen: () => Promise<void> = () => Promise.resolve()
const linkListeners = new Set<(isUp: boolean) => void>()

export function setCsrfToken(token: string): void {
  csrfToken = token
}

/* What is done when the session has ended: resolves when somebody is logged in again, rejects when nobody wants to. isOver: it is being asked now. */
export function onExpired(handler: () => Promise<void>, isOver: () => boolean): void {
  expired = handler
  isExpired = isOver
}

/* What is done when a change was refused: the token may be that of an earlier login, and is set anew then. */
export function onRefused(handler: () => Promise<void>): void {
  freshen = handler
}

/* Hears after each call whether the gateway answered. */
export function onLink(listener: (isUp: boolean) => void): () => void {
  linkListeners.add(listener)
  return () => linkListeners.delete(listener)
}

function tellLink(isUp: boolean): void {
  for (const listener of linkListeners) listener(isUp)
}

export function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  if (pairs.length === 0) return path
  return `${path}?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`
}

async function failureOf(answer: Response): Promise<Failure> {
  let problem: Partial<Problem> = {}
  try {
    problem = (await answer.json()) as Partial<Problem>
  } catch {
    /* a proxy's own page */
  }
  const kind = answer.status === 401 ? 'expired' : (problem.kind ?? (answer.status >= 500 ? 'temporary' : 'invalid'))
  const id = problem.request_id ?? answer.headers.get('X-Request-Id') ?? ''
  return new Failure(answer.status, kind, problem.detail ?? problem.title ?? answer.statusText, id, problem as Record<string, unknown>)
}

async function once(method: Method, target: string, body: unknown, signal?: AbortSignal, more: Record<string, string> = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...more }
  if (method !== 'GET') headers['X-CSRF-Token'] = csrfToken
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const limit = AbortSignal.timeout(ANSWER_LIMIT_MS)
  const controller = new AbortController()
  const stop = () => controller.abort()
  limit.addEventListener('abort', stop)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  try {
    const answer = await fetch(target, {
      method, headers, body: body === undefined ? null : JSON.stringify(body), signal: controller.signal, credentials: 'same-origin', cache: 'no-store',
    })
    tellLink(true)
    return answer
  } catch (error) {
    if (signal?.aborted) throw error
    tellLink(false)
    throw new Failure(0, 'unreachable', '', '')
  } finally {
    limit.removeEventListener('abort', stop)
    signal?.removeEventListener('abort', stop)
  }
}

/*
 * The answer, when it is a good one. While somebody logs in nothing is sent: between the new cookie and the new token a change would be refused.
 * Another tab that logs in gives no such warning, so that a change that was refused with an old token is sent once more.
 */
async function answerTo(method: Method, target: string, body: unknown, signal: AbortSignal | undefined, mayLogIn: boolean, headers?: Record<string, string>): Promise<Response> {
  if (mayLogIn && expired !== null && isExpired()) await expired()
  const token = csrfToken
  const answer = await once(method, target, body, signal, headers)
  if (answer.ok) return answer
  const failure = await failureOf(answer)
  if (failure.kind === 'expired' && mayLogIn && expired !== null) {
    await expired()
    return answerTo(method, target, body, signal, false, headers)
  }
  if (failure.status === 403 && mayLogIn && method !== 'GET') {
    if (token === csrfToken) await freshen()
    if (token !== csrfToken) return answerTo(method, target, body, signal, false, headers)
  }
  throw failure
}

async function call<T>(method: Method, target: string, body: unknown, signal?: AbortSignal, mayLogIn = true): Promise<T> {
  const answer = await answerTo(method, target, body, signal, mayLogIn)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

/* A picture or a file. */
async function fetchBlob(target: string, accept: string, signal?: AbortSignal): Promise<Blob> {
  return (await answerTo('GET', target, undefined, signal, true, { Accept: accept })).blob()
}

/* Whether a file can be had, without having it: rejects as the others do. */
async function probe(target: string, accept: string): Promise<void> {
  await (await answerTo('GET', target, undefined, undefined, true, { Accept: accept, Range: 'bytes=0-0' })).body?.cancel()
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => call<T>('GET', address(path, query), undefined, signal),
  post: <T = { ok: true }>(path: string, body: unknown = {}, signal?: AbortSignal) => call<T>('POST', path, body, signal),
  put: <T>(path: string, body: unknown, signal?: AbortSignal) => call<T>('PUT', path, body, signal),
  patch: <T>(path: string, body: unknown) => call<T>('PATCH', path, body),
  blob: (path: string, accept: string, query?: Query, signal?: AbortSignal) => fetchBlob(address(path, query), accept, signal),
  probe,
  delete: <T = { ok: true }>(path: string) => call<T>('DELETE', path, undefined),
  /* Asked by the login itself: an answer of 401 is an answer. */
  plain: <T>(method: Method, path: string, body?: unknown) => call<T>(method, path, body, undefined, false),
}
