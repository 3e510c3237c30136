/* The pictures of a series as one stack to scroll through, and the arithmetic of places in it. */
import type { Instance, Series, Study } from '@/api/types'
import { isWaveform } from './ecg/waveform'
import { SLIDE_CLASS } from './slide/pyramid'

export interface Picture {
  key: string /* SOP Instance UID and frame: stays the same when more images arrive */
  address: string | null /* null: the object has no picture, or is a film */
  frame: number
  frames: number
  instance: Instance
}

/* Two series are the same only within one study. */
export const seriesKey = (study: Study, series: Series): string => `${study.id}/${series.series_instance_uid}`

/* .../instances/UID/rendered -> .../instances/UID/frames/N/rendered (PS3.18 section 10.4.1.1.3) */
export const frameAddress = (rendered: string, frame: number): string => rendered.replace(/rendered$/, `frames/${frame}/rendered`)

function byNumber(a: Instance, b: Instance): number {
  if (a.number !== null && b.number !== null && a.number !== b.number) return a.number - b.number
  if ((a.number === null) !== (b.number === null)) return a.number === null ? 1 : -1
  return a.arrived_at < b.arrived_at ? -1 : a.arrived_at > b.arrived_at ? 1 : a.sop_instance_uid < b.sop_instance_uid ? -1 : 1
}

/* MPEG-2, MPEG-4 and HEVC: its pictures cannot be had one by one. */
const FILM = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/
export const isFilm = (instance: Instance): boolean => instance.rendered !== null && FILM.test(instance.transfer_syntax_uid)

function picturesOfInstance(instance: Instance): Picture[] {
  const rendered = isFilm(instance) ? null : instance.rendered
  const frames = rendered === null ? 1 : Math.max(1, instance.frames ?? 1)
  return Array.from({ length: frames }, (_, i) => ({
    key: `${instance.sop_instance_uid}#${i + 1}`,
    address: rendered === null ? null : frames === 1 ? rendered : frameAddress(rendered, i + 1),
    frame: i + 1,
    frames,
    instance,
  }))
}

export const picturesOf = (series: Series): Picture[] => [...series.instances].sort(byNumber).flatMap(picturesOfInstance)

export const hasPictures = (series: Series): boolean => series.instances.some((instance) => instance.rendered !== null)

export const isEcg = (series: Series): boolean => !hasPictures(series) && series.instances.some((instance) => isWaveform(instance.sop_class_uid))

/* Its frames are tiles, not a stack. */
export const isSlide = (series: Series): boolean => series.instances.some((instance) => instance.sop_class_uid === SLIDE_CLASS)

/* What devices and sites sent, by number; those with pictures first. Reports that we made ourselves are shown elsewhere. */
export function shownSeries(study: Study): Series[] {
  const rank = (series: Series) => (hasPictures(series) ? 0 : 1)
  return study.series
    .filter((series) => series.origin !== 'own' && series.instances.length > 0)
    .sort((a, b) => rank(a) - rank(b) || (a.number ?? Infinity) - (b.number ?? Infinity) || (a.series_instance_uid < b.series_instance_uid ? -1 : 1))
}

export const clampIndex = (index: number, length: number): number => Math.max(0, Math.min(length - 1, index))

/* The same relative height in a stack of another length. */
export function linkedIndex(index: number, length: number, otherLength: number): number {
  if (otherLength <= 0) return 0
  if (length === otherLength || length <= 1) return clampIndex(index, otherLength)
  return clampIndex(Math.round((index / (length - 1)) * (otherLength - 1)), otherLength)
}

/* Where the picture that was looked at is now; it stays under the eye when images arrive before it. */
export function keepIndex(pictures: Picture[], key: string | null, index: number): number {
  const place = key === null ? -1 : pictures.findIndex((picture) => picture.key === key)
  return place >= 0 ? place : clampIndex(index, pictures.length)
}

/* The series of another study that fits best beside this one: same modality, then part, then description. */
export function bestBeside(candidates: Series[], beside: Series | null): Series | null {
  let best: Series | null = null
  let most = -1
  for (const series of candidates) {
    const points = (hasPictures(series) ? 8 : 0) + (series.modality === beside?.modality ? 4 : 0) +
      (beside !== null && series.body_part !== '' && series.body_part === beside.body_part ? 2 : 0) +
      (beside !== null && series.description !== '' && series.description === beside.description ? 1 : 0)
    if (points > most) {
      most = points
      best = series
    }
  }
  return best
}

/* Wheels tell steps of 100 or so, touch pads many small ones: gathered until they make a step. */
export const WHEEL_STEP = 60
export function wheelSteps(gathered: number, delta: number): { steps: number; rest: number } {
  if (Math.abs(delta) >= WHEEL_STEP) return { steps: Math.sign(delta), rest: 0 }
  const sum = Math.sign(gathered) === -Math.sign(delta) ? delta : gathered + delta
  const steps = Math.trunc(sum / WHEEL_STEP) || 0 // not -0
  return { steps, rest: sum - steps * WHEEL_STEP }
}
