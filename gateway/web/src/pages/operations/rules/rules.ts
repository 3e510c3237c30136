/* Rules without the screen: what may be chosen, words of conditions, moves. */
import type { Actions, Choices, Condition, Field, Names, Op, Outcome, Rule, RuleGroup } from '@/api/rules'
import { i18n, translate } from '@/i18n'

/* ---- fields ---------------------------------------------------------------------------------------------------------------- */

const WORDS: Partial<Record<Field, readonly string[]>> = {
  site_type: ['township_health_centre', 'community_health_centre', 'hospital', 'village_clinic', 'public_health', 'sub_community'],
  patient_class: ['emergency', 'outpatient', 'inpatient', 'health_check'],
  priority: ['urgent', 'green_channel', 'routine'],
  weekday: ['1', '2', '3', '4', '5', '6', '7'],
  day: ['working', 'off', 'holiday', 'adjusted'],
}
const SCOPES: readonly Field[] = ['site', 'grid', 'community']

/* What is always there cannot be missing. */
export const opsOf = (field: Field): Op[] => (field === 'hour' || field === 'weekday' || field === 'day' ? ['is', 'not'] : ['is', 'not', 'missing', 'any'])

/* Values to choose from, with their words; null: they are typed, one a line. */
export function choicesOf(field: Field, choices: Choices | null): { value: string; text: string }[] | null {
  if (SCOPES.includes(field)) return (choices?.scopes ?? []).filter((one) => one.kind === field).map((one) => ({ value: one.id, text: one.name }))
  if (field === 'device') return (choices?.devices ?? []).map((one) => ({ value: one.id, text: `${one.name} · ${one.site}` }))
  return WORDS[field]?.map((value) => ({ value, text: valueWord(field, value, {}) })) ?? null
}

export function valueWord(field: Field, value: string, names: Names): string {
  const key = field === 'patient_class' ? `states.patient_class.${value}` : `rules.value.${field}.${value}`
  return names[value] ?? (i18n.global.te(key) ? translate(key) : value)
}

export function conditionWords(condition: Condition, names: Names): string {
  const values = condition.values.map((value) => valueWord(condition.field, value, names)).join(translate('rules.or'))
  return [translate(`rules.field.${condition.field}`), translate(`rules.op.${condition.op}`), values].filter((part) => part !== '').join(' ')
}

/* ---- typing ---------------------------------------------------------------------------------------------------------------- */

export const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter((line) => line !== '')

export const emptyRule = (): Omit<Rule, 'id'> => ({
  name: '', is_enabled: true, conditions: [], queue: null, reading_mode: null, priority: null, hold: null, forward: [], ai: [],
})

/* What the gateway takes: conditions without values where there are none. */
export function bodyOf(rule: Omit<Rule, 'id'>): Omit<Rule, 'id'> {
  return {
    name: rule.name.trim(), is_enabled: rule.is_enabled, queue: rule.queue || null, reading_mode: rule.reading_mode || null, priority: rule.priority,
    hold: rule.hold?.trim() || null, forward: rule.forward, ai: rule.ai,
    conditions: rule.conditions.map((one) => ({ ...one, values: one.op === 'is' || one.op === 'not' ? one.values : [] })),
  }
}

export const doesSomething = (rule: Actions): boolean =>
  Boolean(rule.queue || rule.reading_mode || rule.hold?.trim() || rule.priority !== null || rule.forward.length + rule.ai.length > 0)

/* ---- order ----------------------------------------------------------------------------------------------------------------- */

/* The rule before which one comes when it goes up or down by one; null: to the end. undefined: it cannot. */
export function beforeOf(group: RuleGroup, id: string, by: -1 | 1): string | null | undefined {
  const place = group.rules.findIndex((one) => one.id === id)
  const next = place + by
  if (place < 0 || next < 0 || next >= group.rules.length) return undefined
  return by < 0 ? group.rules[next]!.id : (group.rules[next + 1]?.id ?? null)
}

/* ---- outcomes -------------------------------------------------------------------------------------------------------------- */

export type Verdict = 'counts' | 'later' | 'not' | 'off'
export const verdictOf = (rule: { is_enabled: boolean; fits: boolean; counts: boolean }): Verdict =>
  !rule.is_enabled ? 'off' : rule.counts ? 'counts' : rule.fits ? 'later' : 'not'

export const placeOf = (outcome: Outcome): string => (outcome.hold !== null ? outcome.hold : outcome.is_routed ? `${outcome.queue_name} · ${outcome.hospital}` : '')
