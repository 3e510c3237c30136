/* What speaks for a match and against it, and why the rule left it to a person, in words. */
import { i18n, translate } from '@/i18n'

export const percent = (score: number): number => Math.round(Math.max(0, Math.min(1, score)) * 100)

export function evidenceWord(name: string): string {
  const key = `township.evidence.${name}`
  return i18n.global.te(key) ? translate(key) : translate('township.evidence.other', { name })
}

export function reasonWords(reasons: string[]): string {
  return reasons
    .map((reason) => {
      const key = `township.match_reasons.${reason}`
      return i18n.global.te(key) ? translate(key) : reason
    })
    .join(translate('common.comma'))
}
