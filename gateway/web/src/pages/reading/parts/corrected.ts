/*
 * Which corrections of its examination a doctor has not confirmed yet. Of a task that was never corrected there is nothing to confirm; what was
 * corrected since it was first taken is confirmed anew after each further correction.
 */
import type { Correction, TaskCorrections } from '@/api/corrections'

const standing = (corrected: TaskCorrections | undefined): Correction[] => corrected?.corrections ?? []

export const latestOf = (corrected: TaskCorrections | undefined): string | null => standing(corrected)[0]?.id ?? null

/* seen: the latest one that was confirmed on this page. */
export function unseenOf(corrected: TaskCorrections | undefined, seen: string | null): Correction[] {
  const all = standing(corrected)
  const at = all.findIndex((one) => one.id === seen)
  return at < 0 ? all : all.slice(0, at)
}

/* What a reviewer was not told of by the author's confirmation: made after the submission. */
export const laterThan = (corrected: TaskCorrections | undefined, submittedAt: string | null): Correction[] =>
  submittedAt === null ? [] : standing(corrected).filter((one) => new Date(one.made_at).getTime() > new Date(submittedAt).getTime())
