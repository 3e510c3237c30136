/*
 * What the routes of the JSON API take and answer, in the types that the browser application uses (gateway/web/src/api). docs/openapi/generate makes
 * docs/openapi.json of it, of gateway/routes.c and of docs/api.md; tests/e2e/test_openapi.py holds real answers against it.
 *
 * docs/openapi/generate wants a row of every route that answers JSON, and of every one that takes a body. What a program sends without need is not
 * looked at; a member that may be left out may be null as well.
 */
import type { Corrected, Correction, CorrectionBody, PatientField, Preview as CorrectionPreview, Proposal } from '../../gateway/web/src/api/corrections'
import type { Agreement, CalendarDay, Choices, Duty, Outcome, Preview as ReroutePreview, Rule, RuleChanged, RuleDocument, RuleVersion, WaitingStudy } from '../../gateway/web/src/api/rules'
import type * as api from '../../gateway/web/src/api/types'

export interface Done { ok: true }
interface Made extends Done { id: string }
/* Nothing is wanted; it may be left out, where the gateway looks at no body at all. */
type Nothing = Empty | undefined
type Empty = Record<string, never>
type Text = string | null
interface Reason { reason: string }
interface LoggedIn { person: { id: string; account: string; name: string; roles: api.Role[] }; csrf_token: string }
/* With what papers and programs want of it; a text that is not issued is shown to who works on it alone. */
type ReportShown = Omit<api.Report, 'body' | 'remarks' | 'signatures'> & {
  body: api.ReportInput | null
  remarks: { revision: number; remark: string; by: string; at: string; body: api.ReportInput | null }[] | null
  signatures: { role: string; person: string; signed_at: string; algorithm: string }[]
  artefacts: { kind: string; sha256: string; size_bytes: number; sop_instance_uid: string | null }[]
  study_version: number; content: Record<string, unknown> | null; content_sha256: string | null; verification_code: string | null
  written_at: string | null; settled_at: string | null; sr_sop_instance_uid: string | null; pdf_sop_instance_uid: string | null
}
interface Many { done: number; left: { id: string; detail: string }[] }

export interface Answers {
  'GET /healthz': { status: string; version: string }
  'POST /api/v1/login': LoggedIn
  'POST /api/v1/logout': Done
  'GET /api/v1/me': api.Me
  'POST /api/v1/password': Done
  'GET /api/v1/workstations': { workstations: api.Workstation[] }
  'POST /api/v1/workstations': { id: string; token: string }
  'DELETE /api/v1/workstations/{workstation}': Done
  'GET /api/v1/studies': api.StudyPage
  'GET /api/v1/studies/{study}': api.Study
  'GET /api/v1/studies/{study}/priors': { priors: api.Prior[] }
  'GET /api/v1/studies/{study}/match-candidates': { candidates: api.MatchCandidate[]; decision: api.MatchDecision | null }
  'GET /api/v1/studies/{study}/corrections': { corrections: Correction[] }
  'POST /api/v1/studies/{study}/corrections/preview': CorrectionPreview
  'POST /api/v1/studies/{study}/corrections': Corrected
  'POST /api/v1/studies/{study}/critical-values': api.CriticalValue
  'POST /api/v1/studies/{study}/reroute/preview': ReroutePreview
  'GET /api/v1/queue': api.QueuePage
  'POST /api/v1/queue/next': api.NextTask
  'GET /api/v1/tasks/{task}': api.TaskWork
  'GET /api/v1/tasks/{task}/colleagues': { colleagues: api.Colleague[] }
  'GET /api/v1/tasks/{task}/revisions': { revisions: api.Revision[] }
  'GET /api/v1/tasks/{task}/revisions/{revision}': { body: api.ReportBody }
  'GET /api/v1/tasks/{task}/report': { report: ReportShown | null }
  'POST /api/v1/tasks/{task}/check': { findings: api.CheckFinding[] }
  'POST /api/v1/tasks/{task}/take': api.Lease
  'POST /api/v1/tasks/{task}/review': api.Lease
  'POST /api/v1/tasks/{task}/resume': api.Lease
  'POST /api/v1/tasks/{task}/heartbeat': { lease_until: string }
  'POST /api/v1/tasks/{task}/questions': api.Question
  'GET /api/v1/report-templates': { templates: api.ReportTemplate[] }
  'GET /api/v1/phrases': { phrases: api.Phrase[] }
  'POST /api/v1/phrases': api.Phrase
  'PUT /api/v1/phrases/{phrase}': api.Phrase
  'DELETE /api/v1/phrases/{phrase}': Done
  'POST /api/v1/reports/{report}/follow': api.Followed
  'POST /api/v1/reports/{report}/printed': { printed: number }
  'GET /api/v1/requests': api.RequestPage
  'POST /api/v1/requests': api.Request
  'GET /api/v1/requests/{request}': api.Request
  'PUT /api/v1/requests/{request}': api.Request
  'POST /api/v1/requests/{request}/cancel': api.Request
  'GET /api/v1/items': { items: api.Item[] }
  'GET /api/v1/corrections': { corrections: Correction[]; next: string | null }
  'GET /api/v1/corrections/{correction}': Correction
  'POST /api/v1/corrections/{correction}/undo': Corrected
  'GET /api/v1/report-proposals': { proposals: Proposal[]; next: string | null }
  'GET /api/v1/devices': { devices: api.Device[] }
  'POST /api/v1/devices/{device}/test': api.DeviceTest
  'GET /api/v1/critical-values': { critical_values: api.CriticalValue[] }
  'POST /api/v1/critical-values/{value}/notify': api.CriticalValue
  'POST /api/v1/critical-values/{value}/read-back': api.CriticalValue
  'POST /api/v1/critical-values/{value}/handle': api.CriticalValue
  'POST /api/v1/critical-values/{value}/close': api.CriticalValue
  'GET /api/v1/deliveries': { deliveries: api.Delivery[]; next: string | null }
  'GET /api/v1/deliveries/{delivery}': api.DeliveryWhole
  'POST /api/v1/deliveries/retry': Many
  'POST /api/v1/deliveries/cancel': Many
  'GET /api/v1/operations': api.Operations
  'GET /api/v1/destinations': { destinations: api.Destination[]; sites: api.Named[] }
  'POST /api/v1/destinations': api.DestinationWhole
  'GET /api/v1/destinations/{destination}': api.DestinationWhole
  'PATCH /api/v1/destinations/{destination}': api.DestinationWhole
  'POST /api/v1/destinations/{destination}/retry': { requeued: number }
  'POST /api/v1/destinations/{destination}/test': { steps: api.TestAnswer[] }
  'GET /api/v1/rules': RuleDocument
  'POST /api/v1/rules': RuleChanged
  'PUT /api/v1/rules/{rule}': RuleChanged
  'POST /api/v1/rules/{rule}/move': RuleChanged
  'POST /api/v1/rules/{rule}/remove': RuleChanged
  'GET /api/v1/rule-versions': { versions: RuleVersion[] }
  'GET /api/v1/rule-choices': Choices
  'GET /api/v1/rule-waiting': { studies: WaitingStudy[] }
  'GET /api/v1/agreements': { agreements: Agreement[] }
  'GET /api/v1/duties': { duties: Duty[] }
  'GET /api/v1/identity-reviews': { reviews: api.IdentityReview[]; next: string | null }
  'GET /api/v1/conflicts': { conflicts: api.Conflict[]; next: string | null }
  'GET /api/v1/conflicts/{conflict}': api.ConflictDetail
  'GET /api/v1/quarantine': { quarantined: api.Quarantined[]; next: string | null }
  'GET /api/v1/quarantine/{object}': api.QuarantinedDetail
  'POST /api/v1/quarantine/{object}/retry': api.RetryResult
  'GET /api/v1/commitments': { commitments: api.Commitment[]; next: string | null }
  'GET /api/v1/performed-steps': { performed_steps: api.PerformedStep[]; next: string | null }
  'GET /api/v1/audit': api.AuditPage
  'GET /api/v1/coverage': api.Coverage
  'GET /api/v1/figures': api.Figures
  'GET /api/v1/figures/{figure}/rows': api.FigureRows
  'GET /api/v1/figure-definitions': { definitions: api.FigureDefinition[] }
  'GET /api/v1/openapi.json': { openapi: string; info: { title: string; version: string; description: string }; servers: { url: string }[]; paths: Record<string, unknown>; components: Record<string, unknown> }
  'GET /api/v1/viewer/{study}': api.ViewerStudy
  'POST /api/v1/viewer/{study}/key-images': api.ViewerStudy
  'PUT /api/v1/tasks/{task}/draft': { report_id: string; revision: number }
  'GET /api/v1/reports/{report}': { report: ReportShown | null }
  'POST /api/v1/questions/{question}/answer': api.Question
  'POST /api/v1/corrections/{correction}/undo/preview': CorrectionPreview
  'POST /api/v1/identity-reviews/{review}/settle': Done
  'POST /api/v1/identity-reviews/{review}/undo': Done
  'PUT /api/v1/rule-groups': RuleChanged
  'POST /api/v1/rule-groups/remove': RuleChanged
  'POST /api/v1/rule-test': Outcome
  'POST /api/v1/agreements': Made
  'POST /api/v1/agreements/{agreement}/end': Made
  'POST /api/v1/duties': Made
  'POST /api/v1/duties/{duty}/end': Made
  'GET /api/v1/calendar': { days: CalendarDay[] }
  'POST /api/v1/studies/{study}/reroute': Done
  'POST /api/v1/studies/{study}/release': Done
  'POST /api/v1/conflicts/{conflict}/decide': { state: api.ConflictState }
  'PUT /api/v1/quarantine/{object}/corrections': { revision: number }
  'POST /api/v1/quarantine/{object}/close': Done
  'POST /api/v1/quarantine/{object}/reopen': Done
  'POST /api/v1/studies/{study}/submit': Done
  'POST /api/v1/studies/{study}/complete': Done
  'POST /api/v1/tasks/{task}/release': Done
  'POST /api/v1/tasks/{task}/no-influence': Done
  'POST /api/v1/tasks/{task}/return': Done
  'POST /api/v1/tasks/{task}/answer': Done
  'POST /api/v1/tasks/{task}/assign': Done
  'POST /api/v1/tasks/{task}/hand-over': Done
  'POST /api/v1/tasks/{task}/cancel': Done
  'POST /api/v1/tasks/{task}/submit': Done
  'POST /api/v1/tasks/{task}/send-back': Done
  'POST /api/v1/tasks/{task}/sign': Done
  'POST /api/v1/reports/{report}/recalled': Done
  'POST /api/v1/studies/{study}/match': Done
  'POST /api/v1/studies/{study}/unmatch': Done
  'POST /api/v1/report-proposals/{proposal}/settle': Done
  'POST /api/v1/deliveries/{delivery}/retry': Done
  'POST /api/v1/deliveries/{delivery}/cancel': Done
  'DELETE /api/v1/destinations/{destination}': Done
  'POST /api/v1/destinations/{destination}/hold': Done
  'POST /api/v1/destinations/{destination}/release': Done
}

interface Claim { lease_token: string }
interface OnVersion { base_version: number }

export interface Bodies {
  'POST /api/v1/login': { account: string; password: string }
  'POST /api/v1/logout': Nothing
  'POST /api/v1/password': { old_password: string; new_password: string }
  'POST /api/v1/workstations': { workstation: string; uses: api.WorkstationUse[]; until: string; password: string }
  'DELETE /api/v1/workstations/{workstation}': Nothing
  'POST /api/v1/studies/{study}/submit': { patient_class?: api.PatientClass | null }
  'POST /api/v1/studies/{study}/complete': Reason
  'POST /api/v1/viewer/{study}/key-images': { instance: string; frame: number; is_key: boolean }
  'POST /api/v1/queue/next': { work: 'write' | 'review'; queue?: Text; patient_class?: api.PatientClass | null; modality?: Text }
  'POST /api/v1/tasks/{task}/check': { body: api.ReportInput }
  'POST /api/v1/phrases': api.PhraseInput
  'PUT /api/v1/phrases/{phrase}': api.PhraseInput
  'DELETE /api/v1/phrases/{phrase}': Nothing
  'POST /api/v1/tasks/{task}/take': Nothing
  'POST /api/v1/tasks/{task}/review': Nothing
  'POST /api/v1/tasks/{task}/resume': Nothing
  'POST /api/v1/tasks/{task}/heartbeat': Claim
  'POST /api/v1/tasks/{task}/release': Claim
  'POST /api/v1/tasks/{task}/no-influence': Claim & Reason
  'POST /api/v1/tasks/{task}/return': { kind: 'request' | 'retake'; lease_token?: Text } & Reason
  'POST /api/v1/tasks/{task}/answer': { answer: string }
  'POST /api/v1/tasks/{task}/assign': { to: string; reason?: Text }
  'POST /api/v1/tasks/{task}/hand-over': { to: string; reason?: Text; lease_token?: Text }
  'POST /api/v1/tasks/{task}/cancel': Reason
  'PUT /api/v1/tasks/{task}/draft': { revision: number; body: api.ReportInput } & Claim
  'POST /api/v1/tasks/{task}/submit': { revision: number; study_version: number; patient_revision?: number; password: string } & Claim
  'POST /api/v1/tasks/{task}/send-back': { remark: string } & Claim
  'POST /api/v1/tasks/{task}/sign': { password: string } & Claim
  'POST /api/v1/reports/{report}/printed': Empty
  'POST /api/v1/reports/{report}/follow': { kind: 'correction' | 'supplement' } & Reason
  'POST /api/v1/reports/{report}/recalled': Empty
  'POST /api/v1/requests': api.RequestInput
  'PUT /api/v1/requests/{request}': api.RequestInput
  'POST /api/v1/requests/{request}/cancel': Empty
  'POST /api/v1/studies/{study}/match': { request_id: string; reason?: Text }
  'POST /api/v1/studies/{study}/unmatch': Reason
  'POST /api/v1/studies/{study}/corrections/preview': CorrectionBody
  'POST /api/v1/studies/{study}/corrections': CorrectionBody & { revision: string; confirmed?: PatientField[] | null } & Reason
  'POST /api/v1/corrections/{correction}/undo/preview': Nothing
  'POST /api/v1/corrections/{correction}/undo': { revision: string } & Reason
  'POST /api/v1/identity-reviews/{review}/settle': { outcome: 'same' | 'different'; confirmed?: PatientField[] | null } & Reason
  'POST /api/v1/identity-reviews/{review}/undo': Reason
  'POST /api/v1/report-proposals/{proposal}/settle': { outcome: 'no_influence' } & Reason
  'POST /api/v1/devices/{device}/test': Empty
  'POST /api/v1/studies/{study}/critical-values': { item: string }
  'POST /api/v1/critical-values/{value}/notify': { contact: string; is_physician: boolean }
  'POST /api/v1/critical-values/{value}/read-back': { read_back: string; physician_name: string }
  'POST /api/v1/critical-values/{value}/handle': { handling: string }
  'POST /api/v1/critical-values/{value}/close': Empty
  'POST /api/v1/tasks/{task}/questions': { question: string } & Claim
  'POST /api/v1/questions/{question}/answer': { answer: string }
  'POST /api/v1/deliveries/retry': { ids: string[] }
  'POST /api/v1/deliveries/cancel': { ids: string[] }
  'POST /api/v1/deliveries/{delivery}/retry': Nothing
  'POST /api/v1/deliveries/{delivery}/cancel': Nothing
  'POST /api/v1/destinations': api.DestinationInput & { site: string; protocol: api.Protocol }
  'PATCH /api/v1/destinations/{destination}': api.DestinationInput & { updated_at: string }
  'DELETE /api/v1/destinations/{destination}': Nothing
  'POST /api/v1/destinations/{destination}/hold': Reason
  'POST /api/v1/destinations/{destination}/release': Nothing
  'POST /api/v1/destinations/{destination}/retry': Nothing
  'POST /api/v1/destinations/{destination}/test': Nothing
  'POST /api/v1/rules': { rule: Partial<Omit<Rule, 'id'>>; group?: Text; before?: Text } & OnVersion
  'PUT /api/v1/rules/{rule}': { rule: Partial<Omit<Rule, 'id'>> } & OnVersion
  'POST /api/v1/rules/{rule}/move': { group?: Text; before?: Text } & OnVersion
  'POST /api/v1/rules/{rule}/remove': OnVersion
  'PUT /api/v1/rule-groups': { name: string; new_name?: Text; mode?: 'first' | 'all' | null; before?: Text } & OnVersion
  'POST /api/v1/rule-groups/remove': { name: string } & OnVersion
  'POST /api/v1/rule-test': { study?: Text; facts?: Record<string, unknown>; at?: Text; version?: number }
  'POST /api/v1/agreements': { hospital_id: string; scope_id: string; from_day: string; until_day?: Text; note?: Text }
  'POST /api/v1/agreements/{agreement}/end': { last_day: string }
  'POST /api/v1/duties': { queue_id: string; by_queue_id: string; weekdays?: Text; day_kind?: Text; hours?: Text; from_day?: Text; until_day?: Text; note?: Text }
  'POST /api/v1/duties/{duty}/end': Nothing
  'POST /api/v1/studies/{study}/reroute/preview': Nothing
  'POST /api/v1/studies/{study}/reroute': Reason
  'POST /api/v1/studies/{study}/release': Reason
  'POST /api/v1/conflicts/{conflict}/decide': { decision: 'keep' | 'replace' | 'separate' | 'undo' } & Reason
  'PUT /api/v1/quarantine/{object}/corrections': { revision: number; fields: Partial<Record<api.QuarantineField, string>> } & Reason
  'POST /api/v1/quarantine/{object}/retry': Nothing
  'POST /api/v1/quarantine/{object}/close': Reason
  'POST /api/v1/quarantine/{object}/reopen': Reason
}
