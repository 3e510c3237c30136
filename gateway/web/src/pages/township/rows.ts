/* The day's examinations as data: which chip they belong to, where they stand, what is looked for, how pages and events come together. */
import type { Step, StudyRow } from '@/api/types'

export const FILTERS = ['all', 'receiving', 'awaiting', 'writing', 'awaiting_review', 'issued', 'returned', 'critical', 'unmatched'] as const
export type Filter = (typeof FILTERS)[number]

const TESTS: Record<Filter, (row: StudyRow) => boolean> = {
  all: () => true,
  receiving: (row) => row.step === 'receiving' || row.step === 'incomplete',
  awaiting: (row) => row.step === 'complete' || row.step === 'awaiting',
  writing: (row) => row.step === 'writing',
  awaiting_review: (row) => row.step === 'awaiting_review',
  issued: (row) => row.step === 'issued' || row.step === 'printed',
  returned: (row) => row.task?.open_return != null || row.task?.open_question != null,
  critical: (row) => row.critical !== null,
  unmatched: (row) => row.request === null && row.step !== 'cancelled',
}

/* What waits for the site is shown on the days after, too, until it is done (the gateway's waiting=yes). */
export const waitsForSite = (row: StudyRow): boolean => TESTS.receiving(row) || TESTS.returned(row) || TESTS.critical(row)

export const asFilter = (word: string): Filter => FILTERS.find((filter) => filter === word) ?? 'all'
export const fits = (row: StudyRow, filter: Filter): boolean => TESTS[filter](row)

export function countRows(rows: StudyRow[]): Record<Filter, number> {
  const counts = Object.fromEntries(FILTERS.map((filter) => [filter, 0])) as Record<Filter, number>
  for (const row of rows) for (const filter of FILTERS) if (TESTS[filter](row)) counts[filter]++
  return counts
}

/* ---- search --------------------------------------------------------------------------------------------------------- */

const plain = (text: string): string => text.normalize('NFKC').toLowerCase()
const haystacks = new WeakMap<StudyRow, string>()

/* As the gateway makes the keys of a name: without accents and tones, blanks and what else stands between the parts of names. */
const MARKS = /\p{M}/gu
const BETWEEN = /[\s^=.,\-_'`·’•‧・]/gu
const isKeyed = (row: StudyRow, words: string[]): boolean => {
  const term = words.join('').normalize('NFD').replace(MARKS, '').normalize('NFC').replace(BETWEEN, '')
  return term !== '' && (row.patient.keys ?? []).some((key) => key.startsWith(term))
}

/* The search is what the patient's name begins with in Chinese, pinyin or initials, or every word of it is in name, number or one of the 检查号. */
export function matches(row: StudyRow, words: string[]): boolean {
  if (words.length === 0 || isKeyed(row, words)) return true
  let hay = haystacks.get(row)
  if (hay === undefined) {
    hay = plain([row.patient.display_name, row.patient.name, row.patient.id, row.accession_number, row.request?.accession_number ?? ''].join('\n'))
    haystacks.set(row, hay)
  }
  return words.every((word) => hay.includes(word))
}

export const searchWords = (text: string): string[] => plain(text).split(/\s+/u).filter((word) => word !== '')

/* ---- step bar ------------------------------------------------------------------------------------------------------- */

export const BAR = ['receiving', 'complete', 'awaiting', 'writing', 'awaiting_review', 'issued', 'printed'] as const
export type BarStep = (typeof BAR)[number]
/* Where the bar stands for the states beside the straight way. */
const PLACES: Record<Step, number> = {
  receiving: 0, incomplete: 0, complete: 1, awaiting: 2, returned: 2, cancelled: 2, writing: 3, awaiting_review: 4, issued: 5, printed: 6,
}

export interface BarPart { step: BarStep; word: Step; at: string | null; standing: 'done' | 'now' | 'ahead' }

export const barPlace = (step: Step): number => PLACES[step]

export function barOf(row: Pick<StudyRow, 'step' | 'step_at' | 'times'>): BarPart[] {
  const place = PLACES[row.step]
  const { times } = row
  const at: (string | null)[] = [times.first_image, times.complete, times.task_opened, times.taken, times.written, times.issued, times.printed]
  return BAR.map((step, index) => ({
    step,
    word: index === place ? row.step : step,
    at: index === place ? row.step_at : index < place ? (at[index] ?? null) : null,
    standing: index < place ? 'done' : index === place ? 'now' : 'ahead',
  }))
}

export const isFinished = (row: Pick<StudyRow, 'step'>): boolean => row.step === 'issued' || row.step === 'printed' || row.step === 'cancelled'

/* As the gateway says it, or because the due time has passed since; a clock that stands is never late. */
export function isLate(row: StudyRow, nowMs: number): boolean {
  if (isFinished(row)) return false
  if (row.is_late) return true
  const { task } = row
  if (task === null || task.due_at === null || task.open_return !== null || task.open_question !== null) return false
  return new Date(task.due_at).getTime() < nowMs
}

/* ---- pages and events ----------------------------------------------------------------------------------------------- */

/* The last that came first; the id decides between two of the same moment, so that nothing swaps its place. */
export function sortRows(rows: StudyRow[]): StudyRow[] {
  const keys = new Map(rows.map((row) => [row.id, new Date(row.times.first_image).getTime()]))
  return rows.sort((a, b) => (keys.get(b.id) ?? 0) - (keys.get(a.id) ?? 0) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0))
}

/* Puts in what came; what does not belong here (any more) goes. */
export function mergeRows(held: Map<string, StudyRow>, came: StudyRow[], belongs: (row: StudyRow) => boolean): void {
  for (const row of came) {
    if (belongs(row)) held.set(row.id, row)
    else held.delete(row.id)
  }
}

export interface Touch { kind: string; subject: string; site: string | null }

/* Rows that may be meant by an event whose subject (a delivery, a task just opened) is not known here. */
const MEANT: [prefix: string, test: (row: StudyRow) => boolean][] = [
  ['task.', (row) => row.task === null || !isFinished(row)],
  ['question.', (row) => row.task !== null && !isFinished(row)],
  ['report.', (row) => row.task !== null && row.step !== 'printed'],
  ['receipt.', (row) => row.step === 'issued'],
  ['delivery.', (row) => row.report !== null && row.delivery?.state !== 'delivered'],
  ['request.', (row) => row.request === null],
]

/*
 * Ids of the studies to fetch again after these events, at most limit, known ones first. A study's own event names it, whether it
 * is held or not; others name a task, report, request or critical value of a held row. What cannot be told is looked for among the rows
 * that it can mean, the newest first.
 */
export function touchedIds(changes: Touch[], rows: StudyRow[], limit: number): string[] {
  const owners = new Map<string, string>()
  for (const row of rows) {
    for (const id of [row.task?.id, row.report?.id, row.request?.id, row.critical?.id, row.task?.open_return?.id, row.task?.open_question?.id])
      if (id != null) owners.set(id, row.id)
  }
  const sure = new Set<string>()
  const perhaps = new Set<string>()
  for (const change of changes) {
    const owner = change.kind.startsWith('study.') ? change.subject : owners.get(change.subject)
    if (owner !== undefined) sure.add(owner)
    else {
      const test = MEANT.find(([prefix]) => change.kind.startsWith(prefix))?.[1]
      if (test !== undefined) for (const row of rows) if ((change.site === null || row.site.id === change.site) && test(row)) perhaps.add(row.id)
    }
  }
  return [...new Set([...sure, ...perhaps])].slice(0, Math.max(limit, sure.size))
}
