/* Keys of the page that is open, for the list of keys in the frame. */
import { onUnmounted, readonly, ref } from 'vue'

export interface KeyHelp { keys: string; text: string /* a key of the words */ }

const own = ref<KeyHelp[]>([])
export const pageKeys = readonly(own)

export function usePageKeys(keys: KeyHelp[]): void {
  own.value = keys
  onUnmounted(() => {
    if (own.value === keys || own.value.length === keys.length) own.value = []
  })
}

/* Is somebody typing? A single letter is text then, no command. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/* Is a dialog or drawer open above the page? */
export const isCovered = (): boolean => document.querySelector('.el-overlay:not([style*="display: none"]) [role="dialog"]') !== null
