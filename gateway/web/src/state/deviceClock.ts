/* A device's clock against ours, in words: 时钟正常, 快 3 分钟, 慢 2 天, 慢 26 年（设备上是 2000 年）. */
import { translate } from '@/i18n'
import { dayOf, spanOfSeconds } from './words'

const CLOCK_GOOD_S = 300
const YEAR_S = 31_557_600

export const isClockBad = (offset: number | null): boolean => offset !== null && Math.abs(offset) > CLOCK_GOOD_S

export function clockWord(offset: number | null, measuredAt: string | null): string {
  if (offset === null) return translate('township.device.clock_unknown')
  if (!isClockBad(offset)) return translate('township.device.clock_right')
  const key = offset > 0 ? 'township.device.clock_ahead' : 'township.device.clock_behind'
  if (Math.abs(offset) < YEAR_S) return translate(key, { time: spanOfSeconds(offset) })
  const year = dayOf(new Date(Date.parse(measuredAt ?? '') + offset * 1000)).slice(0, 4)
  return translate(key, { time: translate('township.device.clock_years', { n: Math.floor(Math.abs(offset) / YEAR_S), year }) })
}
