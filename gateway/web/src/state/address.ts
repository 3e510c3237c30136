/* Filters live in the address, so that a link can be sent and reload changes nothing. */
import { computed, nextTick, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQuery } from 'vue-router'

/* What several setters of one tick have changed together. */
let pending: LocationQuery | null = null

/* A text of the query; the fallback when absent. Setting replaces the address without a new step in the history. */
export function useQuery(name: string, fallback = ''): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : fallback
    },
    set: (value) => {
      if (pending === null) {
        pending = { ...route.query }
        void nextTick(() => {
          const query = pending
          pending = null
          if (query !== null) void router.replace({ query })
        })
      }
      if (value === fallback) delete pending[name]
      else pending[name] = value
    },
  })
}
