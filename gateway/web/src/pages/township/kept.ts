/* Texts that were typed and not sent yet, as long as the page is open. Patient data: never in the browser's store. */
import { ref } from 'vue'
import type { Draft } from './registration'

export const keptTexts = new Map<string, string>()
export const keptDraft = ref<Draft | null>(null) /* of a new registration */
