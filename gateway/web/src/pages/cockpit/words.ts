/* Lengths of time and rates in words. */
import { translate } from '@/i18n'
import type { Ratio } from '@/api/types'
import { spanOfSeconds } from '@/state/words'
import { countsText, percentText } from './figures'

/* 12.5%（1/8）; —（0） when nothing could be counted. */
export const ratioText = (ratio: Ratio): string => translate('cockpit.ratio', { percent: percentText(ratio), counts: countsText(ratio) })

export function lengthText(seconds: number | null): string {
  if (seconds === null) return '—'
  return seconds < 60 ? translate('cockpit.seconds', { n: Math.round(seconds) }) : spanOfSeconds(seconds)
}
