/* What the numbers of these pages mean, without the screen. */
import type { Delivery, Destination, Device, Host, IdentityReview, ItemState, Operations, Role, RoomState, TestAnswer } from '@/api/types'

export type Tone = 'late' | 'wait' | 'good' | 'plain'

/* ---- tabs ---------------------------------------------------------------------------------------------------------------- */

export const TABS = ['state', 'queues', 'rules', 'devices', 'identity', 'doubts', 'completion', 'audit'] as const
export type Tab = (typeof TABS)[number]

const ROLES_OF_TAB: Record<Tab, Role[]> = {
  state: ['operator', 'administrator'],
  queues: ['operator', 'administrator'],
  rules: ['operator', 'administrator'],
  devices: ['operator', 'administrator', 'quality_controller'],
  identity: ['operator', 'quality_controller'],
  doubts: ['operator', 'quality_controller', 'duty_leader'],
  completion: ['operator', 'administrator', 'quality_controller', 'duty_leader'],
  audit: ['operator', 'administrator', 'quality_controller'],
}

/* The gateway refuses the rest. */
export const tabsOf = (roles: readonly Role[]): Tab[] => TABS.filter((tab) => ROLES_OF_TAB[tab].some((role) => roles.includes(role)))

/* ---- sizes ----------------------------------------------------------------------------------------------------------------- */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

/* 1.5 GB: three digits, 1024 to the next unit, as disks are spoken of in a hospital. */
export function sizeText(bytes: number): string {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/* ---- store ------------------------------------------------------------------------------------------------------------------ */

export const SOON_DAYS = 30

/* What is used of what may be used: the reserve is kept. 0 to 100. */
export function usedPercent(store: Operations['store']): number {
  const room = store.total_bytes - store.reserve_bytes
  if (room <= 0) return 100
  return Math.min(100, Math.max(0, (100 * (store.total_bytes - store.free_bytes)) / room))
}

export type StoreWord = 'refusing' | 'low' | 'soon' | 'enough' | 'unknown'

/* The watermarks rule; above them, how long the room will do. */
export function storeWord(store: Operations['store'], room: RoomState): StoreWord {
  if (room !== 'fine') return room === 'full' ? 'refusing' : 'low'
  if (store.days_left === null) return 'unknown'
  return store.days_left < SOON_DAYS ? 'soon' : 'enough'
}

export const TONE_OF_STORE: Record<StoreWord, Tone> = { refusing: 'late', low: 'wait', soon: 'wait', enough: 'good', unknown: 'plain' }
export const TONE_OF_ROOM: Record<RoomState, Tone> = { full: 'late', low: 'wait', fine: 'good' }

/* ---- hosts ------------------------------------------------------------------------------------------------------------------- */

export const TONE_OF_HOST: Record<Host['state'], Tone> = { stranded: 'late', silent: 'late', reporting: 'good', stopped: 'plain' }

/* Acknowledged images that only hosts have that do not report: whose, and how many at least. */
export function strandedImages(hosts: Host[]): { names: string[]; objects: number } {
  const stranded = hosts.filter((one) => one.state === 'stranded')
  return { names: stranded.map((one) => one.name), objects: stranded.reduce((sum, one) => sum + one.waiting_objects + one.quarantined_objects, 0) }
}

/* ---- programs, journal, certificates ------------------------------------------------------------------------------------------- */

export const PROGRAMS = ['yq-storescp', 'yq-router', 'yq-gateway']

export type ProgramWord = 'running' | 'silent' | 'ended' | 'absent'
export interface ProgramRow { program: string; word: ProgramWord; host: string; pid: number | null; version: string; started_at: string | null; seen_at: string | null }

type Process = Operations['programs'][number] & { ended_at?: string | null }

/* Every process, and a line for each program of an installation that has none. */
export function programRows(programs: Operations['programs']): ProgramRow[] {
  const known: ProgramRow[] = programs.map((one: Process) => ({
    program: one.program, word: one.is_running ? 'running' : one.ended_at ? 'ended' : 'silent', host: one.host, pid: one.pid, version: one.version,
    started_at: one.started_at, seen_at: one.seen_at,
  }))
  const absent = PROGRAMS.filter((program) => !programs.some((one) => one.program === program))
  return [...known, ...absent.map((program): ProgramRow => ({ program, word: 'absent', host: '', pid: null, version: '', started_at: null, seen_at: null }))]
}

/* A program of which no process runs. */
export const stoppedPrograms = (rows: ProgramRow[]): string[] =>
  PROGRAMS.filter((program) => !rows.some((row) => row.program === program && row.word === 'running'))

export const JOURNAL_LATE_S = 300
export const journalTone = (journal: Operations['journal']): Tone => (journal.objects === 0 ? 'good' : journal.oldest_s > JOURNAL_LATE_S ? 'late' : 'wait')

/* What waits for a person, and on which tab it is seen. */
export const WAITING_TAB: Record<string, Tab | null> = {
  signals: null, studies_receiving: null, studies_complete: null, studies_incomplete: null, studies_unrouted: 'rules', studies_held: 'rules',
  identity_reviews: 'identity', conflicts: 'doubts', quarantined: 'doubts', destinations_held: 'queues', reports_unsettled: null,
}
const NEEDS_PERSON = ['studies_unrouted', 'studies_held', 'identity_reviews', 'conflicts', 'quarantined', 'destinations_held']
export const waitingTone = (name: string, number: number): Tone => (number === 0 ? 'plain' : NEEDS_PERSON.includes(name) ? 'wait' : 'plain')

/* What is asked before something is done (AskDialog). */
export interface Question { title: string; text: string; action: string; isDangerous?: boolean; needsReason?: boolean; act: (reason: string) => Promise<void> }

/* ---- queues -------------------------------------------------------------------------------------------------------------------- */

export type DestinationWord = 'disabled' | 'held' | 'failed' | 'resting' | 'closed' | 'recovering' | 'waiting' | 'sending' | 'idle'

const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5))

/* "12:00-13:30,20:00-06:00"; none: always. Over midnight when the end is before the beginning. */
export function isInWindows(windows: string, clock: string): boolean {
  if (windows === '') return true
  const now = minutesOf(clock)
  return windows.split(',').some((window) => {
    const [from, to] = [minutesOf(window.slice(0, 5)), minutesOf(window.slice(6, 11))]
    return from < to ? now >= from && now < to : now >= from || now < to
  })
}

/* Nothing is tried before; null: it is. */
export const restsUntil = (one: Destination, nowMs: number): string | null => (one.resting_until !== null && Date.parse(one.resting_until) > nowMs ? one.resting_until : null)

export const failedOf = (one: Destination): number => one.refused + one.dead
export const openOf = (one: Destination): number => one.waiting + one.under_way
export const nameOf = (one: { name: string; ae_title: string; host?: string; url?: string }): string => one.name || one.ae_title || one.host || one.url || ''
export const addressOf = (one: Destination): string => one.url || (one.host === '' ? '' : `${one.ae_title === '' ? '' : `${one.ae_title}@`}${one.host}:${one.port}`)

/* The one thing to know of a destination. An error that a delivery has outlived is history. */
export function destinationWord(one: Destination, nowMs: number): DestinationWord {
  if (!one.is_enabled) return 'disabled'
  if (one.held_at !== null) return 'held'
  if (failedOf(one) > 0) return 'failed'
  if (restsUntil(one, nowMs) !== null) return 'resting'
  if (openOf(one) === 0) return one.slow_start === null ? 'idle' : 'recovering'
  if (one.under_way === 0 && !isInWindows(one.send_windows, one.clock)) return 'closed'
  if (one.slow_start !== null) return 'recovering'
  return hasFreshError(one) ? 'waiting' : 'sending'
}

export const TONE_OF_DESTINATION: Record<DestinationWord, Tone> = { disabled: 'plain', held: 'wait', failed: 'late', resting: 'late', closed: 'wait', recovering: 'wait', waiting: 'wait', sending: 'good', idle: 'good' }

export function hasFreshError(one: Destination): boolean {
  if (one.last_error_at === null) return false
  return one.last_success_at === null || Date.parse(one.last_error_at) > Date.parse(one.last_success_at)
}

/* What the programs write of a try that failed, in a person's words; null: as it stands. */
const REASONS: [RegExp, string][] = [
  [/Connection refused/, 'port_closed'],
  [/No route to host|Network is unreachable/, 'no_route'],
  [/TCP Initialization Error/, 'no_connection'],
  [/rejected, source/, 'rejected'],
  [/the peer does not accept this kind of object/, 'not_accepted'],
  [/the peer (did|does) not answer/, 'no_answer'],
  [/the connection broke/, 'broke'],
  [/the peer answered/, 'answered'],
  [/an object could not be read/, 'unreadable'],
  [/there is nothing in it to send/, 'nothing'],
  [/the ledger was away|the router was stopped/, 'stopped'],
  [/the outcome is unknown and the deadline/, 'deadline'],
  [/the outcome was unknown/, 'again'],
  [/certificate|\bTLS\b|\bSSL\b/i, 'certificate'],
  [/\b40[13]\b|[Uu]nauthori[sz]ed|Forbidden/, 'credentials'],
  [/cannot read the secret|cannot open/, 'secret'],
  [/time ?out|timed out/i, 'no_answer'],
  [/[Cc]ould not connect|could not resolve/i, 'no_connection'],
]
export function reasonKey(text: string): string | null {
  return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? null
}

/* In the order of the way, whatever order they come in. */
export const TASK_STATES: Operations['tasks'][number]['state'][] = ['awaiting', 'writing', 'awaiting_review', 'reviewing', 'returned', 'done', 'cancelled']
export function inOrder<S extends string>(counts: { state: S; number: number }[], order: S[]): { state: S; number: number }[] {
  return [...counts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))
}

export const DELIVERY_STATES: Delivery['state'][] = ['pending', 'sending', 'verifying', 'waiting', 'quarantined', 'dead', 'delivered', 'cancelled']
export const RANKS = ['emergency', 'urgent', 'routine', 'health_check'] as const
export const mayRetry = (one: Delivery): boolean => one.state === 'dead' || one.state === 'quarantined' || one.state === 'waiting'
/* Hours; "" is any age. */
export const AGES = ['', '1', '24', '168', '720'] as const
export const outcomeTone = (outcome: string | null): Tone => (outcome === null ? 'wait' : outcome === 'confirmed' ? 'good' : outcome === 'cancelled' || outcome === 'yielded' ? 'plain' : 'late')
export const TONE_OF_ITEM: Record<ItemState, Tone> = { pending: 'wait', unknown: 'wait', confirmed: 'good', refused: 'late' }
export const mayCancel = (one: Delivery): boolean => one.state !== 'delivered' && one.state !== 'cancelled'

/* ---- identity ------------------------------------------------------------------------------------------------------------------ */

export const COMPARED = ['name', 'sex', 'birth_date', 'id'] as const
export type Compared = (typeof COMPARED)[number]

/* Where two claims do not say the same. What one of them leaves out is no contradiction. */
export function differences(claims: IdentityReview['claims']): Compared[] {
  const [one, other] = claims
  if (one === undefined || other === undefined) return []
  const value = (claim: IdentityReview['claims'][number], what: Compared): string =>
    (what === 'name' ? claim.patient.display_name : claim.patient[what]).replace(/[\s^]/g, '').toUpperCase()
  return COMPARED.filter((what) => value(one, what) !== '' && value(other, what) !== '' && value(one, what) !== value(other, what))
}

/* ---- audit ---------------------------------------------------------------------------------------------------------------------- */

export interface AuditFilter { from: string; to: string; actor: string; action: string; subject: string; outcome: string }

/* "2026-11-22T17:40:05.123+08:00" as it is written down: the gateway speaks in the installation's zone. */
export const secondsText = (at: string): string => at.slice(0, 19).replace('T', ' ')

/* Key of the word for an action: report.send_back -> report_send_back. */
export const actionKey = (action: string): string => action.replace('.', '_')

/* For what somebody looked at an examination; empty: the record does not say. */
export function purposeOf(detail: unknown): string {
  const purpose = typeof detail === 'object' && detail !== null && 'purpose' in detail ? detail.purpose : undefined
  return typeof purpose === 'string' ? purpose : ''
}

export const ACTION_BEGINNINGS = [
  'session.', 'study.', 'task.', 'report.', 'delivery.', 'destination.', 'device.', 'identity.', 'request.', 'critical_value.', 'association.', 'host.', 'account.', 'audit.', 'api.', 'correction.', 'workitem.', 'workstation.',
]

/* ---- the test of a destination --------------------------------------------------------------------------------------------------- */

export interface TestStep { step: string; word: 'ok' | 'failed' | 'not_tried' | 'running'; text: string; elapsed_ms: number }

/* The way to it, as far as it is known before. */
export function expectedSteps(one: Pick<Destination, 'protocol' | 'tls'>): string[] {
  return ['name', 'tcp', ...(one.tls === 'off' ? [] : ['tls']), ...(one.protocol === 'dicom' ? ['association', 'echo'] : one.protocol === 'hl7' ? [] : ['request'])]
}

/* Before there is an answer the first is under way; then what was found, and behind a step that failed what was not tried. */
export function testSteps(expected: string[], answer: TestAnswer[] | null): TestStep[] {
  const untried = (step: string, index: number): TestStep => ({ step, word: answer === null && index === 0 ? 'running' : 'not_tried', text: '', elapsed_ms: 0 })
  if (answer === null) return expected.map(untried)
  const found = answer.map((one): TestStep => ({ step: one.name, word: one.is_ok ? 'ok' : 'failed', text: one.text, elapsed_ms: one.elapsed_ms }))
  const isBroken = found.some((one) => one.word === 'failed')
  const last = Math.max(...answer.map((one) => expected.indexOf(one.name)))
  return isBroken ? [...found, ...expected.slice(last + 1).map(untried)] : found
}

/* ---- devices ----------------------------------------------------------------------------------------------------------------------- */

export type DeviceWord = 'disabled' | 'never' | 'refused' | 'overdue' | 'silent' | 'today' | 'error'
export const TONE_OF_DEVICE: Record<DeviceWord, Tone> = { disabled: 'plain', never: 'wait', refused: 'late', error: 'late', overdue: 'wait', silent: 'plain', today: 'good' }

/* An error counts while nothing came behind it. */
export function deviceWord(one: Device): DeviceWord {
  if (!one.is_enabled) return 'disabled'
  if (one.last_error_at !== null && (one.last_seen_at === null || Date.parse(one.last_error_at) >= Date.parse(one.last_seen_at))) return 'error'
  if (one.today.refusals > 0) return 'refused'
  if (one.last_seen_at === null) return 'never'
  if (one.silence?.is_silent === true) return 'overdue'
  return one.today.echoes + one.today.associations + one.today.images > 0 ? 'today' : 'silent'
}

/* A renewal takes weeks: somebody has to travel to the device. */
export const CERTIFICATE_SOON_DAYS = 30
export const isCertificateLate = ({ days_left }: NonNullable<Device['certificate']>): boolean => days_left !== null && days_left < CERTIFICATE_SOON_DAYS

const NEED: DeviceWord[] = ['error', 'refused', 'never', 'overdue', 'silent', 'today', 'disabled']
export const devicesByNeed = (devices: Device[]): Device[] =>
  [...devices].sort((a, b) => NEED.indexOf(deviceWord(a)) - NEED.indexOf(deviceWord(b)) || a.site.name.localeCompare(b.site.name, 'zh-CN') || a.calling_ae.localeCompare(b.calling_ae))
