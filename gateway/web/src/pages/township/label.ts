/* What stands on a label. Never masked: it is stuck to the patient's papers. */
import type { Request } from '@/api/types'
import { translate } from '@/i18n'
import { ageWord, dayOf, clockOf, sexWord } from '@/state/words'

export interface LabelLines { name: string; rest: string; item: string; time: string }

export function labelLines(request: Request): LabelLines {
  const { patient } = request
  const side = request.laterality === '' || request.laterality === 'none' ? '' : translate(`township.laterality.${request.laterality}`)
  return {
    name: patient.display_name,
    rest: [sexWord(patient.sex), ageWord(patient.age || request.age_text, patient.birth_date, new Date(request.registered_at))].filter((word) => word !== '').join(' '),
    item: [request.modality, request.item_name || request.body_part, side].filter((word) => word !== '').join(' '),
    time: `${dayOf(request.registered_at).slice(5)} ${clockOf(request.registered_at)}`,
  }
}
