/* Routing rules as the gateway gives them (docs/api.md). */

export const FIELDS = [
  'site', 'site_type', 'grid', 'community', 'device', 'modality', 'body_part', 'study_description', 'series_description', 'patient_class', 'priority', 'hour', 'weekday', 'day', 'age',
] as const
export type Field = (typeof FIELDS)[number]
export type Op = 'is' | 'not' | 'missing' | 'any'

export interface Condition { field: Field; op: Op; values: string[] }
export interface Actions { queue: string | null; reading_mode: string | null; priority: number | null; hold: string | null; forward: string[]; ai: string[] }
export interface Rule extends Actions { id: string; name: string; is_enabled: boolean; conditions: Condition[] }
export interface RuleGroup { name: string; mode: 'first' | 'all'; rules: Rule[] }
export type Names = Record<string, string>
export interface RuleDocument { version: number; in_force_from: string; in_force_until: string | null; note: string; groups: RuleGroup[]; names: Names }
export interface RuleChanged { ok: true; id: string; version: number; note: string }
export interface RuleVersion { version: number; in_force_from: string; in_force_until: string | null; is_in_force: boolean; note: string; made_by: string; rules: number }

export interface Choices {
  may: boolean
  queues: { id: string; name: string; hospital: string }[]
  destinations: { id: string; name: string; site: string; is_ai_node: boolean }[]
  scopes: { id: string; kind: 'community' | 'grid' | 'site'; name: string; type: string | null }[]
  devices: { id: string; name: string; site: string }[]
}

export interface TriedCondition extends Condition { fits: boolean }
export interface TriedRule { id: string; name: string; is_enabled: boolean; fits: boolean; counts: boolean; conditions: TriedCondition[] }
export interface Outcome {
  is_routed: boolean
  reason: string
  code: string
  detail: RoutingDetail
  queue?: string
  queue_name?: string
  hospital?: string
  covers?: string
  queue_rule: string | null
  reading_mode: string
  priority: number
  hold: string | null
  hold_rule: string | null
  forward: { destination: string; rule: string }[]
  version: number | null
  facts?: Record<string, unknown> /* of the study, as the conditions see them */
  moment?: Record<string, unknown> /* the clock and the calendar of it */
  reading_mode_rule?: string | null
  priority_rule?: string | null
  groups: { name: string; mode: 'first' | 'all'; rules: TriedRule[] }[]
  names: Names
}
export interface RoutingDetail { hospital?: string; day?: string; rule?: string }

export interface Preview {
  changes: boolean
  can: boolean
  refusal: string
  refusal_code: '' | 'merged' | 'receiving' | 'taken' | 'issued'
  now: { queue: string | null; queue_name: string | null; priority: number | null; version: number | null; hold: string | null; reason: string | null }
  then: Outcome
}

export interface WaitingStudy {
  id: string
  study_instance_uid: string
  site: string
  modality: string
  patient_class: string
  last_arrival_at: string
  unrouted_reason: string
  unrouted_code: string
  unrouted_detail: RoutingDetail
  hold_reason: string | null
  held_at: string | null
  hold_rule: string | null
}

export interface Duty { id: string; queue: string; by_queue: string; weekdays: string; day_kind: string; hours: string; from_day: string | null; until_day: string | null; note: string; made_by: string }
export interface Agreement { id: string; hospital: string; scope: string; from_day: string; until_day: string | null; state: 'in_force' | 'ahead' | 'ended'; note: string; made_by: string }
/* GET /api/v1/calendar: a day that differs from the week */
export interface CalendarDay { day: string; is_working: boolean; name: string }
