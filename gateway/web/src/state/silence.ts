/* A device that falls silent against its own usual weekday is told once, to whoever looks after devices. */
import { onMounted, onUnmounted } from 'vue'
import { onChanges } from '@/api/events'
import { translate } from '@/i18n'
import { tellNotice } from './notice'

export function useSilenceNotice(): void {
  let end: (() => void) | null = null
  onMounted(() => {
    end = onChanges(['device.silent'], async (changes) => {
      if (changes !== null && changes.length > 0) tellNotice(translate('township.device.silent_notice'))
    })
  })
  onUnmounted(() => end?.())
}
