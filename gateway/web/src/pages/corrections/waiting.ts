/* How many identities wait to be checked, for the tab that leads to them. */
import { computed, type ComputedRef, type Ref } from 'vue'
import { api } from '@/api/client'
import type { IdentityReview } from '@/api/types'
import { useLoaded } from '@/pages/operations/load'

const COUNTED_MAX = 200

/* '': none, or none of this person's. 200+: more than are counted. */
export function useWaitingIdentities(site: Ref<string>, mayLook: boolean): ComputedRef<string> {
  const { data } = useLoaded(async (signal) => {
    if (!mayLook) return null
    return api.get<{ reviews: IdentityReview[]; next: string | null }>('/api/v1/identity-reviews', { open: 'yes', limit: COUNTED_MAX }, signal)
  }, mayLook ? ['identity.'] : [])
  return computed(() => {
    const count = (data.value?.reviews ?? []).filter((one) => site.value === '' || one.site.id === site.value).length
    return count === 0 ? '' : `${count}${data.value?.next == null ? '' : '+'}`
  })
}
