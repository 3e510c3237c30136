/*
 * What the routes of the JSON API take and answer, in the types that the browser application uses (gateway/web/src/api). docs/openapi/generate makes
 * docs/openapi.json of it, of gateway/routes.c and of docs/api.md; tests/e2e/test_openapi.py holds real answers against it.
 *
 * A route that is not here answers what docs/api.md says, without a schema. A body that is not here has the members that docs/api.md names.
 */
import type { Corrected, Correction, CorrectionBody, Preview as CorrectionPreview, Proposal } from '../../gateway/web/src/api/corrections'
import type { Agreement, Choices, Duty, Preview as ReroutePreview, RuleChanged, RuleDocument, RuleVersion, WaitingStudy } from '../../gateway/web/src/api/rules'
import type * as api from '../../gateway/web/src/api/types'

export interface Done { ok: true }
/* An object, whose members are not looked at. */
type Nothing = Record<string, unknown>
interface LoggedIn { person: { id: string; account: string; name: string; roles: api.Role[] }; csrf_token: string }
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
  'GET /api/v1/tasks/{task}/report': { report: api.Report | null }
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

export interface Bodies {
  'POST /api/v1/login': { account: string; password: string }
  'POST /api/v1/password': { old_password: string; new_password: string }
  'POST /api/v1/workstations': { workstation: string; uses: api.WorkstationUse[]; until: string; password: string }
  'POST /api/v1/requests': api.RequestInput
  'PUT /api/v1/requests/{request}': api.RequestInput
  'POST /api/v1/studies/{study}/corrections/preview': CorrectionBody
  'POST /api/v1/deliveries/retry': { ids: string[] }
  'POST /api/v1/deliveries/cancel': { ids: string[] }
  'POST /api/v1/destinations/{destination}/retry': Nothing
  'POST /api/v1/destinations/{destination}/test': Nothing
  'POST /api/v1/studies/{study}/reroute/preview': Nothing
  'POST /api/v1/rule-test': { study?: string; facts?: Record<string, unknown>; at?: string; version?: number }
}
