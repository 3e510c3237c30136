import { beforeEach, describe, expect, it } from 'vitest'
import type { Delivery, Destination, DestinationWhole, Device, Host, IdentityReview, Operations, Patient, TestAnswer } from '@/api/types'
import en from '@/i18n/en/operations'
import { useLanguage } from '@/i18n'
import zh from '@/i18n/zh-CN/operations'
import { draftOf, emptyDraft, inputOf, isChanged, problemsOf } from '@/pages/operations/destination'
import { fetchAgain, ROWS_MAX } from '@/pages/operations/load'
import {
  ACTION_BEGINNINGS, addressOf, destinationWord, devicesByNeed, deviceWord, differences, expectedSteps, isCertificateLate, isInWindows, mayCancel, mayRetry, programRows, purposeOf, reasonKey, secondsText, sizeText, stoppedPrograms, storeWord, strandedImages, tabsOf, testSteps, usedPercent,
} from '@/pages/operations/state'
import { clockWord, isClockBad } from '@/state/deviceClock'

beforeEach(() => useLanguage('zh-CN'))

describe('tabs follow from roles', () => {
  it.each([
    [['operator'], ['state', 'queues', 'rules', 'devices', 'identity', 'doubts', 'completion', 'audit']],
    [['administrator'], ['state', 'queues', 'rules', 'devices', 'completion', 'audit']],
    [['quality_controller', 'reporter'], ['devices', 'identity', 'doubts', 'completion', 'audit']],
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
  const one = { host: 'h', pid: 1, version: '1', started_at: at, seen_at: at, ended_at: null, detail: {} }
  const rows = programRows([
    { ...one, program: 'yq-router', is_running: false, ended_at: at },
    { ...one, program: 'yq-gateway', is_running: true },
    { ...one, program: 'yq-gateway', pid: 2, is_running: false },
  ])
  expect(rows.map((row) => [row.program, row.word])).toEqual([['yq-router', 'ended'], ['yq-gateway', 'running'], ['yq-gateway', 'silent'], ['yq-storescp', 'absent']])
  expect(stoppedPrograms(rows)).toEqual(['yq-storescp', 'yq-router'])
})

const NOW_MS = Date.parse('2026-11-22T09:00:00+08:00')
const destination = (change: Partial<Destination>): Destination => ({
  id: 'd', name: 'PACS', site: { id: 's', name: 'S' }, protocol: 'dicom', ae_title: 'PACS', host: 'h', port: 104, url: '', tls: 'off', is_enabled: true, held_at: null, held_reason: '', waiting: 0, waiting_by_rank: [0, 0, 0, 0],
  under_way: 0, refused: 0, dead: 0, oldest_at: null, next_try_at: null, rate_per_hour: 0, delivered_today: 0, last_success_at: null, last_error: '', last_error_at: null, failures: 0, resting_until: null, slow_start: null,
  send_windows: '', clock: '09:00', ...change,
})

describe('the one thing to know of a destination', () => {
  it.each([
    [{}, 'idle'],
    [{ waiting: 2 }, 'sending'],
    [{ waiting: 2, last_error_at: '2026-11-22T08:00:00+08:00' }, 'waiting'],
    [{ waiting: 2, last_error_at: '2026-11-22T08:00:00+08:00', last_success_at: '2026-11-22T00:00:01Z' }, 'sending'],
    [{ waiting: 2, dead: 1 }, 'failed'],
    [{ refused: 1, resting_until: '2026-11-22T10:00:00+08:00' }, 'failed'],
    [{ waiting: 2, failures: 6, resting_until: '2026-11-22T09:00:01+08:00' }, 'resting'],
    [{ waiting: 2, failures: 6, resting_until: '2026-11-22T08:59:59+08:00', slow_start: 1 }, 'recovering'],
    [{ waiting: 2, send_windows: '20:00-06:00' }, 'closed'],
    [{ waiting: 2, under_way: 1, send_windows: '20:00-06:00' }, 'sending'],
    [{ send_windows: '20:00-06:00' }, 'idle'],
    [{ dead: 1, held_at: '2026-11-22T08:00:00+08:00' }, 'held'],
    [{ held_at: '2026-11-22T08:00:00+08:00', is_enabled: false }, 'disabled'],
  ] as const)('%j', (change, word) => expect(destinationWord(destination(change as Partial<Destination>), NOW_MS)).toBe(word))
})

it.each([
  ['', '03:00', true], ['12:00-13:30', '12:00', true], ['12:00-13:30', '13:30', false], ['20:00-06:00', '23:59', true], ['20:00-06:00', '05:59', true], ['20:00-06:00', '06:00', false],
  ['12:00-13:30,20:00-06:00', '21:00', true], ['12:00-13:30,20:00-06:00', '14:00', false],
])('windows %j at %s: %s', (windows, clock, isIn) => expect(isInWindows(windows, clock)).toBe(isIn))

it.each([
  [{}, 'PACS@h:104'], [{ ae_title: '', port: 2575, protocol: 'hl7' }, 'h:2575'], [{ ae_title: '', host: '', port: 0, protocol: 'stow', url: 'https://p/' }, 'https://p/'],
] as const)('the address of %j', (change, words) => expect(addressOf(destination(change))).toBe(words))

describe('the form of a destination', () => {
  const whole = (change: Partial<DestinationWhole>): DestinationWhole => ({
    ...destination({}), may: true, calling_ae: '', trust_pem: '', certificate_pem: '', trusted: [], certificates: [], secrets: [], connect_timeout_ms: null, answer_timeout_ms: 2500, deliveries_max: null, connections_max: null,
    rate_kbit: null, backoff_min_ms: null, backoff_max_ms: null, deadline_ms: 86_400_000, charset: 'utf-8', compression: 'as_stored', proof: 'auto', notes: '', webhook_events: [], wants_reports: true, wants_images: false, created_at: '', updated_at: 'r1', updated_by: '', ...change,
  })
  const filled = (change: object) => Object.assign(emptyDraft('s'), { ae_title: 'PACS', host: '10.0.0.7', port: '104' }, change)
  it.each([
    [{}, {}],
    [{ ae_title: '', host: '', port: '' }, { ae_title: 'empty', host: 'empty', port: 'empty' }],
    [{ port: '0' }, { port: 'number' }], [{ port: '1.5' }, { port: 'number' }], [{ connect_s: '1.5' }, {}], [{ rate_kbit: '15' }, { rate_kbit: 'number' }], [{ answer_s: 'x' }, { answer_s: 'number' }],
    [{ host: 'a b' }, { host: 'host' }], [{ ae_title: 'PACS\\' }, { ae_title: 'ae' }], [{ calling_ae: '影' }, { calling_ae: 'ae' }],
    [{ send_windows: '20:00-06:00' }, {}], [{ send_windows: '20-6' }, { send_windows: 'windows' }], [{ send_windows: '24:00-06:00' }, { send_windows: 'windows' }],
    [{ protocol: 'stow', url: 'https://p/dicom-web' }, {}], [{ protocol: 'stow', url: '' }, { url: 'empty' }], [{ protocol: 'stow', url: 'p' }, { url: 'url' }], [{ protocol: 'stow', url: 'https://u:p@p/' }, { url: 'url_secret' }],
    [{ protocol: 'stow', url: 'https://p/#x' }, { url: 'url' }], [{ protocol: 'hl7', ae_title: '' }, {}],
    [{ protocol: 'webhook', url: 'https://p/' }, { webhook_events: 'no_event' }], [{ protocol: 'webhook', url: 'https://p/', webhook_events: ['task.return'] }, {}],
    [{ certificate_pem: 'x' }, { certificate_pem: 'pem' }], [{ certificate_pem: '-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----' }, { certificate_pem: 'pem_key' }],
  ] as const)('%j has the problems %j', (change, problems) => expect(problemsOf(filled(change))).toEqual(problems))
  it('sends of a new one what its protocol has', () => {
    const input = inputOf(filled({ protocol: 'hl7', charset: 'gb18030', answer_s: '1.5', secret: { ...emptyDraft('').secret, token: 'left over' } }), null)
    expect(input).toMatchObject({ site: 's', protocol: 'hl7', host: '10.0.0.7', port: 104, charset: 'gb18030', answer_timeout_ms: 1500, rate_kbit: null, tls: 'off' })
    expect(Object.keys(input)).not.toEqual(expect.arrayContaining(['ae_title']))
    for (const name of ['ae_title', 'url', 'proof', 'secret', 'wants_images']) expect(input).not.toHaveProperty(name)
  })
  it('sends of a webhook its events and neither reports nor images', () => {
    const before = whole({ protocol: 'webhook', url: 'http://p/', webhook_events: ['task.return'] })
    const draft = draftOf(before)
    expect(isChanged(draft, before)).toBe(false)
    draft.webhook_events.push('study.arrived')
    expect(inputOf(draft, before)).toEqual({ updated_at: 'r1', webhook_events: ['study.arrived', 'task.return'] })
    for (const name of ['wants_reports', 'wants_images']) expect(inputOf(draft, null)).not.toHaveProperty(name)
  })
  it('https is verified whatever was chosen, and http has no TLS', () => {
    expect(inputOf(filled({ protocol: 'stow', url: 'https://p/' }), null).tls).toBe('server')
    expect(inputOf(filled({ protocol: 'stow', url: 'https://p/', tls: 'mutual' }), null).tls).toBe('mutual')
    expect(inputOf(filled({ protocol: 'stow', url: 'http://p/', tls: 'server' }), null).tls).toBe('off')
  })
  it('sends of a change only what differs, with the revision that was seen', () => {
    const before = whole({ secrets: ['user', 'password'] })
    const draft = draftOf(before)
    expect(isChanged(draft, before)).toBe(false)
    expect(inputOf(draft, before)).toEqual({ updated_at: 'r1' })
    Object.assign(draft, { rate_kbit: '2000', deadline_days: '', notes: 'x' })
    draft.secret.password = 'new'
    draft.cleared = ['user']
    expect(inputOf(draft, before)).toEqual({ updated_at: 'r1', rate_kbit: 2000, deadline_ms: null, notes: 'x', secret: { user: null, password: 'new' } })
    expect(isChanged(draft, before)).toBe(true)
  })
})

it('offers what the gateway allows', () => {
  const of = (may: (one: Delivery) => boolean): string[] =>
    (['pending', 'sending', 'verifying', 'waiting', 'delivered', 'quarantined', 'dead', 'cancelled'] as const).filter((state) => may({ state } as Delivery))
  expect(of(mayRetry)).toEqual(['waiting', 'quarantined', 'dead'])
  expect(of(mayCancel)).toEqual(['pending', 'sending', 'verifying', 'waiting', 'quarantined', 'dead'])
})

describe('the steps of a test', () => {
  const found = (name: string, is_ok: boolean) => ({ name, is_ok, elapsed_ms: 3, text: '' })
  const words = (answer: TestAnswer[] | null, change: Partial<Destination> = {}) => testSteps(expectedSteps(destination(change)), answer).map((one) => `${one.step} ${one.word}`)
  it.each([
    [null, {}, ['name running', 'tcp not_tried', 'association not_tried', 'echo not_tried']],
    [[found('name', true), found('tcp', false)], {}, ['name ok', 'tcp failed', 'association not_tried', 'echo not_tried']],
    [[found('name', true), found('tcp', true), found('tls', false)], { tls: 'server' }, ['name ok', 'tcp ok', 'tls failed', 'association not_tried', 'echo not_tried']],
    [[found('name', true), found('tcp', true), found('request', true)], { protocol: 'stow' }, ['name ok', 'tcp ok', 'request ok']],
    [[found('protocol', false)], { protocol: 'webhook' }, ['protocol failed', 'name not_tried', 'tcp not_tried', 'request not_tried']],
  ] as const)('%j of %j', (answer, change, want) => expect(words(answer as TestAnswer[] | null, change as Partial<Destination>)).toEqual(want))
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

describe('for what somebody looked', () => {
  it('is what the record says, in words', () => {
    expect(purposeOf({ purpose: 'reading', task: 'x' })).toBe('reading')
    for (const detail of [null, undefined, 'x', [], {}, { purpose: 7 }]) expect(purposeOf(detail)).toBe('')
    for (const texts of [zh, en]) expect(Object.keys(texts.audit.for)).toEqual(expect.arrayContaining(['reading', 'review', 'prior', 'consultation', 'report', 'queue', 'duty', 'care', 'examination', 'quality_review', 'administration', 'read', 'store', 'worklist']))
  })
})
