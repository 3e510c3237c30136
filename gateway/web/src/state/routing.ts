/* What the rules say about an examination, in words. */
import type { RoutingDetail } from '@/api/rules'
import { i18n, translate } from '@/i18n'

/* Why no rule took it; what is not known here is shown as it came. */
export function unroutedWords(code: string, detail: RoutingDetail, reason: string): string {
  const key = `rules.unrouted.${code}`
  return code !== '' && i18n.global.te(key) ? translate(key, { hospital: detail.hospital ?? '', day: detail.day ?? '' }) : reason
}
