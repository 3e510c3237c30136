/* What is typed at registration: how it is read, what is wrong with it in words (keys of township.problem), what the reader will miss. */
import type { PatientClass, Request, RequestInput, Sex } from '@/api/types'

export interface Draft {
  site_id: string
  name: string
  sex: Sex
  birth: string /* 1980-11-22, 19801122 or empty */
  age: string
  age_unit: 'Y' | 'M' | 'D'
  patient_id: string
  document: string
  phone: string
  patient_class: PatientClass
  is_urgent: boolean
  visit_number: string
  department: string
  doctor: string
  item_code_id: string
  item_name: string
  modality: string
  body_part: string
  laterality: '' | 'left' | 'right' | 'both' | 'none'
  purpose: string
  history: string
  clinical_diagnosis: string
  request_number: string
  pregnancy: string
  allergy: string
  renal_function: string
  operations: string
  specimen: string
}

export const emptyDraft = (site: string): Draft => ({
  site_id: site, name: '', sex: '', birth: '', age: '', age_unit: 'Y', patient_id: '', document: '', phone: '', patient_class: 'outpatient', is_urgent: false,
  visit_number: '', department: '', doctor: '', item_code_id: '', item_name: '', modality: '', body_part: '', laterality: '', purpose: '', history: '',
  clinical_diagnosis: '', request_number: '', pregnancy: '', allergy: '', renal_function: '', operations: '', specimen: '',
})

export function draftOf(request: Request): Draft {
  const age = /^0*(\d{1,3})([YMD])$/.exec(request.age_text)
  const { details } = request
  return {
    ...emptyDraft(request.site.id),
    name: request.patient.display_name, sex: request.patient.sex, birth: readDay(request.patient.birth_date) ?? '',
    age: readDay(request.patient.birth_date) === null ? (age?.[1] ?? '') : '', age_unit: (age?.[2] as Draft['age_unit'] | undefined) ?? 'Y',
    patient_id: request.patient.id, phone: request.phone, patient_class: request.patient_class, is_urgent: request.is_urgent,
    visit_number: request.visit_number, department: request.department, doctor: request.doctor, item_code_id: request.item_code_id ?? '',
    item_name: request.item_name, modality: request.modality, body_part: request.body_part, laterality: request.laterality as Draft['laterality'],
    purpose: request.purpose, history: request.history, clinical_diagnosis: request.clinical_diagnosis, request_number: request.request_number,
    pregnancy: details.pregnancy ?? '', allergy: details.allergy ?? '', renal_function: details.renal_function ?? '', operations: details.operations ?? '', specimen: details.specimen ?? '',
  }
}

/* "1980-11-22" of what was typed: 1980-11-22, 1980/11/22, 1980.11.22, 19801122. Null: no day of the calendar. */
export function readDay(text: string): string | null {
  const match = /^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?$/u.exec(text.trim())
  if (match === null) return null
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const date = new Date(Date.UTC(year, month - 1, day))
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  return date.toISOString().slice(0, 10)
}

/* ---- national identity number (GB 11643-1999) ------------------------------------------------------------------------ */

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const CHECKS = '10X98765432'

export interface IdentityNumber { birth: string; sex: 'M' | 'F' }
export type NumberProblem = 'document_length' | 'document_signs' | 'document_birth' | 'document_check'

export function readIdentityNumber(text: string): IdentityNumber | NumberProblem {
  const number = text.trim().toUpperCase()
  if (number.length !== 18) return 'document_length'
  if (!/^\d{17}[\dX]$/.test(number)) return 'document_signs'
  const birth = readDay(number.slice(6, 14))
  if (birth === null) return 'document_birth'
  const sum = WEIGHTS.reduce((all, weight, index) => all + weight * Number(number[index]), 0)
  if (CHECKS[sum % 11] !== number[17]) return 'document_check'
  return { birth, sex: Number(number[16]) % 2 === 1 ? 'M' : 'F' }
}

/* ---- the form ---------------------------------------------------------------------------------------------------------- */

const OLDEST: Record<Draft['age_unit'], number> = { Y: 150, M: 60, D: 200 }

/* Field and key of what must be put right before it can be saved. `day`: today in the installation's zone. */
export function problemsOf(draft: Draft, day: string): Partial<Record<keyof Draft, string>> {
  const found: Partial<Record<keyof Draft, string>> = {}
  if (draft.site_id === '') found.site_id = 'site_empty'
  if (draft.name.trim() === '') found.name = 'name_empty'
  if (draft.sex === '') found.sex = 'sex_empty'
  const birth = draft.birth.trim() === '' ? '' : readDay(draft.birth)
  if (birth === null) found.birth = 'birth_unreadable'
  else if (birth > day) found.birth = 'birth_later'
  else if (birth === '' && draft.age.trim() === '' && draft.document.trim() === '') found.birth = 'birth_or_age'
  if (birth === '' && draft.age.trim() !== '' && (!/^\d{1,3}$/.test(draft.age.trim()) || Number(draft.age) > OLDEST[draft.age_unit])) found.age = 'age_unreadable'
  if (draft.document.trim() !== '') {
    const number = readIdentityNumber(draft.document)
    if (typeof number === 'string') found.document = number
    else if (draft.sex !== '' && draft.sex !== 'O' && draft.sex !== number.sex) found.document = 'document_sex'
    else if (birth !== '' && birth !== null && birth !== number.birth) found.document = 'document_other_birth'
  }
  if (draft.item_code_id === '') {
    if (draft.item_name.trim() === '' && draft.modality === '' && draft.body_part.trim() === '') found.item_name = 'item_empty'
    else {
      if (draft.modality === '') found.modality = 'modality_empty'
      if (draft.body_part.trim() === '') found.body_part = 'body_part_empty'
    }
  }
  return found
}

const SIDED = /SHOULDER|CLAVICLE|SCAPULA|HUMERUS|ARM|ELBOW|FOREARM|RADIUS|ULNA|WRIST|HAND|FINGER|HIP|FEMUR|THIGH|KNEE|LEG|TIBIA|FIBULA|ANKLE|FOOT|TOE|CALCANEUS|EXTREMITY|肩|锁骨|肱骨|肘|前臂|腕|手|指|髋|股骨|大腿|膝|小腿|踝|足|趾|跟骨/u

/* What the reader will miss: an amber hint, no obstacle. As the gateway says it of what is registered (member `missing`). */
export function missingOf(draft: Draft): (keyof Draft)[] {
  const missing: (keyof Draft)[] = []
  if (draft.patient_class !== 'health_check')
    for (const name of ['history', 'clinical_diagnosis', 'department', 'doctor'] as const) if (draft[name].trim() === '') missing.push(name)
  if (draft.item_name.trim() === '') missing.push('item_name')
  if (draft.laterality === '' && SIDED.test(`${draft.body_part} ${draft.item_name}`.toUpperCase())) missing.push('laterality')
  return missing
}

/* What goes to the gateway: trimmed, nothing that is empty. */
export function inputOf(draft: Draft): RequestInput {
  const details = Object.fromEntries(
    (['pregnancy', 'allergy', 'renal_function', 'operations', 'specimen'] as const).map((name) => [name, draft[name].trim()]).filter(([, text]) => text !== ''),
  )
  const number = readIdentityNumber(draft.document)
  const isUndated = draft.birth.trim() === '' && draft.age.trim() === ''
  const birth = isUndated && typeof number !== 'string' ? number.birth : readDay(draft.birth)
  const texts = Object.fromEntries(
    (['patient_id', 'phone', 'visit_number', 'department', 'doctor', 'item_name', 'modality', 'body_part', 'laterality', 'purpose', 'history',
      'clinical_diagnosis', 'request_number', 'item_code_id', 'site_id'] as const)
      .map((name) => [name, draft[name].trim()])
      .filter(([, text]) => text !== ''),
  )
  const input: RequestInput = { ...texts, name: draft.name.trim(), sex: draft.sex, patient_class: draft.patient_class }
  if (draft.is_urgent) input.is_urgent = true
  if (draft.document.trim() !== '') input.document = draft.document.trim().toUpperCase()
  if (birth !== null) input.birth_date = birth
  else if (draft.age.trim() !== '') input.age_text = `${Number(draft.age)}${draft.age_unit}`
  if (Object.keys(details).length > 0) input.details = details
  return input
}
