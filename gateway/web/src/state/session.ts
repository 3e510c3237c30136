/* Who is logged in. */
import { computed, ref } from 'vue'
import { api, Failure, setCsrfToken } from '@/api/client'
import { restartEvents, startEvents, stopEvents } from '@/api/events'
import type { Me, Role } from '@/api/types'

export const me = ref<Me | null>(null)
export const isExpired = ref(false) /* the frame asks for the password again while this is true */

let waiting: { resolve: () => void; reject: (reason: Failure) => void }[] = []

export const hasRole = (...roles: Role[]): boolean => roles.some((role) => me.value?.roles.includes(role))
export const timeZone = computed(() => me.value?.time_zone ?? 'Asia/Shanghai')

async function fetchMe(): Promise<Me> {
  const answer = await api.plain<Me>('GET', '/api/v1/me')
  setCsrfToken(answer.csrf_token)
  return answer
}

/* At the start of the page. False: nobody is logged in. */
export async function resumeSession(): Promise<boolean> {
  try {
    me.value = await fetchMe()
    startEvents()
    return true
  } catch (failure) {
    if (failure instanceof Failure && failure.kind === 'expired') return false
    throw failure
  }
}

export async function logIn(account: string, password: string): Promise<void> {
  await api.plain('POST', '/api/v1/login', { account, password })
  me.value = await fetchMe()
  startEvents()
}

/* Called by the client when a call met an ended session. */
export function waitForLogin(): Promise<void> {
  isExpired.value = true
  return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
}

/* In the dialog: the same person again. Another account must not go on with this person's page. */
export async function logInAgain(password: string): Promise<void> {
  const account = me.value?.account ?? ''
  await api.plain('POST', '/api/v1/login', { account, password })
  me.value = await fetchMe()
  isExpired.value = false
  restartEvents()
  const calls = waiting
  waiting = []
  for (const one of calls) one.resolve()
}

export function giveUp(): void {
  const calls = waiting
  waiting = []
  isExpired.value = false
  me.value = null
  stopEvents()
  for (const one of calls) one.reject(new Failure(401, 'expired', '', ''))
}

export async function logOut(): Promise<void> {
  try {
    await api.plain('POST', '/api/v1/logout', {})
  } finally {
    me.value = null
    stopEvents()
  }
}
