import { beforeEach, describe, expect, it } from 'vitest'
import type { Choices, Condition, Rule, RuleGroup } from '@/api/rules'
import { useLanguage } from '@/i18n'
import { beforeOf, bodyOf, choicesOf, conditionWords, doesSomething, emptyRule, linesOf, opsOf, verdictOf } from '@/pages/operations/rules/rules'
import { unroutedWords } from '@/state/routing'

beforeEach(() => useLanguage('zh-CN'))

const rule = (id: string): Rule => ({ ...emptyRule(), id, name: id })
const group: RuleGroup = { name: 'g', mode: 'first', rules: ['a', 'b', 'c'].map(rule) }

it.each([
  ['a', -1, undefined], ['a', 1, 'c'], ['b', -1, 'a'], ['b', 1, null], ['c', 1, undefined], ['c', -1, 'b'], ['x', 1, undefined],
] as const)('%s moved by %d comes before %s', (id, by, before) => expect(beforeOf(group, id, by)).toBe(before))

describe('conditions in words', () => {
  it.each([
    [{ field: 'modality', op: 'is', values: ['CT', 'MR'] }, '检查类型 为 CT 或 MR'],
    [{ field: 'patient_class', op: 'not', values: ['health_check'] }, '患者类别 不为 体检'],
    [{ field: 'site', op: 'is', values: ['id1'] }, '机构 为 水步镇卫生院'],
    [{ field: 'day', op: 'is', values: ['holiday'] }, '日期类型 为 法定节假日'],
    [{ field: 'age', op: 'missing', values: [] }, '年龄 缺失'],
  ] as [Condition, string][])('%j', (condition, words) => expect(conditionWords(condition, { id1: '水步镇卫生院' })).toBe(words))
})

it('what is always there cannot be missing', () => {
  expect(opsOf('hour')).toEqual(['is', 'not'])
  expect(opsOf('device')).toContain('missing')
})

it('values are chosen where the ledger knows them, and typed where it does not', () => {
  const choices: Choices = { may: true, queues: [], destinations: [], devices: [], scopes: [{ id: '1', kind: 'site', name: 's', type: 'hospital' }, { id: '2', kind: 'grid', name: 'g', type: null }] }
  expect(choicesOf('grid', choices)).toEqual([{ value: '2', text: 'g' }])
  expect(choicesOf('weekday', choices)).toHaveLength(7)
  expect(choicesOf('body_part', choices)).toBeNull()
  expect(linesOf(' *胸* \n\n*肺*')).toEqual(['*胸*', '*肺*'])
})

it('a rule is sent whole, without what a change of mind left behind', () => {
  const draft = { ...emptyRule(), name: ' 夜间 ', queue: '', hold: '  ', priority: 0, conditions: [{ field: 'age', op: 'missing', values: ['0-14'] } as Condition] }
  expect(bodyOf(draft)).toMatchObject({ name: '夜间', queue: null, hold: null, priority: 0, conditions: [{ field: 'age', op: 'missing', values: [] }] })
  expect(doesSomething(emptyRule())).toBe(false)
  expect(doesSomething(draft)).toBe(true)
})

it.each([
  [{ is_enabled: true, fits: true, counts: true }, 'counts'], [{ is_enabled: true, fits: true, counts: false }, 'later'],
  [{ is_enabled: true, fits: false, counts: false }, 'not'], [{ is_enabled: false, fits: false, counts: false }, 'off'],
])('%j', (tried, word) => expect(verdictOf(tried)).toBe(word))

it('says why a study is not routed, also for what it does not know', () => {
  expect(unroutedWords('agreement_ended', { hospital: '市一医院', day: '2026-06-30' }, 'x')).toBe('与市一医院的协作协议已于 2026-06-30 到期，未分配')
  expect(unroutedWords('new_code', {}, 'as it came')).toBe('as it came')
})
