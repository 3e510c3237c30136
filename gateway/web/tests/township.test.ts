import { beforeEach, describe, expect, it } from 'vitest'
import type { Request, Step, StudyRow } from '@/api/types'
import { useLanguage } from '@/i18n'
import en from '@/i18n/en'
import zh from '@/i18n/zh-CN'
import { code128 } from '@/pages/township/barcode'
import { labelLines } from '@/pages/township/label'
import { emptyDraft, inputOf, missingOf, problemsOf, readDay, readIdentityNumber } from '@/pages/township/registration'
import { BAR, barOf, countRows, fits, isLate, matches, mergeRows, searchWords, sortRows, touchedIds, waitsForSite } from '@/pages/township/rows'

beforeEach(() => useLanguage('zh-CN'))

const SITE = { id: 'site', code: 's', name: '水步镇卫生院' }
const AT = '2026-11-22T08:00:00+08:00'

function row(id: string, step: Step, more: Partial<StudyRow> = {}): StudyRow {
  return {
    id, study_instance_uid: `2.25.${id}`, state: 'complete', version: 1, site: SITE,
    patient: { name: 'ZHANG^SAN=张^三', display_name: '张三', id: `P${id}`, sex: 'M', birth_date: '1957-03-12', age: '' },
    patient_class: 'outpatient', reading_mode: 'central', modality: 'DX', body_part: 'CHEST', description: '', accession_number: `A${id}`, instances: 2, bytes: 1,
    unrouted_reason: '', unrouted_code: '', unrouted_detail: {}, hold_reason: null, step, step_at: AT, is_late: false,
    times: {
      first_image: AT, last_image: AT, submitted: null, complete: AT, task_opened: AT, taken: AT, written: AT, issued: AT, delivered: null, opened: null, printed: null,
    },
    task: null, report: null, delivery: null, request: null, critical: null, thumbnail: null, ...more,
  }
}
const task = (id: string, more: Partial<NonNullable<StudyRow['task']>> = {}): NonNullable<StudyRow['task']> => ({
  id, state: 'awaiting', due_at: null, holder: null, place: 1, expected_at: null, open_return: null, open_question: null, ...more,
})
const back = { id: 'r', kind: 'request' as const, reason: '', returned_by: '', returned_at: AT }

describe('step bar', () => {
  it.each([
    ['receiving', 0], ['incomplete', 0], ['complete', 1], ['awaiting', 2], ['returned', 2], ['writing', 3], ['awaiting_review', 4], ['issued', 5], ['printed', 6],
  ] as [Step, number][])('%s stands at %i', (step, place) => {
    const parts = barOf(row('1', step))
    expect(parts.map((part) => part.standing)).toEqual(BAR.map((_, index) => (index < place ? 'done' : index === place ? 'now' : 'ahead')))
    expect(parts[place]?.word).toBe(step)
    expect(parts.slice(place + 1).every((part) => part.at === null)).toBe(true)
  })
})

it.each([
  ['receiving', {}, true], ['incomplete', {}, true], ['awaiting', {}, false], ['issued', {}, false],
  ['returned', { task: task('t', { open_return: back }) }, true],
  ['printed', { critical: { id: 'c', state: 'raised', item: '', confirm_by: AT } }, true],
] as [Step, Partial<StudyRow>, boolean][])('%s of an earlier day waits for the site: %o', (step, more, waits) => expect(waitsForSite(row('1', step, more))).toBe(waits))

describe('chips', () => {
  it('every straight step is under exactly one of the chips of the way', () => {
    for (const step of ['receiving', 'incomplete', 'complete', 'awaiting', 'writing', 'awaiting_review', 'issued', 'printed'] as Step[]) {
      const chips = (['receiving', 'awaiting', 'writing', 'awaiting_review', 'issued'] as const).filter((chip) => fits(row('1', step), chip))
      expect(chips, step).toHaveLength(1)
    }
  })
  it('counts what waits for an answer beside where it stands', () => {
    const counts = countRows([
      row('1', 'returned', { task: task('t1', { open_return: back }) }),
      row('2', 'writing', { task: task('t2', { open_question: { id: 'q', question: '', asked_by: '', asked_at: AT, answer: null, answered_by: null, answered_at: null } }) }),
      row('3', 'printed', { critical: { id: 'c', state: 'raised', item: '', confirm_by: AT }, request: { id: 'x', accession_number: 'S1', item_name: '', missing: [] } }),
      row('4', 'cancelled'),
    ])
    expect(counts).toEqual({ all: 4, receiving: 0, awaiting: 0, writing: 1, awaiting_review: 0, issued: 1, returned: 2, critical: 1, unmatched: 2 })
  })
})

describe('late', () => {
  const now = new Date('2026-11-22T09:00:00+08:00').getTime()
  it('by the due time, between two answers of the gateway', () => {
    expect(isLate(row('1', 'awaiting', { task: task('t', { due_at: '2026-11-22T08:59:00+08:00' }) }), now)).toBe(true)
    expect(isLate(row('1', 'awaiting', { task: task('t', { due_at: '2026-11-22T09:01:00+08:00' }) }), now)).toBe(false)
  })
  it('never while the clock stands, nor when it is out', () => {
    expect(isLate(row('1', 'returned', { task: task('t', { due_at: '2026-11-22T08:59:00+08:00', open_return: back }) }), now)).toBe(false)
    expect(isLate(row('1', 'issued', { is_late: true }), now)).toBe(false)
  })
})

describe('search', () => {
  const one = row('1', 'awaiting', { request: { id: 'x', accession_number: 'SHUIBU2611220001', item_name: '', missing: [] } })
  it.each([
    ['张三', true], ['zhang', true], ['P1 张', true], ['shuibu2611', true], ['Ａ1', true], ['李', false], ['张 李', false], ['', true],
  ])('%s', (text, found) => expect(matches(one, searchWords(text))).toBe(found))

  const keyed = row('2', 'awaiting')
  keyed.patient = { ...keyed.patient, name: '李^桂英', display_name: '李桂英', keys: ['李桂英', '桂英', 'liguiying', 'guiying', 'lgy', 'p2'] }
  it.each([
    ['lgy', true], ['LGY', true], ['li gui ying', true], ['lǐ guì yīng', true], ['Li^Gui', true], ['guiying', true], ['桂英', true],
    ['iguiying', false], ['%', false], ['wang', false],
  ])('by the keys of the name: %s', (text, found) => expect(matches(keyed, searchWords(text))).toBe(found))
})

describe('pages and events', () => {
  const later = { ...row('9', 'receiving').times, first_image: '2026-11-22T00:30:00Z' }
  it('sorts the last that came first, and two of one moment always alike', () => {
    const rows = [row('1', 'awaiting'), row('2', 'awaiting'), row('9', 'receiving', { times: later })]
    expect(sortRows([...rows]).map((one) => one.id)).toEqual(['9', '2', '1'])
    expect(sortRows([...rows].reverse()).map((one) => one.id)).toEqual(['9', '2', '1'])
  })
  it('merges what came and drops what belongs elsewhere', () => {
    const held = new Map([['1', row('1', 'awaiting')], ['2', row('2', 'awaiting')]])
    mergeRows(held, [row('1', 'writing'), row('2', 'awaiting', { site: { ...SITE, id: 'other' } }), row('3', 'receiving')], (one) => one.site.id === 'site')
    expect([...held.values()].map((one) => [one.id, one.step])).toEqual([['1', 'writing'], ['3', 'receiving']])
  })
  const rows = [row('1', 'awaiting', { task: task('t1') }), row('2', 'complete'), row('3', 'issued', { task: task('t3'), report: { id: 'v3', state: 'issued', version: 1 } })]
  it.each([
    ['study.complete', 'new', ['new']],
    ['task.take', 't1', ['1']],
    ['report.printed', 'v3', ['3']],
    ['task.open', 'unknown', ['1', '2']],
    ['delivery.delivered', 'unknown', ['3']],
    ['account.locked', 'unknown', []],
  ])('%s of %s', (kind, subject, ids) => expect(touchedIds([{ kind, subject, site: 'site' }], rows, 100)).toEqual(ids))
  it('not of another site, and at most as many as asked for', () => {
    expect(touchedIds([{ kind: 'task.open', subject: 'unknown', site: 'elsewhere' }], rows, 100)).toEqual([])
    expect(touchedIds([{ kind: 'task.take', subject: 't1', site: 'site' }, { kind: 'task.open', subject: 'unknown', site: 'site' }], rows, 1)).toEqual(['1'])
  })
})

describe('identity number', () => {
  it.each([
    ['11010519491231002X', { birth: '1949-12-31', sex: 'F' }],
    ['11010519491231002x ', { birth: '1949-12-31', sex: 'F' }],
    ['440524188001010014', { birth: '1880-01-01', sex: 'M' }],
    ['11010519491231002', 'document_length'],
    ['1101051949123100AX', 'document_signs'],
    ['110105194913310021', 'document_birth'],
    ['110105194912310021', 'document_check'],
    ['110105194912301002', 'document_check'],
  ])('%s', (text, found) => expect(readIdentityNumber(text)).toEqual(found))
})

it.each([
  ['1980-11-22', '1980-11-22'], ['19801122', '1980-11-22'], ['1980/1/2', '1980-01-02'], ['1980年1月2日', '1980-01-02'], ['2024-02-30', null], ['80-1-1', null], ['', null],
])('the day %s', (text, day) => expect(readDay(text)).toBe(day))

describe('registration', () => {
  const good = { ...emptyDraft('site'), name: ' 张三 ', sex: 'M' as const, birth: '19570312', item_code_id: 'item', item_name: '胸部正位' }
  it('says what must be put right', () => {
    expect(problemsOf(emptyDraft(''), '2026-11-22')).toEqual({ site_id: 'site_empty', name: 'name_empty', sex: 'sex_empty', birth: 'birth_or_age', item_name: 'item_empty' })
    expect(problemsOf(good, '2026-11-22')).toEqual({})
    expect(problemsOf({ ...good, birth: '2026-11-23' }, '2026-11-22')).toEqual({ birth: 'birth_later' })
    expect(problemsOf({ ...good, birth: '', age: '45' }, '2026-11-22')).toEqual({})
    expect(problemsOf({ ...good, birth: '', age: '451' }, '2026-11-22')).toEqual({ age: 'age_unreadable' })
    expect(problemsOf({ ...good, document: '11010519491231002X' }, '2026-11-22')).toEqual({ document: 'document_sex' })
    expect(problemsOf({ ...good, sex: 'F', document: '11010519491231002X' }, '2026-11-22')).toEqual({ document: 'document_other_birth' })
    expect(problemsOf({ ...good, item_code_id: '', modality: 'DR' }, '2026-11-22')).toEqual({ body_part: 'body_part_empty' })
  })
  it('sends what was typed, trimmed, and nothing that is empty', () => {
    expect(inputOf(good)).toEqual({ site_id: 'site', name: '张三', sex: 'M', birth_date: '1957-03-12', patient_class: 'outpatient', item_code_id: 'item', item_name: '胸部正位' })
    expect(inputOf({ ...good, birth: '', age: '06', age_unit: 'M', allergy: '青霉素' })).toMatchObject({ age_text: '6M', details: { allergy: '青霉素' } })
    expect(inputOf({ ...good, birth: '', document: '11010519491231002x' })).toMatchObject({ birth_date: '1949-12-31', document: '11010519491231002X' })
  })
  it('hints at what the reader will miss', () => {
    expect(missingOf(good)).toEqual(['history', 'clinical_diagnosis', 'department', 'doctor'])
    expect(missingOf({ ...good, patient_class: 'health_check' })).toEqual([])
    expect(missingOf({ ...good, patient_class: 'health_check', item_name: '膝关节正侧位' })).toEqual(['laterality'])
  })
})

describe('label', () => {
  const request = {
    id: 'r', site: { id: 'site', name: SITE.name }, accession_number: 'SHUIBU2611220001', patient: row('1', 'awaiting').patient, age_text: '69Y', modality: 'DR', item_name: '胸部正位',
    body_part: 'CHEST', laterality: 'left', registered_at: AT,
  } as Request
  it('names patient and item, whatever is masked on the screen', () => {
    expect(labelLines(request)).toEqual({ name: '张三', rest: '男 69 岁', item: 'DR 胸部正位 左', time: '11-22 08:00' })
  })
  it('has the accession number as Code 128', () => {
    const bars = code128('SHUIBU2611220001')
    expect(bars?.modules).toBeGreaterThan(100)
    expect(bars?.bars[0]).toEqual({ x: 0, width: 2 }) // every start code begins with two dark modules
    expect((bars?.bars[bars.bars.length - 1]?.x ?? 0) + 2).toBe(bars?.modules) // and the stop code ends with two
    expect(code128('张三')).toBeNull()
    expect(code128('')).toBeNull()
  })
})

describe('words', () => {
  const keys = (tree: object, prefix = ''): string[] =>
    Object.entries(tree).flatMap(([key, value]) => (typeof value === 'string' ? [prefix + key] : keys(value as object, `${prefix}${key}.`)))
  it('the two languages have the same keys', () => expect(keys(en).sort()).toEqual(keys(zh).sort()))
  it('no Chinese in the English ones but the name of the language', () => {
    const texts = (tree: object, prefix = ''): [string, string][] =>
      Object.entries(tree).flatMap(([key, value]) => (typeof value === 'string' ? [[prefix + key, value] as [string, string]] : texts(value as object, `${prefix}${key}.`)))
    expect(texts(en).filter(([, text]) => /\p{Script=Han}/u.test(text)).map(([key]) => key)).toEqual(['frame.language'])
  })
})
