/* What one correction did, in lines of "what: before, after". */
import type { Correction, PatientField } from '@/api/corrections'
import { translate } from '@/i18n'
import { fieldWords } from './patient'

const FIELDS: PatientField[] = ['name', 'sex', 'birth_date', 'age', 'patient_id', 'document']

export interface Line { what: string; before: string; after: string }

const nothing = (): string => translate('corrections.nothing')

/* The age follows from the birth date: only where there is none does it say something. */
export function patientLines(entry: Correction): Line[] {
  const [before, after] = [entry.before.patient ?? {}, entry.after.patient ?? {}]
  const isDated = [before, after].some((one) => (one.birth_date ?? '') !== '')
  return FIELDS.filter((name) => name !== 'age' || !isDated).map((name) => ({ what: translate(`corrections.field.${name}`), before: fieldWords(name, before[name]), after: fieldWords(name, after[name]) }))
    .filter((line) => line.before !== line.after)
    .map((line) => ({ ...line, before: line.before || nothing(), after: line.after || nothing() }))
}

/* Images of each study before and after. */
function imageLines(entry: Correction): Line[] {
  const before = new Map((entry.before.studies ?? []).map((one) => [one.id, one.instances]))
  const after = new Map((entry.after.studies ?? []).map((one) => [one.id, one.instances]))
  return entry.studies
    .filter((one) => (before.get(one.id) ?? 0) !== (after.get(one.id) ?? 0))
    .map((one) => ({
      what: translate('corrections.images_of', { role: translate(`corrections.role.${one.role}`), name: fieldWords('name', one.display_name) }),
      before: String(before.get(one.id) ?? 0), after: String(after.get(one.id) ?? 0),
    }))
}

function matchLines(entry: Correction): Line[] {
  return [{ what: translate('corrections.kind.match'), before: entry.before.accession_number ?? translate('township.no_request'), after: entry.after.accession_number ?? translate('township.no_request') }]
}

/* Whose the images are: the name tells; the rest stands with the studies. */
function ownerLines(entry: Correction): Line[] {
  const [before, after] = [entry.before.patient, entry.after.patient].map((one) => fieldWords('name', one?.name) || nothing()) as [string, string]
  return before === after ? [] : [{ what: translate('corrections.images_patient'), before, after }]
}

export const linesOf = (entry: Correction): Line[] =>
  entry.kind === 'match' ? matchLines(entry) : entry.kind === 'edit_patient' ? patientLines(entry) : [...imageLines(entry), ...ownerLines(entry)]
