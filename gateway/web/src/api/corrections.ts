/* What the gateway answers about corrections, proposals and identity reviews (docs/api.md), as types. Conventions as in types.ts. */
import type { Named, Patient, ReportState, Sex, StudyState, TaskKind, TaskState, VersionKind } from './types'

export type CorrectionKind = 'match' | 'split' | 'merge' | 'move_images' | 'edit_patient'
export type PatientField = 'name' | 'sex' | 'birth_date' | 'patient_id' | 'document' | 'age'

export interface PatientInput { name?: string; sex?: Sex; birth_date?: string; patient_id?: string; document?: string; age_text?: string }

interface Images { series: string[]; instances: string[] }
/* POST /api/v1/studies/{study}/corrections/preview -> Preview; POST /api/v1/studies/{study}/corrections with reason, revision and confirmed -> Corrected */
export type CorrectionBody =
  | { kind: 'edit_patient'; patient: PatientInput }
  | ({ kind: 'split' } & Images & ({ request_id: string } | { patient: PatientInput }))
  | ({ kind: 'move_images'; target_study_id: string } & Images)
  | { kind: 'merge'; target_study_id: string }
export interface Corrected { id: string; study_id: string; new_study_id: string | null }

export interface PreviewStudy {
  id: string | null /* null: will be made */
  role: 'from' | 'to' | 'new' | 'self'
  display_name: string
  patient_id: string
  study_instance_uid: string
  instances_before: number
  instances_after: number
  state: StudyState
  state_after: StudyState
  request: string | null /* 检查号 */
  request_after: string | null
}
export interface Preview {
  kind: CorrectionKind | 'undo'
  undoes?: CorrectionKind
  revision: string
  fields: { name: PatientField; before: string; after: string }[]
  contradictions: PatientField[] /* each is to be confirmed */
  images: { series: number; instances: number; bytes: number }
  studies: PreviewStudy[]
  tasks: {
    id: string; study_id: string; kind: TaskKind; state: TaskState; holder: string | null; author: string | null; has_draft: boolean
    effect: 'confirm' | 'cancel'
  }[]
  reports: { id: string; study_id: string; version: number; issued_at: string; reviewer: string | null; effect: 'propose' }[]
  deliveries: { open: number; delivered: number }
}

/* GET /api/v1/studies/{study}/corrections -> {"corrections": Correction[]}; POST /api/v1/corrections/{correction}/undo/preview and /undo {"reason","revision"} */
export interface Blocker { id: string | null; kind: CorrectionKind | 'report'; made_by: string | null; made_at: string }
export interface CorrectionSide {
  patient?: Partial<Record<PatientField, string>>
  studies?: { id: string; instances: number }[]
  series?: number
  instances?: number
  request?: string
  accession_number?: string
}
export interface Correction {
  id: string
  kind: CorrectionKind
  is_undo: boolean
  undoes_id: string | null
  undone_by_id: string | null
  site: Named
  study_id: string
  studies: { id: string; role: PreviewStudy['role']; display_name: string; state: StudyState }[]
  reason: string
  made_by: string | null
  is_operator: boolean
  made_at: string
  before: CorrectionSide
  after: CorrectionSide
  can_undo: boolean
  blocked_by: Blocker[]
}

/* What a 409 of these calls tells beside its reason. */
export interface StaleChange { what: 'correction' | 'images' | 'report' | 'match'; kind: CorrectionKind | null; by: string | null; at: string }
export interface Refusal {
  code?: 'stale' | 'unconfirmed' | 'blocked' | 'settled'
  revision?: string
  changes?: StaleChange[]
  contradictions?: PatientField[]
  blocked_by?: Blocker[]
  settled_by?: string | null
  settled_at?: string
  outcome?: 'same' | 'different'
}

/* Member `corrected` of GET /api/v1/tasks/{task}: since the task was first taken. The submission gives the patient_revision that the doctor saw. */
export interface TaskCorrections { patient_revision: number; corrected_at: string | null; corrections: Correction[] }

/* GET /api/v1/report-proposals?open=yes|no&after=&limit= -> {"proposals": Proposal[], "next"}; POST .../{proposal}/settle {"outcome","reason"} */
export interface Proposal {
  id: string
  state: 'open' | 'no_influence' | 'corrected' | 'withdrawn'
  report_id: string
  report_version: number
  task_id: string
  study_id: string
  site: Named
  patient: Patient
  modality: string
  body_part: string
  issued_at: string
  signer: string | null
  is_mine: boolean
  may_settle: boolean
  correction: Correction
  opened_at: string
  settled_at: string | null
  settled_by: string | null
  reason: string | null
  follow: { kind: VersionKind; version: number; state: ReportState; task_id: string; task_state: TaskState } | null /* the version that answers it */
}
