/* Critical values that are not closed, of the sites that the person reaches: one list for the strip, its dialog and the pages. */
import { computed, readonly, ref, shallowRef } from 'vue'
import { api } from '@/api/client'
import { onChanges } from '@/api/events'
import type { CriticalValue } from '@/api/types'
import { hasRole } from './session'

const list = shallowRef<CriticalValue[]>([])
const failed = shallowRef<unknown>(null)
const isShown = ref(false)
let end: (() => void) | null = null
let round = 0 /* counts the persons: what was asked for one is not shown to the next */

export const openCriticals = readonly(list)
export const criticalFailure = readonly(failed)
export const isCriticalDialogOpen = isShown /* the dialog that handles them, on any page */

const RANK: Record<string, number> = { raised: 0, notified: 0, read_back: 1, handled: 2, closed: 3 }

/* Not read back first, the earliest deadline first. */
export const criticalsByUrgency = computed(() =>
  [...list.value].sort((a, b) => (RANK[a.state] ?? 9) - (RANK[b.state] ?? 9) || a.confirm_by.localeCompare(b.confirm_by)),
)
/* Nobody has read them back: these make the strip red. */
export const waitingCriticals = computed(() => criticalsByUrgency.value.filter((one) => one.state === 'raised' || one.state === 'notified'))

const maySee = (): boolean => hasRole('radiographer', 'clinician', 'reporter', 'reviewer', 'duty_leader')

export async function fetchCriticals(): Promise<void> {
  if (!maySee()) {
    list.value = []
    return
  }
  const mine = round
  try {
    const { critical_values: values } = await api.get<{ critical_values: CriticalValue[] }>('/api/v1/critical-values', { open: 'yes' })
    if (mine !== round) return
    list.value = values
    failed.value = null
  } catch (failure) {
    if (mine === round) failed.value = failure // the strip keeps what it showed
  }
}

/* What an act answered, before the event comes. */
export function putCritical(one: CriticalValue): void {
  const others = list.value.filter((held) => held.id !== one.id)
  list.value = one.state === 'closed' ? others : [...others, one]
}

export function startCriticals(): void {
  stopCriticals()
  end = onChanges(['critical_value.'], fetchCriticals)
  void fetchCriticals()
}

export function stopCriticals(): void {
  end?.()
  end = null
  round++
  list.value = []
  failed.value = null
  isShown.value = false
}
