/* Short news of what was done, read out by screen readers and gone after a while. What failed is said where it failed (FailureNote). */
import { readonly, ref } from 'vue'

const SHOWN_MS = 6_000
const text = ref('')
let timer: number | null = null

export const notice = readonly(text)

export function tellNotice(words: string): void {
  if (timer !== null) window.clearTimeout(timer)
  text.value = words
  timer = window.setTimeout(() => (text.value = ''), SHOWN_MS)
}
