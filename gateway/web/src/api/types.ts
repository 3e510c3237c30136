/*
 * What the gateway answers (docs/api.md), as types. Times are RFC 3339 texts with offset, ids are UUIDs, days are "2026-11-22".
 * A member that may be missing in the ledger is null, never absent.
 */

import type { PatientField, TaskCorrections } from './corrections'
import type { RoutingDetail } from './rules'

export type PatientClass = 'emergency' | 'outpatient' | 'inpatient' | 'health_check'
export type StudyState = 'receiving' | 'complete' | 'incomplete' | 'merged'
export type TaskState = 'awaiting' | 'writing' | 'awaiting_review' | 'reviewing' | 'returned' | 'done' | 'cancelled'
export type ReportState = 'draft' | 'provisional' | 'submitted' | 'issued' | 'superseded' | 'void'
export type DeliveryState = 'pending' | 'sending' | 'verifying' | 'waiting' | 'delivered' | 'quarantined' | 'dead' | 'cancelled'
export type CriticalState = 'raised' | 'notified' | 'read_back' | 'handled' | 'closed'
export type Role =
  | 'radiographer' | 'clinician' | 'reporter' | 'reviewer' | 'duty_leader' | 'quality_controller' | 'administrator' | 'operator'
export type Sex = 'M' | 'F' | 'O' | ''

export interface Problem {
  title: string
  status: number
  kind: 'invalid' | 'refused' | 'not_found' | 'conflict' | 'temporary' | 'no_space' | 'corrupt' | 'unknown_outcome' | 'cancelled'
  detail: string
  request_id: string
}

export interface Named { id: string; name: string }

/* ---- session -------------------------------------------------------------------------------------------------------- */

/* GET /api/v1/me */
export interface Me {
  id: string
  account: string
  name: string
  title: string
  language: string
  licence_number: string
  institution: Named
  seat: Named
  community: Named | null /* that the seat belongs to today */
  rights: { role: Role; scope: { id: string; kind: 'community' | 'grid' | 'site'; name: string } }[]
  roles: Role[]
  csrf_token: string
  is_demo: boolean
  events: string /* where the event stream stood */
  time_zone: string /* of the installation, in which clock times and days are shown */
}

/* GET /api/v1/workstations?whose=own|all */
export type WorkstationUse = 'read' | 'store' | 'worklist'
export interface Workstation {
  id: string
  workstation: string
  uses: WorkstationUse[]
  state: 'valid' | 'expired' | 'ended'
  created_at: string
  made_by: string /* an operator; empty: the person */
  expires_at: string
  last_used_at: string | null
  last_address: string | null
  ended_at: string | null
  ended_by: string
  person: { id: string; account: string; name: string }
}

export interface Patient {
  name: string /* as it came: DICOM PN, three groups */
  display_name: string
  id: string
  sex: Sex
  birth_date: string
  age: string /* as the device said: 045Y */
  keys?: string[] /* what it is found by, in lists that are searched in the page: beginnings of the name, pinyin, initials, ID */
}

/* ---- 基层: the examinations of a site -------------------------------------------------------------------------------- */

/* The step bar: where the examination is, and since when. */
export type Step = 'receiving' | 'incomplete' | 'complete' | 'awaiting' | 'writing' | 'awaiting_review' | 'issued' | 'printed' | 'returned' | 'cancelled'

export interface OpenReturn { id: string; kind: 'request' | 'retake'; reason: string; returned_by: string; returned_at: string }
/* 追问病史: asked without giving the task up; the clock stands until it is answered. */
export interface Question {
  id: string
  question: string
  asked_by: string
  asked_at: string
  answer: string | null
  answered_by: string | null
  answered_at: string | null
}

export interface CriticalValue {
  id: string
  study_id: string
  site: Named
  patient: Patient
  modality: string
  body_part: string
  item: string
  state: CriticalState
  raised_by: string
  raised_at: string
  confirm_by: string /* not confirmed by then: the next contact */
  is_overdue: boolean
  physician_name: string
  read_back: string
  read_back_at: string | null
  handling: string
  handled_at: string | null
  contacts: { contact: string; is_physician: boolean; told_at: string; confirmed_at: string | null }[]
}

/* GET /api/v1/studies?state=&site=&day=&matched=yes|no&waiting=yes&after=&limit= (limit up to 500), or ?ids=uuid,uuid (up to 100; what is not visible is left out) */
export interface StudyRow {
  id: string
  study_instance_uid: string
  state: StudyState
  version: number
  site: { id: string; code: string; name: string }
  patient: Patient
  patient_class: PatientClass
  reading_mode: 'central' | 'local_draft' | 'local' | null
  modality: string
  body_part: string
  description: string
  accession_number: string
  instances: number
  bytes: number
  unrouted_reason: string
  unrouted_code: string
  unrouted_detail: RoutingDetail
  hold_reason: string | null /* a rule keeps it from the queue */
  step: Step
  step_at: string
  is_late: boolean
  times: {
    first_image: string; last_image: string; submitted: string | null; complete: string | null; task_opened: string | null
    taken: string | null; written: string | null; issued: string | null; delivered: string | null
    opened: string | null; printed: string | null
  }
  task: {
    id: string; state: TaskState; due_at: string | null; holder: string | null
    place: number | null /* 1: next; only while awaiting */
    expected_at: string | null /* when the report may be there, from what the queue did lately; null when that is not known */
    open_return: OpenReturn | null
    open_question: Question | null
  } | null
  report: { id: string; state: ReportState; version: number } | null
  delivery: { state: DeliveryState } | null
  request: { id: string; accession_number: string; item_name: string; missing: string[] } | null /* the match in force */
  critical: { id: string; state: CriticalState; item: string; confirm_by: string } | null /* not closed yet */
  thumbnail: string | null
}
export interface StudyPage { studies: StudyRow[]; next: string | null }

export interface Instance {
  sop_instance_uid: string
  sop_class_uid: string
  transfer_syntax_uid: string
  number: number | null
  rows: number | null
  columns: number | null
  frames: number | null
  bytes: number
  sha256: string
  arrived_at: string
  charset_verdict: string
  rendered: string | null /* address of the rendered picture; append /../frames/N/rendered for one of several frames */
}
export interface Series {
  series_instance_uid: string
  number: number | null
  modality: string
  origin: 'device' | 'link' | 'own'
  description: string
  body_part: string
  laterality: string
  instances: Instance[]
}
/* GET /api/v1/studies/{study} */
export interface Study {
  id: string
  study_instance_uid: string
  shown_uid: string /* under which DICOMweb shows it */
  state: StudyState
  version: number
  site: { id: string; code: string; name: string }
  patient: Patient & { issuer: string }
  patient_class: PatientClass
  reading_mode: string | null
  modality: string
  body_part: string
  description: string
  accession_number: string
  referring_physician: string
  study_date: string
  study_time: string
  instances: number
  bytes: number
  rule_set_version: number | null /* that routed it last */
  unrouted_reason: string
  unrouted_code: string
  unrouted_detail: RoutingDetail
  hold_reason: string | null /* a rule keeps it from the queue */
  merged_into: string | null /* it is empty, and leads to that study */
  patient_revision: number
  corrected_at: string | null
  times: { first_image: string; last_image: string; submitted: string | null; complete: string | null }
  request: Request | null
  match: Match | null
  match_decision: MatchDecision | null
  examined_at: string /* what the device says while its clock is right, else when the first image came */
  series: Series[]
  performed_steps: { state: StepState; modality: string; created_at: string; ended_at: string | null }[] /* MPPS: what the modality says that it does */
  signals: { kind: string; detail: unknown; at: string; handled_at: string | null }[]
  tasks: {
    id: string; kind: TaskKind; state: TaskState; queue: string; rule: string | null; rule_name: string | null
    covers: string | null /* the queue in whose place it is */
    study_version: number
    opened_at: string; due_at: string | null; done_at: string | null; holder: string | null; author: string | null
    returns: { kind: 'request' | 'retake'; reason: string; at: string; answer: string | null; answered_at: string | null }[]
    questions: Question[]
  }[]
  reports: {
    id: string; task_id: string; version: number; kind: VersionKind; reason: string | null; state: ReportState; author: string | null; reviewer: string | null
    recall: { opened_at: string; done_at: string | null; done_by: string | null } | null /* superseded: the paper at the site is called back */
    submitted_at: string | null; issued_at: string | null; pdf: string | null
  }[]
  deliveries: {
    id: string; purpose: string; state: DeliveryState; destination: string; ae_title: string; attempts: number; last_error: string
    created_at: string; delivered_at: string | null
  }[]
  receipts: { kind: 'delivered' | 'opened' | 'printed' | 'read'; person: string | null; at: string }[]
  critical_values: CriticalValue[]
  timeline: { at: string; event: string; person: string | null }[]
}

/* 申请单. POST /api/v1/requests takes RequestInput; PUT /api/v1/requests/{request} the same; both answer Request. */
export interface RequestInput {
  site_id?: string /* default: the seat */
  name: string
  sex: Sex
  birth_date?: string /* or */
  age_text?: string /* 45Y, 6M, 10D */
  patient_id?: string
  document?: string /* national identity number, 18 digits with check digit; refused when it does not fit sex or birth date */
  phone?: string
  patient_class: PatientClass
  is_urgent?: boolean
  visit_number?: string
  department?: string
  doctor?: string
  item_code_id?: string
  item_name?: string
  modality?: string
  body_part?: string
  laterality?: '' | 'left' | 'right' | 'both' | 'none'
  purpose?: string
  history?: string
  clinical_diagnosis?: string
  request_number?: string
  details?: { pregnancy?: string; allergy?: string; renal_function?: string; operations?: string; specimen?: string }
}
export interface Request {
  id: string
  site: Named
  accession_number: string /* 检查号, given at registration, 1 to 16 characters for Code 128 */
  request_number: string
  patient: Patient
  phone: string
  patient_class: PatientClass
  is_urgent: boolean
  visit_number: string
  age_text: string
  department: string
  doctor: string
  item_code_id: string | null
  item_name: string
  modality: string
  body_part: string
  laterality: string
  purpose: string
  history: string
  clinical_diagnosis: string
  details: Record<string, string>
  missing: string[] /* names of members that the reader will miss: history, clinical_diagnosis, department, doctor, item_name, body_part, laterality */
  state: 'registered' | 'matched' | 'cancelled'
  registered_by: string | null
  registered_at: string
  study_id: string | null
}
/* GET /api/v1/requests?site=&day=&state=&q=&after=&limit= */
export interface RequestPage { requests: Request[]; next: string | null }
/* GET /api/v1/requests/{request} -> Request; POST /api/v1/requests/{request}/cancel {} -> Request */

/* GET /api/v1/items?site= -> {"items": Item[]}: what can be registered */
export interface Item { id: string; name: string; modality: string; body_part: string; expected_views: number | null }

/* GET /api/v1/studies/{study}/match-candidates -> {"candidates": MatchCandidate[]}: best first, at most 50, of the days around the arrival. POST /api/v1/studies/{study}/match
 * {"request_id","reason"?}; POST /api/v1/studies/{study}/unmatch {"reason"} */
/* The candidates answer has also "decision": MatchDecision | null, what the rule said last and why it did not match by itself. */
export type MatchReason =
  | 'no_request' | 'contradicts' | 'taken' | 'parted' | 'number_alone' | 'switched_off' | 'not_near' | 'too_little' | 'close_second' | 'other_number'
export interface MatchDecision {
  outcome: 'matched' | 'waiting'
  reasons: MatchReason[]
  rule_version: number
  score: number | null
  margin: number | null
  evidence: { name: string; points: number }[]
  decided_at: string
  request_id: string | null
}
/* The match in force: by a person, or by the rule of a version. */
export interface Match {
  method: 'automatic' | 'manual'
  score: number
  margin: number | null
  evidence: { name: string; points: number }[]
  rule_version: number | null
  matched_at: string
  matched_by: string | null
  reason: string
}
export interface MatchCandidate { request: Request; score: number; evidence: { name: string; points: number }[] }

/* GET /api/v1/devices?site= -> {"devices": Device[]} */
export interface Device {
  id: string
  site: Named
  name: string
  calling_ae: string
  called_ae: string | null /* null: ours */
  local_port: number | null /* null: each of ours */
  modality: string
  address: string | null
  certificate: { sha256: string; subject: string; not_after: string | null; days_left: number | null } | null /* that it has to show over TLS; not_after null: only the fingerprint is known */
  is_enabled: boolean
  silence: { last_image_at: string; due_at: string | null; usual_images: number | null; history: number | null; is_silent: boolean } | null
  first_seen_at: string | null
  last_seen_at: string | null
  last_error: string
  last_error_at: string | null
  charset_verdict: string
  charset_counts: { verdict: string; instances: number }[] /* the last 30 days */
  clock_offset_s: number | null
  clock_measured_at: string | null
  today: { echoes: number; associations: number; images: number; refusals: number }
}
/* POST /api/v1/devices/{device}/test {}: what we know of the line, step by step. A modality that only sends is told what to press. */
export interface DeviceTest {
  steps: { step: 'registered' | 'enabled' | 'seen' | 'echo' | 'images' | 'charset' | 'clock'; ok: boolean; at: string | null; detail: string }[]
}

/* POST /api/v1/reports/{report}/printed {} -> {"printed": n} : how often so far, this one included */

/* GET /api/v1/critical-values?open=yes&site= -> {"critical_values": CriticalValue[]}
 * POST /api/v1/studies/{study}/critical-values {"item"} ; POST /api/v1/critical-values/{id}/notify {"contact","is_physician"} ;
 * .../read-back {"read_back","physician_name"} ; .../handle {"handling"} ; .../close {} : each answers the CriticalValue */

/* ---- 阅片 ------------------------------------------------------------------------------------------------------------ */

export interface Lease { lease_token: string; lease_until: string; study_version: number; state: TaskState }

/* GET /api/v1/queue?state=&queue=&patient_class=&modality=&site=&q=&offset=&limit= (limit up to 1000) -> QueuePage, or ?ids=uuid,uuid (up to 100:
 * also tasks that are done or cancelled meanwhile; what is not visible is left out) -> {"tasks": TaskRow[]}, nothing counted */
/* correction, supplement: the next version of an issued report is written in it */
export type TaskKind = 'primary' | 'recheck' | 'correction' | 'supplement'
export interface TaskRow {
  id: string
  kind: TaskKind
  follow_reason: string | null
  state: TaskState
  patient_class: PatientClass
  priority: number
  reading_mode: string
  opened_at: string
  due_at: string | null
  paused_at: string | null
  is_late: boolean
  study_version: number
  queue: { id: string; name: string; lead: string }
  study: {
    id: string; study_instance_uid: string; shown_uid: string; state: StudyState; version: number; modality: string; body_part: string; description: string
    instances: number; accession_number: string; thumbnail: string
  }
  patient: Patient
  site: Named
  holder: string | null
  is_mine: boolean
  lease_until: string | null
  author: string | null
  is_own_draft: boolean
  is_sent_back: boolean /* 退回修改, and not submitted again yet */
  priors: number
  open_return: OpenReturn | null
  open_question: Question | null
  has_request: boolean
  has_history: boolean
  critical: CriticalState | null
}
export interface QueuePage {
  tasks: TaskRow[]
  offset: number
  total: number /* that fit the filter */
  counts: { patient_class: Record<PatientClass, number>; state: Partial<Record<TaskState, number>>; late: number } /* of all that the person may work on */
  queues: Named[]
}

/* POST /api/v1/queue/next {"work":"write"|"review","queue"?,"patient_class"?,"modality"?}: the best one, claimed; task null: nothing waits */
export interface NextTask { task: TaskRow | null; lease: Lease | null }

/* GET /api/v1/tasks/{task} */
export interface TaskWork {
  task: TaskRow
  request: Request | null
  returns: { kind: 'request' | 'retake'; reason: string; returned_by: string; returned_at: string; answer: string | null; answered_by: string | null; answered_at: string | null }[]
  questions: Question[]
  assignments: { kind: string; from: string | null; to: string | null; by: string; reason: string; at: string }[]
  policy: { signatures: number; needs_two_persons: boolean }
  may: { write: boolean; review: boolean; lead: boolean } /* of the caller, at this task */
  quality_scale: string[] /* 甲 乙 丙 废, or 优 良 合格 不合格 */
  corrected: TaskCorrections
}

export interface ReportBody {
  method: string
  findings: string
  impression: string
  recommendation: string
  result: 'positive' | 'negative' | null
  is_critical: boolean
  quality_grade: string
  quality_reason: string
}
/* As it is sent: what is not given is empty. */
export type ReportInput = { [Name in keyof ReportBody]?: ReportBody[Name] | null }
/* POST /api/v1/reports/{report}/follow {"kind","reason"} -> Followed; POST /api/v1/reports/{report}/recalled {} */
export type VersionKind = 'original' | 'correction' | 'supplement' | 'void'
export interface Followed { task_id: string; report_id: string }
/* GET /api/v1/tasks/{task}/report -> {"report": Report|null}. PUT /api/v1/tasks/{task}/draft {"lease_token","revision","body"} -> {"report_id","revision"}:
 * after a lost answer send the very same save again before anything newer; it answers the revision that is there. */
export interface Report {
  id: string
  version: number
  kind: VersionKind
  reason: string | null
  versions: { id: string; version: number; kind: VersionKind; state: ReportState; reason: string | null; issued_at: string }[] | null /* that were issued */
  state: ReportState
  revision: number
  body: ReportBody
  author: string | null
  reviewer: string | null
  submitted_at: string | null
  issued_at: string | null
  signatures: { role: string; person: string; signed_at: string }[]
  remarks: { revision: number; remark: string; by: string; at: string; body: ReportBody | null }[] /* body: as it was submitted then */
}
/* GET /api/v1/tasks/{task}/revisions -> {"revisions": Revision[]} newest first; GET /api/v1/tasks/{task}/revisions/{revision} -> {"body"} */
export interface Revision { revision: number; saved_at: string; person: string; is_submission: boolean }

/* Of the report under the desk; frame counts from 1. */
export interface KeyImage {
  series: string
  instance: string
  frame: number
  frames: number
  series_number: number | null
  number: number | null
}

/* GET /api/v1/viewer/{study}, by Study Instance UID; POST /api/v1/viewer/{study}/key-images {"instance","frame","is_key"} answers the same */
export interface ViewerStudy {
  study: string
  task: string | null /* that one holds */
  is_writing: boolean /* its report: who may mark key images */
  key_images: KeyImage[]
}

/* GET /api/v1/studies/{study}/priors -> {"priors": Prior[]}: of the same patient, the newest first */
export interface Prior {
  study: { id: string; study_instance_uid: string; modality: string; body_part: string; description: string; examined_at: string; first_image: string; instances: number }
  site: Named
  report: { id: string; issued_at: string; version: number; body: ReportBody; pdf: string } | null
}

/* POST /api/v1/tasks/{task}/check {"body"} -> {"findings": CheckFinding[]} */
export interface CheckFinding {
  code: 'side_conflict' | 'side_differs_from_request' | 'sex_conflict' | 'part_not_mentioned' | 'part_differs_from_request' | 'positive_without_flag'
    | 'negative_with_positive_flag' | 'critical_without_flag' | 'method_empty' | 'findings_empty' | 'impression_empty' | 'result_unstated' | 'quality_unstated'
    | 'quality_reason_empty' | 'study_incomplete' | 'views_missing'
  severity: 'error' | 'warning' /* error: the submission will be refused */
  field: keyof ReportBody | null
  words: string[] /* what in the text it is about, as written */
}

/* GET /api/v1/report-templates?modality=&body_part=&sex=&patient_class= (body_part may be a description, too) -> {"templates": ReportTemplate[]} best first */
export interface ReportTemplate {
  id: string
  name: string
  modality: string
  body_part: string
  result: 'positive' | 'negative' | null /* what its text says */
  body: Pick<ReportBody, 'method' | 'findings' | 'impression' | 'recommendation'>
}
/* GET|POST /api/v1/phrases, PUT|DELETE /api/v1/phrases/{phrase}: own only */
export interface Phrase { id: string; shortcut: string; text: string; modality: string; field: '' | 'method' | 'findings' | 'impression' | 'recommendation' }
export interface PhraseInput { shortcut: string; text: string; modality?: string | null; field?: Phrase['field'] | null }

/* GET /api/v1/tasks/{task}/colleagues -> {"colleagues": Colleague[]} who could hold it */
export interface Colleague { id: string; name: string; title: string; may_write: boolean; may_review: boolean; tasks: number }

/* POST /api/v1/tasks/{task}/questions {"lease_token","question"} -> Question; POST /api/v1/questions/{question}/answer {"answer"} -> Question */

/* GET /api/v1/commitments?state=&after=&limit= -> {"commitments": Commitment[], "next"}; GET /api/v1/performed-steps -> {"performed_steps", "next"} */
export type CommitmentState = 'waiting' | 'judged' | 'reporting' | 'reported' | 'dead'
export interface Commitment {
  id: string; site: Named; device: string; state: CommitmentState; is_duplicate: boolean; held: number; instances: number; tries: number
  requested_at: string; judged_at: string | null; reported_at: string | null; next_try_at: string | null; deadline_at: string
  last_error: string | null; transaction_uid: string
}
export type StepState = 'in_progress' | 'completed' | 'discontinued'
export interface PerformedStep {
  id: string; site: Named; device: string; state: StepState; modality: string; series: number; named: number; here: number
  created_at: string; ended_at: string | null; study_id: string | null
}

/* ---- 驾驶舱 ---------------------------------------------------------------------------------------------------------- */

export interface Ratio { numerator: number; denominator: number; value: number | null } /* value null where the denominator is 0 */

/* GET /api/v1/coverage?from=&to=&basis= (lib/domain/coverage.h) */
export type Basis = 'connected' | 'served' | 'regular'
export interface Coverage {
  figure: string
  definition_version: number
  period: { from: string; to: string }
  basis: Basis
  regular_reports_a_month: number
  reading_modes: string[] /* that count as served */
  region: { communities: number; with_target: number; reached: number; worst: { id: string; name: string; rate: number } | null }
  communities: {
    id: string; name: string; site_type: string; sites: number; without_equipment: number; connected: number; served: number; regular: number
    rate: Record<Basis, number | null>; headline_rate: number | null
    targets: { site_type: string; value: number; deadline: string; source: string; rate: number | null; standing: 'reached' | 'on_track' | 'late' }[]
    site_list: {
      id: string; code: string; name: string; grid: string; licensed_type: string; has_equipment: boolean; counts: boolean; echoes: number; images: number; reports: number
      is_connected: boolean; is_served: boolean; is_regular: boolean
    }[]
  }[]
}

/* GET /api/v1/figures?community=&from=&to=&mode=central,local_draft,local */
export interface Figures {
  period: { from: string; to: string }
  communities: Named[] /* that the caller may choose among */
  community: Named | null
  modes: string[]
  coverage_trend: { month: string; connected: Ratio; served: Ratio; regular: Ratio }[] /* at most 13 months up to the period's end, the oldest first */
  volume: { day: string; studies: number; reports: number }[]
  studies: number
  reports: number
  in_time: { centre: Ratio; site: Ratio }
  turnaround: { leg: 'arrival' | 'waiting' | 'writing' | 'review' | 'return' | 'centre' | 'site'; count: number; median_s: number | null; p90_s: number | null }[]
  turnaround_by_class: { patient_class: PatientClass; modality: string; limit_minutes: number | null; is_working_time: boolean; count: number; in_time: Ratio; median_s: number | null; p90_s: number | null }[]
  funnel: { stage: 'enrolled_sites' | 'connected_sites' | 'studies' | 'complete' | 'read' | 'issued' | 'returned' | 'opened'; count: number }[]
  heat: { isodow: number; hour: number; studies: number }[] /* all 168 */
  rates: { figure: string; ratio: Ratio }[] /* positive_rate, grade_a_rate, retake_rate, request_return_rate, double_signature_rate, review_change_rate, critical_in_time, critical_closed, diagnosis_by_lead_rate */
  workload: { person: Named; site: Named; written: number; reviewed: number; median_writing_s: number | null }[]
  sites: SiteFigures[]
  open_critical_values: number
}
export interface SiteFigures {
  site: { id: string; code: string; name: string; grid: string }
  counts: boolean
  has_equipment: boolean
  studies: number
  reports: number
  in_time: Ratio
  positive: Ratio
  grade_a: Ratio
  daily: number[] /* studies of each day of the last 30 of the period: the sparkline */
  last_seen_at: string | null
  wrong: { code: 'never_connected' | 'silent' | 'device_error' | 'charset' | 'delivery_dead' | 'incomplete' | 'clock'; detail: string }[]
}
/* GET /api/v1/figure-definitions -> {"definitions": FigureDefinition[]} */
export interface FigureDefinition { figure: string; version: number; name_zh: string; name_en: string; numerator: string; denominator: string; numerator_en: string; denominator_en: string; dimensions: string[] }
/* GET /api/v1/figures/{figure}/rows?community=&from=&to=&site=&after=&limit= : what was counted, without names of patients */
export interface FigureRows { columns: string[]; rows: (string | number | boolean | null)[][]; next: string | null }
/* GET /api/v1/figures/export?table=sites|workload|turnaround|coverage|rows&figure=&community=&from=&to=&language=zh-CN|en -> .xlsx */

/* ---- 运维 ------------------------------------------------------------------------------------------------------------ */

export type RoomState = 'fine' | 'low' | 'full'
export interface RoomArea { state: RoomState; total_bytes: number; free_bytes: number; warn_bytes: number; reserve_bytes: number }
export interface Host {
  id: string
  name: string
  home: string
  state: 'reporting' | 'silent' | 'stranded' | 'stopped'
  reported_at: string
  slots: number
  waiting_objects: number
  waiting_bytes: number
  waiting_peak: number
  unplaced_objects: number
  unplaced_bytes: number
  oldest_at: string | null
  quarantined_objects: number
  store_state: RoomState
  store_free_bytes: number
  journal_state: RoomState
  journal_free_bytes: number
}
/* GET /api/v1/operations */
export interface Operations {
  at: string
  programs: { program: string; host: string; pid: number; version: string; started_at: string; seen_at: string; ended_at: string | null; is_running: boolean; detail: Record<string, unknown> }[]
  ledger: { version: number; server: string; size_bytes: number }
  store: { host: string; path: string; total_bytes: number; free_bytes: number; reserve_bytes: number; is_refusing: boolean; days_left: number | null; objects: number; object_bytes: number }
  room: { state: RoomState; is_shared: boolean; store: RoomArea; journal: RoomArea }
  hosts: Host[]
  journal: { objects: number; bytes: number; oldest_s: number; unplaced_objects: number; unplaced_bytes: number }
  waiting: Record<string, number> /* signals, studies_receiving, ..., as yqctl status */
  tasks: { state: TaskState; number: number }[]
  deliveries: { state: DeliveryState; number: number }[]
  certificates: { kind: 'person' | 'device' | 'receiver'; person: string; subject: string; not_after: string; days_left: number }[]
}
export type Protocol = 'dicom' | 'stow' | 'hl7' | 'fhir' | 'webhook' | 'link'
/* GET /api/v1/destinations -> {"destinations": Destination[], "sites": Named[]}; POST .../{destination}/hold {"reason"} | release {} | retry {} (-> {"requeued": n}) | test {} (-> {"steps": TestAnswer[]}) */
export interface Destination {
  id: string
  name: string
  site: Named
  protocol: Protocol
  ae_title: string
  host: string
  port: number
  url: string
  tls: 'off' | 'server' | 'mutual'
  is_enabled: boolean
  held_at: string | null
  held_reason: string
  waiting: number
  waiting_by_rank: [number, number, number, number]
  under_way: number
  refused: number /* by the peer, waiting for a person */
  dead: number /* given up, waiting for a person */
  oldest_at: string | null
  next_try_at: string | null
  rate_per_hour: number
  delivered_today: number
  last_success_at: string | null
  last_error: string
  last_error_at: string | null
  failures: number /* in a row, of the way there */
  resting_until: string | null
  slow_start: number | null
  send_windows: string
  clock: string /* HH:MM of the installation, to compare the windows with */
}
export interface TestAnswer { name: string; is_ok: boolean; elapsed_ms: number; text: string }
export interface CertificateFacts { subject: string; not_after: string; days_left: number }
export type SecretName = 'user' | 'password' | 'token' | 'signing_key' | 'private_key_pem'
/* GET /api/v1/destinations/{destination}; POST /api/v1/destinations and PATCH take the same members, and "secret" */
export interface DestinationWhole extends Destination {
  may: boolean
  calling_ae: string
  trust_pem: string
  certificate_pem: string
  trusted: CertificateFacts[]
  certificates: CertificateFacts[]
  secrets: SecretName[] /* what is set */
  connect_timeout_ms: number | null
  answer_timeout_ms: number | null
  deliveries_max: number | null
  connections_max: number | null
  rate_kbit: number | null
  backoff_min_ms: number | null
  backoff_max_ms: number | null
  deadline_ms: number | null
  charset: 'utf-8' | 'gb18030'
  compression: 'as_stored' | 'lossless'
  proof: 'auto' | 'commitment' | 'query' | 'answers'
  notes: string
  webhook_events: string[]
  wants_reports: boolean
  wants_images: boolean
  created_at: string
  updated_at: string
  updated_by: string
}
/* What is not given stays, or is the installation's. */
export type DestinationInput = { [Name in 'name' | 'ae_title' | 'calling_ae' | 'host' | 'port' | 'url' | 'tls' | 'trust_pem' | 'certificate_pem' | 'connect_timeout_ms' | 'answer_timeout_ms'
  | 'deliveries_max' | 'connections_max' | 'rate_kbit' | 'send_windows' | 'backoff_min_ms' | 'backoff_max_ms' | 'deadline_ms' | 'charset' | 'compression' | 'proof' | 'notes'
  | 'webhook_events' | 'wants_reports' | 'wants_images' | 'is_enabled']?: DestinationWhole[Name] | null } & { secret?: Partial<Record<SecretName, string | null>> }
/* GET /api/v1/deliveries?state=&destination=&study=&site=&older=&after=&limit=; POST /api/v1/deliveries/{delivery}/retry {} | cancel {}; /deliveries/retry | cancel {"ids"} -> {"done", "left": [{"id","detail"}]} */
export interface Delivery {
  id: string; purpose: string; state: DeliveryState; rank: number; site: Named
  destination: { id: string; name: string; ae_title: string; protocol: Protocol; is_held: boolean }
  report_id: string | null; study_id: string | null; items: number; confirmed: number; attempts: number; next_try_at: string | null
  deadline_at: string; last_error: string; created_at: string; delivered_at: string | null; proof: 'commitment' | 'query' | 'answers' | null; proof_note: string
}
/* GET /api/v1/deliveries/{delivery} */
export interface DeliveryWhole extends Delivery {
  destination: Delivery['destination'] & { held_reason: string }
  study_instance_uid: string | null
  items_by_state: Partial<Record<ItemState, number>>
  tries: { number: number; started_at: string; ended_at: string | null; outcome: string | null; error: string }[] /* the last first */
  objects: { sop_instance_uid: string; modality: string; number: number | null; state: ItemState; dimse_status: number | null; comment: string; tried_at: string | null; confirmed_at: string | null }[]
}
export type ItemState = 'pending' | 'unknown' | 'confirmed' | 'refused'
/* GET /api/v1/identity-reviews?open=yes|no&after=&limit= -> {"reviews": IdentityReview[], "next"}; POST .../{review}/settle {"outcome","reason","confirmed"}, .../{review}/undo {"reason"} */
export interface IdentityReview {
  id: string; site: Named; reason: 'contradiction' | 'candidate' | 'reused_study_uid'; opened_at: string; settled_at: string | null; outcome: 'same' | 'different' | null
  contradictions: PatientField[]; agreements: PatientField[]; is_same_patient: boolean
  settled_by: string | null; settle_reason: string | null; can_undo: boolean
  claims: { id: string; patient: Patient; source: string; trust: number; claimed_at: string; study_id: string | null; study_instance_uid: string | null }[]
}
export type ConflictState = 'comparing' | 'open' | 'kept' | 'replaced' | 'separate'
export type QuarantineField =
  | 'site' | 'study_instance_uid' | 'series_instance_uid' | 'sop_instance_uid' | 'sop_class_uid' | 'patient_name' | 'patient_id' | 'patient_sex' | 'patient_birth_date' | 'accession_number'
/* GET /api/v1/conflicts?open=&after=&limit= -> {"conflicts"} ; GET /api/v1/quarantine?open=&after=&limit= -> {"quarantined"} */
export interface Conflict {
  id: string; site: Named; sop_instance_uid: string; kind: string; state: string; likeness: string | null; device: string | null; arrived_at: string; settled_at: string | null; outcome: string | null; size_bytes: number; study_id: string | null
}
export interface Quarantined {
  id: string; site: Named | null; device: string | null; code: string; reason: string; state: string; arrived_at: string; arrivals: number; size_bytes: number | null; sop_class_uid: string; revision: number; may: boolean
  settled_at: string | null; outcome: string | null
}
export interface DoubtStep { event: string; reason: string; outcome?: string | null; fields?: Record<string, string>; at: string; by: string | null }
/* GET /api/v1/conflicts/{conflict} */
export interface ConflictDetail {
  id: string; site: Named; sop_instance_uid: string; sop_class_uid: string; state: string; likeness: string | null; may: boolean; separate_instance: string | null
  study: { id: string; study_instance_uid: string; state: string; version: number; patient_name: string; patient_id: string } | null
  objects: { which: 'stored' | 'other'; size_bytes: number; transfer_syntax_uid: string; arrived_at: string; sha256: string; device: string | null }[]
  differences: { tag: string; name: string; stored: string | null; other: string | null; is_technical: boolean }[]; difference_count: number; unreadable?: string
  history: DoubtStep[]
}
/* GET /api/v1/quarantine/{object}; sites and new_uids only for who may act */
export interface QuarantinedDetail {
  id: string; site: Named | null; device: string | null; code: string; reason: string; state: string; arrived_at: string; arrivals: number; last_arrived_at: string; size_bytes: number | null; sop_class_uid: string; sop_instance_uid: string
  transfer_syntax_uid: string; may: boolean; corrections: Record<string, string>; revision: number; study_id: string | null; history: DoubtStep[]
  fields: { tag: string; name: string; value: string }[]; field_count?: number; unreadable?: string; sites?: Named[]; new_uids?: Record<string, string>
}
export interface RetryResult { outcome: 'stored' | 'duplicate' | 'conflict' | 'failed'; reason: string | null; study_id: string | null }
/* GET /api/v1/audit?from=&to=&actor=&action=&subject=&outcome=&after=&limit= */
export interface AuditEntry {
  id: string; at: string; program: string; action: string; actor_kind: string; actor: string; actor_name: string | null
  subject_kind: string | null; subject: string | null; site: Named | null; outcome: string; detail: unknown
}
export interface AuditPage { entries: AuditEntry[]; next: string | null }
