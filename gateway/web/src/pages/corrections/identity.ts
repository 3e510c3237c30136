/* Two claims of who somebody is, member by member: what agrees, what contradicts, what cannot be compared. */
import type { PatientField } from '@/api/corrections'
import type { IdentityReview, Patient } from '@/api/types'
import { ageWord } from '@/state/words'
import { fieldWords } from './patient'

export type Standing = 'agrees' | 'differs' | 'unknown'
export interface Compared { field: PatientField; values: [string, string]; standing: Standing }

const FIELDS: PatientField[] = ['name', 'sex', 'birth_date', 'age', 'patient_id', 'document']

function valueOf(patient: Patient, field: PatientField): string {
  if (field === 'name') return patient.name
  if (field === 'patient_id') return patient.id
  if (field === 'age') return patient.birth_date === '' ? patient.age : ''
  return field === 'document' ? '' : patient[field]
}
const wordsOf = (patient: Patient, field: PatientField): string =>
  field === 'age' ? (valueOf(patient, 'age') === '' ? '' : ageWord(patient.age, '')) : fieldWords(field, valueOf(patient, field))

/* The gateway's word counts; the document itself is not shown, only whether it is the same. */
export function comparedOf(review: Pick<IdentityReview, 'claims' | 'agreements' | 'contradictions'>): Compared[] {
  const [one, other] = review.claims
  if (one === undefined || other === undefined) return []
  return FIELDS.map((field) => {
    const standing: Standing = review.contradictions.includes(field) ? 'differs' : review.agreements.includes(field) ? 'agrees' : 'unknown'
    return { field, standing, values: [wordsOf(one.patient, field), wordsOf(other.patient, field)] as [string, string] }
  }).filter((line) => line.standing !== 'unknown' || line.values.some((value) => value !== ''))
}
