/* Which examination may be meant as the other one: what is alike is shown, and stands first. */
import type { StudyRow } from '@/api/types'

export type Alike = 'name' | 'id' | 'accession'

const same = (one: string, other: string): boolean => one !== '' && one.normalize('NFKC').toLowerCase() === other.normalize('NFKC').toLowerCase()
const numbersOf = (row: StudyRow): string[] => [row.accession_number, row.request?.accession_number ?? ''].filter((one) => one !== '')

export function likeness(row: StudyRow, other: StudyRow): Alike[] {
  const alike: Alike[] = []
  if (same(row.patient.display_name, other.patient.display_name)) alike.push('name')
  if (same(row.patient.id, other.patient.id)) alike.push('id')
  if (numbersOf(row).some((one) => numbersOf(other).includes(one))) alike.push('accession')
  return alike
}

/* Among equals the nearest in time. */
export function alikeFirst(rows: StudyRow[], to: StudyRow): StudyRow[] {
  const at = new Date(to.times.first_image).getTime()
  const away = (row: StudyRow): number => Math.abs(new Date(row.times.first_image).getTime() - at)
  return [...rows].sort((a, b) => likeness(b, to).length - likeness(a, to).length || away(a) - away(b))
}
