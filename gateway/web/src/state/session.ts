/*
 * Who is logged in. One login per browser: when another tab logs in, this page's token is another login's. The same person goes on with the new
 * one; another person must not go on with this page, nor this person in the other's name: isExpired asks.
 */
import { computed, readonly, ref } from 'vue'
import { api, Failure, setCsrfToken } from '@/api/client'
import { restartEvents, startEvents, stopEvents } from '@/api/events'
import type { Me, Role } from '@/api/types'
import { purgeCopies } from './copies'

export const me = ref<Me | null>(null)
export const isExpired = ref(false) /* the frame asks for the password again while this is true */
const other = ref('') /* name of somebody else who has logged in meanwhile in this browser */
export const otherPerson = readonly(other)

let waiting: { resolve: () => void; reject: (reason: Failure) => void }[] = []

export const hasRole = (...roles: Role[]): boolean => roles.some((role) => me.value?.roles.includes(role))
export const timeZone = computed(() => me.value?.time_zone ?? 'Asia/Shanghai')

/* ---- between tabs ------------------------------------------------------------------------------------------------------ */

const tabs = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('yq.session')

function tellTabs(): void {
  tabs?.postMessage('login')
}

/* What was waiting goes on as this person. */
function goOn(): void {
  isExpired.value = false
  other.value = ''
  restartEvents(me.value!.events)
  const calls = waiting
  waiting = []
  for (const one of calls) one.resolve()
}

/* Somebody logged in elsewhere in this browser: who has the cookie now? */
export async function checkPerson(): Promise<void> {
  const before = me.value
  if (before === null) return
  let now: Me
  try {
    now = await api.plain<Me>('GET', '/api/v1/me')
  } catch {
    return // the next call says what is wrong
  }
  if (me.value?.id !== before.id) return
  if (now.id !== before.id) {
    other.value = now.name
    isExpired.value = true
    stopEvents()
    return
  }
  setCsrfToken(now.csrf_token)
  if (isExpired.value || before.csrf_token !== now.csrf_token) {
    me.value = now
    goOn()
  }
}

tabs?.addEventListener('message', () => void checkPerson())

/* ---- login --------------------------------------------------------------------------------------------------------------- */

async function fetchMe(): Promise<Me> {
  const answer = await api.plain<Me>('GET', '/api/v1/me')
  setCsrfToken(answer.csrf_token)
  purgeCopies()
  return answer
}

/* At the start of the page. False: nobody is logged in. */
export async function resumeSession(): Promise<boolean> {
  try {
    me.value = await fetchMe()
    startEvents(me.value.events)
    return true
  } catch (failure) {
    if (failure instanceof Failure && failure.kind === 'expired') return false
    throw failure
  }
}

export async function logIn(account: string, password: string): Promise<void> {
  await api.plain('POST', '/api/v1/login', { account, password })
  const now = await fetchMe()
  giveUp() // what a page of whoever was here before still waits for is not done in this person's name
  me.value = now
  restartEvents(now.events) // of this person, whoever was here before
  tellTabs()
}

/* Called by the client when a call met an ended session. After a logout nobody is there to come back. */
export function waitForLogin(): Promise<void> {
  if (me.value === null) return Promise.reject(new Failure(401, 'expired', '', ''))
  isExpired.value = true
  return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
}

/* In the dialog: the same person again. Another account must not go on with this person's page. */
export async function logInAgain(password: string): Promise<void> {
  const before = me.value
  await api.plain('POST', '/api/v1/login', { account: before?.account ?? '', password })
  const now = await fetchMe()
  if (before !== null && now.id !== before.id) {
    other.value = now.name // another tab was faster
    return
  }
  me.value = now
  goOn()
  tellTabs()
}

export function giveUp(): void {
  const calls = waiting
  waiting = []
  isExpired.value = false
  other.value = ''
  me.value = null
  stopEvents()
  for (const one of calls) one.reject(new Failure(401, 'expired', '', ''))
}

/* The page is given up for the person who has the login now. */
export async function goOnAsOther(): Promise<void> {
  giveUp()
  await resumeSession()
}

const farewells = new Set<() => Promise<unknown>>()

/* What a page still has to send is sent while it counts. Takes its own time limit. Ends by the function that comes back. */
export function beforeLogOut(doing: () => Promise<unknown>): () => void {
  farewells.add(doing)
  return () => farewells.delete(doing)
}

export async function logOut(): Promise<void> {
  await Promise.allSettled([...farewells].map((doing) => doing()))
  try {
    await api.plain('POST', '/api/v1/logout', {})
  } finally {
    me.value = null
    stopEvents()
    tellTabs()
  }
}
