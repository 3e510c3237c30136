/* The form of a destination, without the screen: what each protocol has, what was typed, what is wrong with it, what is sent to the gateway. */
import type { DestinationWhole, Protocol, SecretName } from '@/api/types'

export const PROTOCOLS: Protocol[] = ['dicom', 'stow', 'hl7', 'fhir', 'webhook']

/* Numbers as they are typed, in units that people use. */
export interface Draft {
  site: string
  protocol: Protocol
  name: string; ae_title: string; calling_ae: string; host: string; port: string; url: string
  tls: 'off' | 'server' | 'mutual'
  trust_pem: string; certificate_pem: string
  connect_s: string; answer_s: string; deliveries_max: string; connections_max: string; rate_kbit: string; send_windows: string
  backoff_min_s: string; backoff_max_s: string; deadline_days: string
  charset: 'utf-8' | 'gb18030'; compression: 'as_stored' | 'lossless'; proof: 'auto' | 'commitment' | 'query' | 'answers'
  notes: string
  webhook_events: string[]
  wants_reports: boolean; wants_images: boolean; is_enabled: boolean
  secret: Record<SecretName, string> /* empty: stays */
  cleared: SecretName[]
}
export type Field = Exclude<keyof Draft, 'secret' | 'cleared' | 'site' | 'protocol'> | SecretName

/* Kinds of events that a webhook can be told, as the gateway lists them. */
export const EVENTS = [
  'study.arrived', 'study.complete', 'study.incomplete', 'study.reopened', 'task.return', 'report.issue', 'report.printed', 'critical_value.raise', 'critical_value.notify', 'critical_value.read_back',
  'critical_value.handle', 'critical_value.close', 'critical_value.overdue',
]

const HTTP: Protocol[] = ['stow', 'fhir', 'webhook']
const PROTOCOLS_OF: Partial<Record<Field, Protocol[]>> = {
  ae_title: ['dicom'], calling_ae: ['dicom'], host: ['dicom', 'hl7'], port: ['dicom', 'hl7'], url: HTTP, charset: ['hl7'], compression: ['dicom', 'stow'], proof: ['dicom', 'stow'],
  wants_images: ['dicom', 'stow', 'link'], wants_reports: ['dicom', 'stow', 'link', 'hl7', 'fhir'], webhook_events: ['webhook'], user: ['dicom', ...HTTP], password: ['dicom', ...HTTP], token: HTTP, signing_key: ['webhook'],
}
export const hasField = (protocol: Protocol, field: Field): boolean => PROTOCOLS_OF[field]?.includes(protocol) ?? true

const NO_SECRET: Record<SecretName, string> = { user: '', password: '', token: '', signing_key: '', private_key_pem: '' }
export function emptyDraft(site: string): Draft {
  return {
    site, protocol: 'dicom', name: '', ae_title: '', calling_ae: '', host: '', port: '', url: '', tls: 'off', trust_pem: '', certificate_pem: '', connect_s: '', answer_s: '', deliveries_max: '',
    connections_max: '', rate_kbit: '', send_windows: '', backoff_min_s: '', backoff_max_s: '', deadline_days: '', charset: 'utf-8', compression: 'as_stored', proof: 'auto', notes: '',
    webhook_events: [], wants_reports: true, wants_images: false, is_enabled: true, secret: { ...NO_SECRET }, cleared: [],
  }
}

const typed = (value: number | null, unit = 1): string => (value === null ? '' : String(value / unit))
const DAY_MS = 86_400_000

export function draftOf(one: DestinationWhole): Draft {
  return {
    site: one.site.id, protocol: one.protocol, name: one.name, ae_title: one.ae_title, calling_ae: one.calling_ae, host: one.host, port: one.port === 0 ? '' : String(one.port), url: one.url, tls: one.tls,
    trust_pem: one.trust_pem, certificate_pem: one.certificate_pem, connect_s: typed(one.connect_timeout_ms, 1000), answer_s: typed(one.answer_timeout_ms, 1000), deliveries_max: typed(one.deliveries_max),
    connections_max: typed(one.connections_max), rate_kbit: typed(one.rate_kbit), send_windows: one.send_windows, backoff_min_s: typed(one.backoff_min_ms, 1000), backoff_max_s: typed(one.backoff_max_ms, 1000),
    deadline_days: typed(one.deadline_ms, DAY_MS), charset: one.charset, compression: one.compression, proof: one.proof, notes: one.notes, webhook_events: [...one.webhook_events], wants_reports: one.wants_reports, wants_images: one.wants_images,
    is_enabled: one.is_enabled, secret: { ...NO_SECRET }, cleared: [],
  }
}

/* ---- what is wrong ------------------------------------------------------------------------------------------------------- */

const NUMBERS: [Field, number, number, boolean /* fractions */][] = [
  ['port', 1, 65535, false], ['connect_s', 0.1, 600, true], ['answer_s', 0.1, 3600, true], ['deliveries_max', 1, 64, false], ['connections_max', 1, 64, false], ['rate_kbit', 16, 100_000_000, false],
  ['backoff_min_s', 0.01, 86_400, true], ['backoff_max_s', 0.01, 86_400, true], ['deadline_days', 0.001, 366, true],
]
const WINDOWS = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d(,([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d){0,9}$/

function isHttp(text: string): boolean {
  try {
    const url = new URL(text)
    return /^https?:$/.test(url.protocol) && url.hostname !== ''
  } catch {
    return false
  }
}

function urlProblem(text: string): string | null {
  if (!isHttp(text) || /[^!-~]/.test(text)) return 'url'
  const url = new URL(text)
  return url.username !== '' || url.password !== '' ? 'url_secret' : url.hash !== '' || text.includes('#') ? 'url' : null
}

/* Keys of operations.form.problem; the gateway knows more. */
export function problemsOf(draft: Draft): Partial<Record<Field, string>> {
  const found: Partial<Record<Field, string>> = {}
  const has = (field: Field): boolean => hasField(draft.protocol, field)
  const value = (field: Field): string => String((draft as unknown as Record<string, unknown>)[field] ?? '').trim()
  for (const [field, minimum, maximum, isFraction] of NUMBERS) {
    const text = value(field)
    const number = Number(text)
    if (has(field) && text !== '' && (!Number.isFinite(number) || number < minimum || number > maximum || (!isFraction && !Number.isInteger(number)))) found[field] = 'number'
  }
  for (const field of ['ae_title', 'host', 'port', 'url'] as const) if (has(field) && value(field) === '') found[field] = 'empty'
  if (has('webhook_events') && draft.webhook_events.length === 0) found.webhook_events = 'no_event'
  for (const field of ['ae_title', 'calling_ae'] as const) if (has(field) && /[^ -~]|\\/.test(value(field))) found[field] = 'ae'
  if (has('host') && found.host === undefined && !/^[A-Za-z0-9.:_-]+$/.test(value('host'))) found.host = 'host'
  if (has('url') && found.url === undefined) {
    const problem = urlProblem(value('url'))
    if (problem !== null) found.url = problem
  }
  if (value('send_windows') !== '' && !WINDOWS.test(value('send_windows'))) found.send_windows = 'windows'
  for (const field of ['trust_pem', 'certificate_pem'] as const) if (value(field) !== '' && !value(field).includes('-----BEGIN CERTIFICATE-----')) found[field] = 'pem'
  if (draft.certificate_pem.includes('PRIVATE KEY-----')) found.certificate_pem = 'pem_key'
  if (draft.secret.private_key_pem !== '' && !draft.secret.private_key_pem.includes('PRIVATE KEY-----')) found.private_key_pem = 'key'
  return found
}

/* ---- what is sent ------------------------------------------------------------------------------------------------------- */

const orNull = (text: string, unit = 1): number | null => (text.trim() === '' ? null : Math.round(Number(text) * unit))

function valuesOf(draft: Draft): Record<string, unknown> {
  const all: Partial<Record<Field, [string, unknown]>> = {
    name: ['name', draft.name.trim()], ae_title: ['ae_title', draft.ae_title.trim()], calling_ae: ['calling_ae', draft.calling_ae.trim()], host: ['host', draft.host.trim()],
    port: ['port', orNull(draft.port)], url: ['url', draft.url.trim()], tls: ['tls', draft.tls], trust_pem: ['trust_pem', draft.trust_pem], certificate_pem: ['certificate_pem', draft.certificate_pem],
    connect_s: ['connect_timeout_ms', orNull(draft.connect_s, 1000)], answer_s: ['answer_timeout_ms', orNull(draft.answer_s, 1000)], deliveries_max: ['deliveries_max', orNull(draft.deliveries_max)],
    connections_max: ['connections_max', orNull(draft.connections_max)], rate_kbit: ['rate_kbit', orNull(draft.rate_kbit)], send_windows: ['send_windows', draft.send_windows.trim()],
    backoff_min_s: ['backoff_min_ms', orNull(draft.backoff_min_s, 1000)], backoff_max_s: ['backoff_max_ms', orNull(draft.backoff_max_s, 1000)], deadline_days: ['deadline_ms', orNull(draft.deadline_days, DAY_MS)],
    charset: ['charset', draft.charset], compression: ['compression', draft.compression], proof: ['proof', draft.proof], notes: ['notes', draft.notes], webhook_events: ['webhook_events', EVENTS.filter((one) => draft.webhook_events.includes(one))],
    wants_reports: ['wants_reports', draft.wants_reports], wants_images: ['wants_images', draft.wants_images], is_enabled: ['is_enabled', draft.is_enabled],
  }
  /* https is always verified: the gateway says so itself. */
  const isHttps = hasField(draft.protocol, 'url') && draft.url.trim().startsWith('https:')
  if (hasField(draft.protocol, 'url') && draft.tls !== 'mutual') all.tls = ['tls', isHttps ? 'server' : 'off']
  return Object.fromEntries(Object.entries(all).filter(([field]) => hasField(draft.protocol, field as Field)).map(([, pair]) => pair))
}

function secretOf(draft: Draft): Record<string, string | null> {
  const given = Object.entries(draft.secret).filter(([name, text]) => text !== '' && hasField(draft.protocol, name as Field))
  return { ...Object.fromEntries(draft.cleared.map((name) => [name, null])), ...Object.fromEntries(given) }
}

/* Of a change only what differs: what somebody else changed meanwhile is not written back. */
export function inputOf(draft: Draft, before: DestinationWhole | null): Record<string, unknown> {
  const secret = secretOf(draft)
  const values = valuesOf(draft)
  const secrets = Object.keys(secret).length > 0 ? { secret } : {}
  if (before === null) return { site: draft.site, protocol: draft.protocol, ...values, ...secrets }
  const was = valuesOf(draftOf(before))
  const changed = Object.fromEntries(Object.entries(values).filter(([name, value]) => JSON.stringify(was[name]) !== JSON.stringify(value)))
  return { updated_at: before.updated_at, ...changed, ...secrets }
}

/* Whether anything would be sent. */
export const isChanged = (draft: Draft, before: DestinationWhole | null): boolean => before === null || Object.keys(inputOf(draft, before)).length > 1
