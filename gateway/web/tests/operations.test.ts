import { beforeEach, describe, expect, it } from 'vitest'
import type { Delivery, Destination, Device, Host, IdentityReview, Operations, Patient } from '@/api/types'
import en from '@/i18n/en/operations'
import { useLanguage } from '@/i18n'
import zh from '@/i18n/zh-CN/operations'
import { fetchAgain, ROWS_MAX } from '@/pages/operations/load'
import {
  ACTION_BEGINNINGS, destinationWord, devicesByNeed, deviceWord, differences, isCertificateLate, mayCancel, mayRetry, programRows, reasonKey, secondsText, sizeText, stoppedPrograms, storeWord, strandedImages, tabsOf, testSteps, usedPercent,
} from '@/pages/operations/state'
import { clockWord, isClockBad } from '@/state/deviceClock'

beforeEach(() => useLanguage('zh-CN'))

describe('tabs follow from roles', () => {
  it.each([
    [['operator'], ['state', 'queues', 'devices', 'identity', 'doubts', 'audit']],
    [['administrator'], ['state', 'queues', 'devices', 'audit']],
    [['quality_controller', 'reporter'], ['devices', 'identity', 'doubts', 'audit']],
    [['reporter'], []],
  ] as const)('%j', (roles, tabs) => expect(tabsOf(roles)).toEqual(tabs))
})

it.each([
  [0, '0 B'], [999, '999 B'], [1024, '1.00 KB'], [1023 * 1024, '1.00 MB'], [15.5 * 2 ** 30, '15.5 GB'], [250 * 2 ** 40, '250 TB'], [5000 * 2 ** 50, '5000 PB'], [-1, '0 B'],
])('%d bytes in words', (bytes, words) => expect(sizeText(bytes)).toBe(words))

const store = (change: Partial<Operations['store']>): Operations['store'] => ({
  host: 'h', path: '/s', total_bytes: 110, free_bytes: 60, reserve_bytes: 10, is_refusing: false, days_left: 100, objects: 1, object_bytes: 1, ...change,
})

describe('the store', () => {
  it.each([
    [{}, 'fine', 50, 'enough'],
    [{ days_left: 29 }, 'fine', 50, 'soon'],
    [{ days_left: 30 }, 'fine', 50, 'enough'],
    [{ days_left: null }, 'fine', 50, 'unknown'],
    [{ days_left: 400 }, 'low', 50, 'low'],
    [{ is_refusing: true }, 'fine', 50, 'enough'], /* for want of room in the journal */
    [{ free_bytes: 5, is_refusing: true, days_left: 0 }, 'full', 100, 'refusing'],
    [{ reserve_bytes: 200, is_refusing: true }, 'full', 100, 'refusing'],
  ] as const)('%j, room %s', (change, room, percent, word) => {
    expect(usedPercent(store(change))).toBe(percent)
    expect(storeWord(store(change), room)).toBe(word)
  })
})

it('counts the images that only hosts have which do not report', () => {
  const host = (name: string, state: Host['state'], waiting_objects: number, quarantined_objects = 0) => ({ name, state, waiting_objects, quarantined_objects }) as Host
  expect(strandedImages([host('a', 'stranded', 3, 1), host('b', 'reporting', 5), host('c', 'silent', 0), host('d', 'stranded', 2)])).toEqual({ names: ['a', 'd'], objects: 6 })
  expect(strandedImages([host('b', 'reporting', 5)])).toEqual({ names: [], objects: 0 })
})

it('says which programs do not run, also when there never was one', () => {
  const at = '2026-11-22T08:00:00+08:00'
  const one = { host: 'h', pid: 1, version: '1', started_at: at, seen_at: at, detail: {} }
  const rows = programRows([
    { ...one, program: 'yq-router', is_running: false, ended_at: at } as Operations['programs'][number],
    { ...one, program: 'yq-gateway', is_running: true },
    { ...one, program: 'yq-gateway', pid: 2, is_running: false },
  ])
  expect(rows.map((row) => [row.program, row.word])).toEqual([['yq-router', 'ended'], ['yq-gateway', 'running'], ['yq-gateway', 'silent'], ['yq-storescp', 'absent']])
  expect(stoppedPrograms(rows)).toEqual(['yq-storescp', 'yq-router'])
})

const destination = (change: Partial<Destination>): Destination => ({
  id: 'd', name: 'PACS', site: { id: 's', name: 'S' }, ae_title: 'PACS', host: 'h', port: 104, is_enabled: true, held_at: null, hold_reason: '', length: 0, sending: 0, failed: 0, oldest_at: null,
  next_try_at: null, delivered_today: 0, last_delivered_at: null, last_error: '', last_error_at: null, ...change,
})

describe('the one thing to know of a destination', () => {
  it.each([
    [{}, 'idle'],
    [{ length: 2 }, 'sending'],
    [{ length: 2, last_error_at: '2026-11-22T08:00:00+08:00' }, 'waiting'],
    [{ length: 2, last_error_at: '2026-11-22T08:00:00+08:00', last_delivered_at: '2026-11-22T00:00:01Z' }, 'sending'],
    [{ length: 2, failed: 1 }, 'failed'],
    [{ failed: 1, held_at: '2026-11-22T08:00:00+08:00' }, 'held'],
    [{ held_at: '2026-11-22T08:00:00+08:00', is_enabled: false }, 'disabled'],
  ] as const)('%j', (change, word) => expect(destinationWord(destination(change))).toBe(word))
})

it('offers what the gateway allows', () => {
  const of = (may: (one: Delivery) => boolean): string[] =>
    (['pending', 'sending', 'verifying', 'waiting', 'delivered', 'quarantined', 'dead', 'cancelled'] as const).filter((state) => may({ state } as Delivery))
  expect(of(mayRetry)).toEqual(['quarantined', 'dead'])
  expect(of(mayCancel)).toEqual(['pending', 'sending', 'verifying', 'waiting', 'quarantined', 'dead'])
})

it('shows the steps behind the one that failed as not tried', () => {
  expect(testSteps([{ step: 'address', ok: true, detail: '10.0.0.1' }, { step: 'tcp', ok: false, detail: 'refused' }])).toEqual([
    { step: 'address', word: 'ok', detail: '10.0.0.1' }, { step: 'tcp', word: 'failed', detail: 'refused' }, { step: 'association', word: 'not_tried', detail: '' },
    { step: 'echo', word: 'not_tried', detail: '' },
  ])
})

describe('two claims differ where both say something', () => {
  const patient = (change: Partial<Patient>): Patient => ({ name: '', display_name: '张三', id: 'P1', sex: 'M', birth_date: '1980-01-01', age: '', ...change })
  const claims = (one: Partial<Patient>, other: Partial<Patient>): IdentityReview['claims'] =>
    [one, other].map((change, index) => ({ id: `c${index}`, patient: patient(change), source: 'image', trust: 0, claimed_at: '', study_id: null, study_instance_uid: null }))
  it.each([
    [{}, {}, []],
    [{}, { display_name: '李四', sex: 'F' }, ['name', 'sex']],
    [{ display_name: 'ZHANG SAN' }, { display_name: 'Zhang^San' }, []],
    [{}, { birth_date: '', sex: '', id: '' }, []],
    [{ id: 'p1 ' }, { id: 'P1', birth_date: '1981-01-01' }, ['birth_date']],
  ] as const)('%j and %j', (one, other, what) => expect(differences(claims(one, other))).toEqual(what))
  it('one alone differs from nobody', () => expect(differences(claims({}, {}).slice(0, 1))).toEqual([]))
})

describe('devices', () => {
  const at = (hour: number): string => `2026-11-22T0${hour}:00:00+08:00`
  const device = (change: Partial<Device>): Device => ({
    id: 'x', site: { id: 's', name: 'S' }, name: '', calling_ae: 'DR', called_ae: null, local_port: null, modality: 'DX', address: null, certificate: null, is_enabled: true, silence: null, first_seen_at: at(1), last_seen_at: at(5), last_error: '', last_error_at: null,
    charset_verdict: '', charset_counts: [], clock_offset_s: null, clock_measured_at: null, today: { echoes: 0, associations: 0, images: 0, refusals: 0 }, ...change,
  })
  it.each([
    [{}, 'silent'],
    [{ today: { echoes: 1, associations: 1, images: 0, refusals: 0 } }, 'today'],
    [{ today: { echoes: 1, associations: 1, images: 0, refusals: 1 } }, 'refused'],
    [{ silence: { last_image_at: at(1), due_at: at(4), usual_images: 20, history: 8, is_silent: true } }, 'overdue'],
    [{ silence: { last_image_at: at(1), due_at: at(9), usual_images: 20, history: 8, is_silent: false } }, 'silent'],
    [{ last_error_at: at(4) }, 'silent'],
    [{ last_error_at: at(6) }, 'error'],
    [{ last_seen_at: null }, 'never'],
    [{ last_seen_at: null, last_error_at: at(6) }, 'error'],
    [{ is_enabled: false, last_error_at: at(6) }, 'disabled'],
  ] as const)('%j', (change, word) => expect(deviceWord(device(change))).toBe(word))
  it.each([[null, false], [31, false], [29, true], [-1, true]])('a certificate with %j days left', (days_left, isLate) =>
    expect(isCertificateLate({ sha256: '', subject: '', not_after: null, days_left })).toBe(isLate))
  it('what is wrong comes first', () => {
    const all = [device({ id: 'a' }), device({ id: 'b', last_error_at: at(6) }), device({ id: 'c', last_seen_at: null })]
    expect(devicesByNeed(all).map((one) => one.id)).toEqual(['b', 'c', 'a'])
    expect(all[0]!.id).toBe('a')
  })
  it.each([
    [null, '尚未测得', false], [30, '时钟正常', false], [-300, '时钟正常', false], [301, '快 5 分钟', true], [-10_800, '慢 3 小时', true], [-86_400 * 3, '慢 3 天', true],
    [-849_139_200, '慢 26 年（设备上是 2000 年）', true], [86_400 * 800, '快 2 年（设备上是 2029 年）', true],
  ])('clock %s s is %s', (seconds, words, isBad) => {
    expect(clockWord(seconds, '2026-11-28T08:00:00+08:00')).toBe(words)
    expect(isClockBad(seconds)).toBe(isBad)
  })
})

describe('a refresh fetches as many rows as there were', () => {
  const pages = (sizes: number[]) => {
    const asked: (string | null)[] = []
    const fetch = async (after: string | null) => {
      asked.push(after)
      const place = after === null ? 0 : Number(after)
      return { rows: Array.from({ length: sizes[place]! }, (_, index) => ({ id: `${place}-${index}` })), next: place + 1 < sizes.length ? String(place + 1) : null }
    }
    return { asked, fetch }
  }
  const signal = new AbortController().signal
  it('one page at first', async () => {
    const { asked, fetch } = pages([3, 3, 3])
    expect(await fetchAgain(fetch, 0, signal)).toMatchObject({ rows: { length: 3 }, next: '1' })
    expect(asked).toEqual([null])
  })
  it('two where two were read', async () => {
    const { asked, fetch } = pages([3, 3, 3])
    expect(await fetchAgain(fetch, 4, signal)).toMatchObject({ rows: { length: 6 }, next: '2' })
    expect(asked).toEqual([null, '1'])
  })
  it('ends with the list, and at an empty page', async () => {
    expect(await fetchAgain(pages([3, 2]).fetch, 100, signal)).toMatchObject({ rows: { length: 5 }, next: null })
    expect(await fetchAgain(pages([3, 0, 3]).fetch, 100, signal)).toMatchObject({ rows: { length: 3 }, next: null })
  })
  it('not without end', async () => {
    const { asked, fetch } = pages(Array.from({ length: 30 }, () => 200))
    await fetchAgain(fetch, 1_000_000, signal)
    expect(asked.length).toBe(ROWS_MAX / 200)
  })
})

it.each([
  ['could not open an association: TCP Initialization Error: Connection refused', 'port_closed'],
  ['cannot open an association with PACS: rejected, source 1, reason 7', 'rejected'],
  ['the peer does not accept this kind of object', 'not_accepted'],
  ['could not finish the exchange with PACS: the peer does not answer', 'no_answer'],
  ['something new', null],
])('%s', (text, key) => {
  expect(reasonKey(text)).toBe(key)
  if (key !== null) expect([zh.why, en.why].every((words) => key in words)).toBe(true)
})

it('audit times are written down as they came', () => expect(secondsText('2026-11-22T17:40:05.123+08:00')).toBe('2026-11-22 17:40:05'))

it('every beginning of an action has its word in both languages', () => {
  for (const one of ACTION_BEGINNINGS) {
    expect(zh.audit.about).toHaveProperty(one.slice(0, -1))
    expect(en.audit.about).toHaveProperty(one.slice(0, -1))
  }
})
