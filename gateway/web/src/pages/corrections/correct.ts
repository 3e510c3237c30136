/*
 * Looking at what a correction would change, and making it. What the preview showed is what is made: its revision goes back with it, and when somebody
 * was faster (409) nothing was changed, what was typed stays, and one looks again.
 */
import { ref, shallowRef } from 'vue'
import { Failure } from '@/api/client'
import type { Blocker, Corrected, Preview, Refusal, StaleChange } from '@/api/corrections'

export interface Door {
  preview: () => Promise<Preview>
  make: (more: { reason: string; revision: string; confirmed: string[] }) => Promise<Corrected>
}

export const refusalOf = (failure: unknown): Refusal => (failure instanceof Failure && failure.status === 409 ? (failure.members as Refusal) : {})

export function useCorrection(door: Door) {
  const preview = shallowRef<Preview | null>(null)
  const made = shallowRef<Corrected | null>(null)
  const stale = shallowRef<StaleChange[] | null>(null) /* what others did since the preview */
  const blockers = shallowRef<Blocker[] | null>(null) /* what is to be undone first */
  const failure = shallowRef<unknown>(null)
  const isBusy = ref(false)

  function take(problem: unknown): void {
    const refusal = refusalOf(problem)
    if (refusal.code === 'stale') stale.value = refusal.changes ?? []
    else if (refusal.code === 'blocked') blockers.value = refusal.blocked_by ?? []
    else failure.value = problem
  }

  /* True: done. */
  async function attempt(doing: () => Promise<void>): Promise<boolean> {
    if (isBusy.value) return false
    isBusy.value = true
    failure.value = null
    try {
      await doing()
      return true
    } catch (problem) {
      take(problem)
      return false
    } finally {
      isBusy.value = false
    }
  }

  const look = () =>
    attempt(async () => {
      preview.value = await door.preview()
      stale.value = null
      blockers.value = null
    })

  const make = (reason: string, confirmed: string[]) =>
    attempt(async () => {
      made.value = await door.make({ reason, revision: preview.value?.revision ?? '', confirmed })
    })

  function back(): void {
    preview.value = null
    stale.value = null
    failure.value = null
  }

  return { preview, made, stale, blockers, failure, isBusy, look, make, back }
}
export type Correcting = ReturnType<typeof useCorrection>
