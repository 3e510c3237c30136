import { beforeEach, describe, expect, it, vi } from 'vitest'
import { api, Failure, onExpired, onRefused } from '@/api/client'
import type { Me } from '@/api/types'
import { keptDraft, keptTexts } from '@/pages/township/kept'
import { emptyDraft } from '@/pages/township/registration'
import { openCriticals, startCriticals, stopCriticals } from '@/state/critical'
import { beforeLogOut, checkPerson, giveUp, isExpired, logIn, logInAgain, logOut, me, resumeSession, waitForLogin } from '@/state/session'

/* A gateway with one cookie, as far as a session needs it. */
let cookie: string | null = null
let asked: string[] = []
class Stream {
  static readonly CLOSED = 2
  static all: Stream[] = []
  readyState = 0
  onopen: (() => void) | null = null
  onerror: (() => void) | null = null
  constructor(readonly target: string) {
    Stream.all.push(this)
  }
  addEventListener(): void { /* no event comes in these tests */ }
  close(): void {
    this.readyState = Stream.CLOSED
  }
  /* As a browser does on an answer of 401. */
  refuse(): void {
    this.readyState = Stream.CLOSED
    this.onerror?.()
  }
}

const person = (id: string): Partial<Me> => ({ id, account: id, name: id, csrf_token: `token of ${id}`, events: `${asked.length}-1`, roles: ['radiographer'] })
const addresses = () => Stream.all.map((one) => one.target)
const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })

async function gateway(target: string, options: RequestInit): Promise<Response> {
  asked.push(`${options.method ?? 'GET'} ${target}`)
  if (target === '/api/v1/login') {
    cookie = (JSON.parse(String(options.body)) as { account: string }).account
    return answer(200, {})
  }
  if (cookie === null) return answer(401, { detail: 'no session' })
  if (target === '/api/v1/logout') cookie = null
  return answer(200, target === '/api/v1/me' ? person(cookie ?? '') : { ok: true })
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

beforeEach(() => {
  vi.stubGlobal('fetch', gateway)
  vi.stubGlobal('EventSource', Stream)
  onExpired(waitForLogin, () => isExpired.value)
  onRefused(checkPerson)
  giveUp()
  cookie = null
  asked = []
  Stream.all = []
})

describe('one person after the other in one page', () => {
  it('what was typed is found again by the same person, and by nobody else', async () => {
    await logIn('first', 'secret')
    keptTexts.set('answer', '王小明 说')
    keptDraft.value = { ...emptyDraft(''), name: '王小明' }
    await logOut()
    await logIn('first', 'secret')
    expect(keptTexts.size).toBe(1)
    expect(keptDraft.value).not.toBeNull()
    await logOut()
    await logIn('second', 'secret')
    expect(keptTexts.size).toBe(0)
    expect(keptDraft.value).toBeNull()
  })

  it('a call that comes back after the logout asks nobody to log in, and is not made for who comes next', async () => {
    await logIn('first', 'secret')
    await logOut()
    asked = []
    await expect(api.post('/api/v1/late')).rejects.toMatchObject({ kind: 'expired' })
    expect(isExpired.value).toBe(false)
    await logIn('second', 'secret')
    await settled()
    expect(asked.filter((one) => one === 'POST /api/v1/late')).toHaveLength(1)
    expect(isExpired.value).toBe(false)
  })

  it('what waits for a login in the dialog is given up when somebody logs in at the door', async () => {
    await logIn('first', 'secret')
    cookie = null
    const late = api.post('/api/v1/late').then(() => 'made', (failure: unknown) => (failure as Failure).kind)
    await vi.waitFor(() => expect(isExpired.value).toBe(true))
    await logIn('second', 'secret')
    expect(await late).toBe('expired')
    expect(asked.filter((one) => one === 'POST /api/v1/late')).toHaveLength(1)
    expect(me.value?.id).toBe('second')
    expect(isExpired.value).toBe(false)
  })

  it('critical values that were asked for one are not shown to the next', async () => {
    const answers: ((patient: string) => void)[] = []
    await logIn('first', 'secret')
    vi.stubGlobal('fetch', (target: string, options: RequestInit) => target.startsWith('/api/v1/critical-values')
      ? new Promise((resolve) => answers.push((id) => resolve(answer(200, { critical_values: [{ id, state: 'raised', confirm_by: '' }] }))))
      : gateway(target, options))
    startCriticals()
    stopCriticals()
    await logOut()
    await logIn('second', 'secret')
    startCriticals()
    expect(answers).toHaveLength(2)
    answers[1]?.('of the second')
    await vi.waitFor(() => expect(openCriticals.value.map((one) => one.id)).toEqual(['of the second']))
    answers[0]?.('of the first')
    await settled()
    expect(openCriticals.value.map((one) => one.id)).toEqual(['of the second'])
    stopCriticals()
  })

  it('what is unsent is sent before the session ends, and a page that cannot does not hold it up', async () => {
    await logIn('first', 'secret')
    asked = []
    const ends = [beforeLogOut(() => api.put('/api/v1/tasks/1/draft', {})), beforeLogOut(() => Promise.reject(new Error('cannot')))]
    await logOut()
    expect(asked).toEqual(['PUT /api/v1/tasks/1/draft', 'POST /api/v1/logout'])
    ends.forEach((end) => end())
    await logIn('first', 'secret')
    asked = []
    await logOut()
    expect(asked).toEqual(['POST /api/v1/logout'])
  })
})

describe('what is called while somebody logs in', () => {
  /* As the gateway: a token of another login is refused. */
  const strict = async (target: string, options: RequestInit): Promise<Response> => {
    const token = (options.headers as Record<string, string>)['X-CSRF-Token']
    const isWrong = options.method === 'POST' && target !== '/api/v1/login' && cookie !== null && token !== `token ${logins}`
    if (target === '/api/v1/login') logins++
    const given = await gateway(target, options)
    if (target === '/api/v1/me') {
      const now = answer(given.status, { ...person(cookie ?? ''), csrf_token: `token ${logins}` })
      await hold
      return now
    }
    return isWrong ? answer(403, { kind: 'refused', detail: 'the X-CSRF-Token of this login is missing or wrong' }) : given
  }
  let logins = 0
  let hold: Promise<void> = Promise.resolve()
  let release: () => void = () => undefined
  beforeEach(() => {
    logins = 0
    hold = Promise.resolve()
    vi.stubGlobal('fetch', strict)
  })
  const holdMe = () => {
    hold = new Promise((resolve) => (release = resolve))
  }

  it('again in the dialog: it waits for the new token', async () => {
    await logIn('first', 'secret')
    cookie = null
    const early = api.post('/api/v1/early')
    await vi.waitFor(() => expect(isExpired.value).toBe(true))
    holdMe()
    const again = logInAgain('secret')
    await vi.waitFor(() => expect(asked.at(-1)).toBe('GET /api/v1/me'))
    asked = []
    const late = api.post('/api/v1/late')
    await settled()
    expect(asked).toEqual([])
    release()
    await again
    await expect(early).resolves.toEqual({ ok: true })
    await expect(late).resolves.toEqual({ ok: true })
    expect(asked.filter((one) => one === 'POST /api/v1/late')).toHaveLength(1)
  })

  it('in another tab: what was refused with the old token is sent with the new one', async () => {
    await logIn('first', 'secret')
    logins++ // the other tab's
    await expect(api.post('/api/v1/late')).resolves.toEqual({ ok: true })
    expect(asked.filter((one) => one === 'POST /api/v1/late')).toHaveLength(2)
  })

  it('what is refused for another reason is refused, and sent once', async () => {
    await logIn('first', 'secret')
    vi.stubGlobal('fetch', (target: string, options: RequestInit) => (target === '/api/v1/not-mine' ? answer(403, { detail: 'not yours' }) : strict(target, options)))
    const told = vi.fn()
    await api.post('/api/v1/not-mine').catch(told)
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ status: 403, detail: 'not yours' }))
    expect(me.value?.id).toBe('first')
  })
})

describe('what changes while a page begins', () => {
  it('is told: the stream begins where it stood when the page asked who is here, and after a break where it stood then', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      cookie = 'first'
      await resumeSession()
      expect(addresses()).toEqual(['/api/v1/events?after=1-1'])
      Stream.all[0]?.onopen?.()
      await api.post('/api/v1/something')
      Stream.all[0]?.refuse()
      await settled()
      await vi.advanceTimersByTimeAsync(30_000)
      expect(addresses().slice(1)).toEqual(['/api/v1/events?after=3-1'])
      Stream.all[1]?.onopen?.()
    } finally {
      giveUp()
      vi.useRealTimers()
    }
  })
})

describe('a page left open over night', () => {
  it('asks once for the login, and once again after it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      cookie = 'first'
      await resumeSession()
      cookie = null
      asked = []
      Stream.all.at(-1)?.refuse()
      await settled()
      for (let half = 0; half < 1000; half++) {
        await vi.advanceTimersByTimeAsync(30_000)
        if (Stream.all.at(-1)?.readyState !== Stream.CLOSED) Stream.all.at(-1)?.refuse()
      }
      expect(isExpired.value).toBe(true)
      expect(asked).toEqual(['GET /api/v1/me'])
      expect(Stream.all).toHaveLength(1)
      await logInAgain('secret')
      await settled()
      expect(Stream.all).toHaveLength(2)
      expect(asked.filter((one) => one === 'GET /api/v1/me').length).toBeLessThan(4)
      await vi.advanceTimersByTimeAsync(60_000)
      expect(Stream.all).toHaveLength(2)
    } finally {
      vi.useRealTimers()
    }
  })

  it('a stream that is refused while the session lives is opened again, later each time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      cookie = 'first'
      await resumeSession()
      for (const wait of [1_000, 2_000, 4_000]) {
        const before = Stream.all.length
        Stream.all.at(-1)?.refuse()
        await settled()
        await vi.advanceTimersByTimeAsync(wait - 1)
        expect(Stream.all).toHaveLength(before)
        await vi.advanceTimersByTimeAsync(1)
        expect(Stream.all).toHaveLength(before + 1)
      }
    } finally {
      giveUp()
      vi.useRealTimers()
    }
  })
})
