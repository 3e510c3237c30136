/* Which images of a study are meant: whole series as series, so that a late image of theirs follows; single ones by their UID. */
import type { Instance, Series, Study } from '@/api/types'

export interface ChosenImages { series: string[]; instances: string[] }

/* Reports that we made ourselves stay with the study they are about. */
export const offeredSeries = (study: Study): Series[] => study.series.filter((one) => one.origin !== 'own' && one.instances.length > 0)

export const imagesOf = (study: Study): number => offeredSeries(study).reduce((sum, one) => sum + one.instances.length, 0)

export const isWhole = (series: Series, chosen: ReadonlySet<string>): boolean => series.instances.every((one) => chosen.has(one.sop_instance_uid))
export const countOf = (series: Series, chosen: ReadonlySet<string>): number => series.instances.filter((one) => chosen.has(one.sop_instance_uid)).length

export function chosenOf(study: Study, chosen: ReadonlySet<string>): ChosenImages {
  const answer: ChosenImages = { series: [], instances: [] }
  for (const series of offeredSeries(study)) {
    if (isWhole(series, chosen)) answer.series.push(series.series_instance_uid)
    else for (const one of series.instances) if (chosen.has(one.sop_instance_uid)) answer.instances.push(one.sop_instance_uid)
  }
  return answer
}

/* With Shift everything between the last one and this one, as in a file manager. */
export function chooseRange(instances: Instance[], from: number, to: number, isOn: boolean, chosen: ReadonlySet<string>): Set<string> {
  const next = new Set(chosen)
  for (const one of instances.slice(Math.min(from, to), Math.max(from, to) + 1)) {
    if (isOn) next.add(one.sop_instance_uid)
    else next.delete(one.sop_instance_uid)
  }
  return next
}

/* What is not there any more (a refetched study) is not chosen either. */
export function stillThere(study: Study, chosen: ReadonlySet<string>): Set<string> {
  const there = new Set(offeredSeries(study).flatMap((series) => series.instances.map((one) => one.sop_instance_uid)))
  return new Set([...chosen].filter((uid) => there.has(uid)))
}
