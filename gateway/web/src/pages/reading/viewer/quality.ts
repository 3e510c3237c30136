/*
 * In which quality pictures are fetched, and in which order. Three steps: a preview that is there within one round trip, what the pane can show,
 * and every pixel without loss, by which alone one should diagnose. Pure.
 */
import { address } from '@/api/client'
import { nearestFirst, type Job } from './loader'
import type { Picture } from './stack'
import { viewportFor, type Size } from './view'
import { windowText, type Window } from './window'

export type Quality = 'preview' | 'screen' | 'full'
export const BEST_FIRST: Quality[] = ['full', 'screen', 'preview']

const PREVIEW_SIDE = 256
const PREVIEW_PERCENT = 40
const NEIGHBOURS = 8
const NEIGHBOURS_SCROLLED = 20
const PRELOAD_MOST = 400

export interface Screen { pane: Size; scale: number; pixelRatio: number }

export function jobFor(one: Picture, quality: Quality, window: Window | null, screen: Screen): Job | null {
  if (one.address === null) return null
  const { columns, rows } = one.instance
  const size = columns && rows ? { width: columns, height: rows } : null
  const wanted = quality === 'preview' ? { width: PREVIEW_SIDE, height: PREVIEW_SIDE } : quality === 'screen' ? viewportFor(screen.pane, screen.scale, screen.pixelRatio, size) : null
  const viewport = wanted === null ? '' : `${wanted.width},${wanted.height}`
  const target = windowText(window)
  const query = { viewport, window: target, quality: quality === 'preview' ? PREVIEW_PERCENT : null, accept: quality === 'full' ? 'image/png' : null }
  return { key: `${one.key}|${quality}|${viewport}|${target}`, address: address(one.address, query) }
}

export interface Plan {
  pictures: Picture[]
  index: number
  direction: 1 | -1
  isSlow: boolean /* a picture in screen quality would be long in coming */
  isStaying: boolean /* nobody scrolls or drags */
  wantsAll: boolean /* the whole series in full quality */
  ahead: Picture[] /* of the series that are likely looked at next */
}
/* here: it has come; lost: it was tried and failed. */
export interface Known { job: (one: Picture, quality: Quality) => Job | null; isHere: (job: Job) => boolean; isLost: (job: Job) => boolean }

/* What is looked at in the next quality that it has not; the last word on it is full quality. */
function forNow(now: Picture, plan: Plan, known: Known): Quality[] {
  const isSettled = (quality: Quality) => {
    const job = known.job(now, quality)
    return job !== null && (known.isHere(job) || known.isLost(job))
  }
  const full = known.job(now, 'full')
  if (full !== null && known.isHere(full)) return []
  const nothing = !BEST_FIRST.some(isSettled)
  if (plan.isSlow && nothing) return ['preview']
  return plan.isStaying ? ['screen', 'full'] : plan.isSlow ? [] : ['screen']
}

/*
 * While somebody scrolls: what makes scrolling quick. Who stays gets the picture better and better, then its neighbours, the rest of the
 * series, and the other series. The first `urgent` are fetched whatever is kept already.
 */
export function fetchOrder(plan: Plan, known: Known): { jobs: Job[]; urgent: number } {
  const now = plan.pictures[plan.index]
  if (now === undefined) return { jobs: [], urgent: 0 }
  const jobs: Job[] = []
  const added = new Set<string>()
  const hasBetter = (one: Picture, quality: Quality) => BEST_FIRST.slice(0, BEST_FIRST.indexOf(quality)).some((better) => known.isHere(known.job(one, better)!))
  const add = (one: Picture, quality: Quality) => {
    const job = known.job(one, quality)
    if (job === null || added.has(job.key) || known.isLost(job) || hasBetter(one, quality)) return
    added.add(job.key)
    jobs.push(job)
  }
  const around = (most: number) => nearestFirst(plan.index, plan.pictures.length, plan.direction, most).map((at) => plan.pictures[at]!)
  const [first, ...better] = forNow(now, plan, known)
  if (first !== undefined) add(now, first)
  const quick: Quality = plan.isSlow ? 'preview' : 'screen'
  const isScrolling = !plan.isStaying || first === 'preview'
  for (const one of around(isScrolling && !plan.isSlow ? NEIGHBOURS_SCROLLED : NEIGHBOURS)) add(one, quick)
  const urgent = jobs.length + better.length
  if (isScrolling) return { jobs, urgent }
  for (const quality of better) add(now, quality)
  const all = around(PRELOAD_MOST)
  if (plan.wantsAll) for (const one of around(plan.pictures.length)) add(one, 'full')
  for (const quality of new Set<Quality>([quick, 'screen'])) for (const one of all) add(one, quality)
  for (const quality of new Set<Quality>([quick, 'screen'])) for (const one of plan.ahead.slice(0, PRELOAD_MOST)) add(one, quality)
  return { jobs, urgent }
}
