/* Texts that were typed and not sent yet, as long as the page is open. Patient data: never in the browser's store. */
import { ref, watch } from 'vue'
import { me } from '@/state/session'
import type { Draft } from './registration'

export const keptTexts = new Map<string, string>()
export const keptDraft = ref<Draft | null>(null) /* of a new registration */

/* Somebody else at this computer, in the same page: nothing of what was typed before is theirs. The same person finds it again. */
let owner = me.value?.id ?? ''
watch(
  () => me.value?.id ?? '',
  (now) => {
    if (now === '' || now === owner) return
    owner = now
    keptTexts.clear()
    keptDraft.value = null
  },
  { flush: 'sync' },
)
