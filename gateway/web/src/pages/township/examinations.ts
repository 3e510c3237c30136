/*
 * The examinations of a day, and today what waits for the site since earlier days, held in the page: fetched page by page, kept up to date
 * by events. 5,000 rows: the rows themselves are plain objects that nobody watches; only the list as a whole is replaced.
 */
import { onUnmounted, readonly, ref, shallowRef, watch, type Ref } from 'vue'
import { api } from '@/api/client'
import { onChanges, type Change } from '@/api/events'
import type { StudyPage, StudyRow } from '@/api/types'
import { isExpired } from '@/state/session'
import { dayOf } from '@/state/words'
import { mergeRows, sortRows, touchedIds, waitsForSite } from './rows'

const FIRST_PAGE = 60 /* soon there, also on a slow link */
const PAGE = 500
const IDS = 100
const ARRIVING_MS = 5_000 /* images that are still coming are no event each */
const FRESH_MS = 60_000 /* the place in the queue moves by what others do: no event tells it */

/* anyDay: what is looked for among the examinations of every day, the newest first; empty: those of the day. */
export function useExaminations(day: Ref<string>, site: Ref<string>, anyDay: Ref<string>) {
  const rows = shallowRef<StudyRow[]>([])
  const isLoading = ref(false)
  const isComplete = ref(false) /* every page is here */
  const hasOlder = ref(false) /* more were found than are shown */
  const failure = shallowRef<unknown>(null)
  let held = new Map<string, StudyRow>()
  let round = 0
  let controller = new AbortController()
  let again: () => Promise<void> = load
  let inView: string[] = []

  const isToday = (): boolean => day.value === dayOf(new Date())
  const belongs = (row: StudyRow): boolean =>
    (site.value === '' || row.site.id === site.value) &&
    (anyDay.value !== '' ? held.has(row.id) : dayOf(row.times.first_image) === day.value || (isToday() && waitsForSite(row)))

  function show(): void {
    rows.value = sortRows([...held.values()])
  }

  /* From `after` on to the end. What was held before stays in view until everything is here again. */
  async function fetchPages(mine: number, seen: Set<string>, after: string | null): Promise<void> {
    isLoading.value = true
    failure.value = null
    let next = after
    try {
      do {
        const of = anyDay.value !== '' ? { q: anyDay.value } : { day: day.value }
        const query = { ...of, site: site.value, limit: next === null && seen.size === 0 && anyDay.value === '' ? FIRST_PAGE : PAGE, after: next }
        const page = await api.get<StudyPage>('/api/v1/studies', query, controller.signal)
        if (mine !== round) return
        mergeRows(held, page.studies, () => true)
        for (const row of page.studies) seen.add(row.id)
        next = anyDay.value === '' ? page.next : null
        hasOlder.value = page.next !== null && next === null
        show()
      } while (next !== null)
      if (isToday() && anyDay.value === '') {
        const earlier = await api.get<StudyPage>('/api/v1/studies', { waiting: 'yes', site: site.value, limit: PAGE }, controller.signal)
        if (mine !== round) return
        mergeRows(held, earlier.studies, () => true)
        for (const row of earlier.studies) seen.add(row.id)
      }
      for (const id of [...held.keys()]) if (!seen.has(id) && !fresh.has(id)) held.delete(id)
      fresh.clear()
      isComplete.value = true
      show()
    } catch (error) {
      if (mine !== round) return
      failure.value = error
      const from = next
      again = () => fetchPages(mine, seen, from)
    } finally {
      if (mine === round) isLoading.value = false
    }
  }

  const fresh = new Set<string>() /* came by an event while pages were on their way */

  async function load(): Promise<void> {
    controller.abort()
    controller = new AbortController()
    fresh.clear()
    isComplete.value = false
    await fetchPages(++round, new Set(), null)
  }

  function change(): void {
    held = new Map()
    rows.value = []
    void load()
  }

  /* These studies anew; what is not visible any more goes. Throws what failed. */
  async function refresh(ids: string[]): Promise<void> {
    const mine = round
    for (let from = 0; from < ids.length; from += IDS) {
      const asked = ids.slice(from, from + IDS)
      const { studies } = await api.get<StudyPage>('/api/v1/studies', { ids: asked.join(',') }, controller.signal)
      if (mine !== round) return
      const came = new Set(studies.map((row) => row.id))
      for (const id of asked) {
        fresh.add(id)
        if (!came.has(id)) held.delete(id)
      }
      mergeRows(held, studies, belongs)
      show()
    }
  }

  async function hear(changes: Change[] | null): Promise<void> {
    if (changes === null) return load()
    const ids = touchedIds(changes, rows.value, IDS)
    if (ids.length === 0) return
    try {
      await refresh(ids)
    } catch (error) {
      if (controller.signal.aborted) return
      failure.value = error // the list may be behind: say so, and fetch it all on retry
      again = load
    }
  }

  const end = onChanges(['study.', 'task.', 'report.', 'delivery.', 'receipt.', 'request.', 'question.', 'critical_value.'], hear)
  const freshen = (ids: string[]): void => {
    if (ids.length > 0 && !isLoading.value && !document.hidden && !isExpired.value) void refresh(ids.slice(0, IDS)).catch(() => undefined)
  }
  const timers = [
    window.setInterval(() => freshen(inView), FRESH_MS),
    window.setInterval(() => freshen(inView.filter((id) => held.get(id)?.state === 'receiving')), ARRIVING_MS),
  ]
  watch([day, site, anyDay], change)
  onUnmounted(() => {
    end()
    for (const timer of timers) window.clearInterval(timer)
    round++
    controller.abort()
  })
  void load()

  return {
    rows,
    isLoading: readonly(isLoading),
    isComplete: readonly(isComplete),
    hasOlder: readonly(hasOlder),
    failure,
    retry: () => void again(),
    refresh,
    setInView: (ids: string[]) => (inView = ids),
  }
}
