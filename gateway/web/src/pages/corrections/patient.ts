/* Patient data as a form, and what of it goes to the gateway; single members as they are read. */
import type { PatientField, PatientInput } from '@/api/corrections'
import type { Patient } from '@/api/types'
import { translate } from '@/i18n'
import { emptyDraft, problemsOf, readDay, type Draft } from '@/pages/township/registration'
import { maskName } from '@/state/mask'
import { preferences } from '@/state/preferences'
import { ageWord, sexWord } from '@/state/words'

export type PatientDraft = Pick<Draft, 'name' | 'sex' | 'birth' | 'age' | 'age_unit' | 'patient_id' | 'document'>
export type PatientProblems = Partial<Record<keyof PatientDraft, string>>

export function patientDraft(patient: Patient | null): PatientDraft {
  const { name, sex, birth, age, age_unit, patient_id, document } = emptyDraft('')
  if (patient === null) return { name, sex, birth, age, age_unit, patient_id, document }
  const told = /^0*(\d{1,3})([YMD])$/.exec(patient.age)
  const day = readDay(patient.birth_date) ?? ''
  return {
    name: patient.display_name, sex: patient.sex, birth: day, age: day === '' ? (told?.[1] ?? '') : '', age_unit: (told?.[2] as Draft['age_unit'] | undefined) ?? 'Y',
    patient_id: patient.id, document: '',
  }
}

/* What is typed wrong. What nobody knows may stay empty: a name is all that must be. */
export function patientProblems(draft: PatientDraft, day: string): PatientProblems {
  const all = problemsOf({ ...emptyDraft('any'), item_name: '-', modality: '-', body_part: '-', ...draft }, day)
  const found: PatientProblems = {}
  for (const name of ['name', 'birth', 'age', 'document'] as const) if (all[name] !== undefined && all[name] !== 'birth_or_age') found[name] = all[name]
  return found
}

const ageText = (draft: PatientDraft): string => (draft.birth.trim() === '' && draft.age.trim() !== '' ? `${Number(draft.age)}${draft.age_unit}` : '')

/* All that is known of somebody else. */
export function patientInput(draft: PatientDraft): PatientInput {
  const input: PatientInput = { name: draft.name.trim() }
  if (draft.sex !== '') input.sex = draft.sex
  const day = readDay(draft.birth)
  if (day !== null) input.birth_date = day
  if (ageText(draft) !== '') input.age_text = ageText(draft)
  if (draft.patient_id.trim() !== '') input.patient_id = draft.patient_id.trim()
  if (draft.document.trim() !== '') input.document = draft.document.trim().toUpperCase()
  return input
}

/* Only what was changed, also to nothing. */
export function patientChanges(before: PatientDraft, draft: PatientDraft): PatientInput {
  const input: PatientInput = {}
  if (draft.name.trim() !== before.name.trim()) input.name = draft.name.trim()
  if (draft.sex !== before.sex) input.sex = draft.sex
  if ((readDay(draft.birth) ?? '') !== before.birth) input.birth_date = readDay(draft.birth) ?? ''
  if (ageText(draft) !== ageText(before) && draft.birth.trim() === '') input.age_text = ageText(draft)
  if (draft.patient_id.trim() !== before.patient_id.trim()) input.patient_id = draft.patient_id.trim()
  if (draft.document.trim() !== '') input.document = draft.document.trim().toUpperCase()
  return input
}

/* What others changed meanwhile comes in where nothing was typed: sending the form back must not undo theirs. */
export function rebasedDraft(draft: PatientDraft, was: PatientDraft, now: PatientDraft): PatientDraft {
  const kept = <K extends keyof PatientDraft>(name: K): PatientDraft[K] => (draft[name] === was[name] ? now[name] : draft[name])
  return { name: kept('name'), sex: kept('sex'), birth: kept('birth'), age: kept('age'), age_unit: kept('age_unit'), patient_id: kept('patient_id'), document: kept('document') }
}

/* A DICOM name as the gateway shows it: the second group where there is one. */
export function nameWords(name: string): string {
  const [first = '', second = ''] = name.split('=')
  const shown = second !== '' ? second.replaceAll('^', '') : first.replaceAll('^', ' ').trim()
  return preferences.isMasked ? maskName(shown) : shown
}

/* One member in words; '' for what is not known. */
export function fieldWords(field: PatientField, value: string | null | undefined): string {
  if (value == null || value === '') return ''
  if (field === 'name') return nameWords(value)
  if (field === 'sex') return sexWord(value) || value
  if (field === 'age') return ageWord(value.padStart(4, '0'), '') || value
  if (field === 'document' && preferences.isMasked) return translate('common.hidden_name')
  return value
}
