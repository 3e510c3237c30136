import { beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '@/api/client'
import type { Correction, CorrectionKind, Preview, TaskCorrections } from '@/api/corrections'
import type { IdentityReview, Instance, Patient, Series, Study, StudyRow } from '@/api/types'
import { useLanguage } from '@/i18n'
import { useCorrection } from '@/pages/corrections/correct'
import { linesOf } from '@/pages/corrections/history'
import { comparedOf } from '@/pages/corrections/identity'
import { chooseRange, chosenOf, countOf, imagesOf, isWhole, offeredSeries, stillThere } from '@/pages/corrections/images'
import { fieldWords, nameWords, patientChanges, patientDraft, patientInput, patientProblems, rebasedDraft } from '@/pages/corrections/patient'
import { alikeFirst, likeness } from '@/pages/corrections/studies'
import { laterThan, latestOf, unseenOf } from '@/pages/reading/parts/corrected'
import { preferences } from '@/state/preferences'

beforeEach(() => {
  useLanguage('zh-CN')
  preferences.isMasked = false
})

const patient = (change: Partial<Patient> = {}): Patient => ({ name: 'ZHANG^SAN=张^三', display_name: '张三', id: 'P1', sex: 'M', birth_date: '1957-03-12', age: '', ...change })

describe('images that are meant', () => {
  const image = (uid: string): Instance => ({ sop_instance_uid: uid }) as Instance
  const series = (uid: string, images: string[], origin: Series['origin'] = 'device'): Series => ({ series_instance_uid: uid, origin, instances: images.map(image) }) as Series
  const study = { series: [series('s1', ['a', 'b', 'c']), series('s2', ['d']), series('own', ['r'], 'own'), series('empty', [])] } as unknown as Study

  it('offers neither our own reports nor empty series', () => {
    expect(offeredSeries(study).map((one) => one.series_instance_uid)).toEqual(['s1', 's2'])
    expect(imagesOf(study)).toBe(4)
  })
  it('whole series go as series, single images as images', () => {
    expect(chosenOf(study, new Set(['a', 'b', 'c']))).toEqual({ series: ['s1'], instances: [] })
    expect(chosenOf(study, new Set(['b', 'd']))).toEqual({ series: ['s2'], instances: ['b'] })
    expect(chosenOf(study, new Set())).toEqual({ series: [], instances: [] })
  })
  it('Shift takes everything in between, in both directions, on and off', () => {
    const [one] = study.series
    expect([...chooseRange(one!.instances, 2, 0, true, new Set())].sort()).toEqual(['a', 'b', 'c'])
    expect([...chooseRange(one!.instances, 0, 1, false, new Set(['a', 'b', 'c']))]).toEqual(['c'])
    expect(countOf(one!, new Set(['a']))).toBe(1)
    expect(isWhole(one!, new Set(['a', 'b']))).toBe(false)
  })
  it('what went away meanwhile is not meant any more', () => expect([...stillThere(study, new Set(['a', 'gone', 'r']))]).toEqual(['a']))
})

describe('the other examination', () => {
  const row = (id: string, at: string, change: Partial<Patient> = {}, accession = ''): StudyRow =>
    ({ id, patient: patient(change), accession_number: accession, request: null, times: { first_image: at } }) as StudyRow
  const me = row('me', '2026-11-22T08:00:00+08:00', {}, 'A1')
  it('says what is alike, whatever the width of the letters', () => {
    expect(likeness(row('x', '', { id: 'ｐ1', display_name: '李四' }, 'A1'), me)).toEqual(['id', 'accession'])
    expect(likeness(row('x', '', { id: '', display_name: '' }), row('y', '', { id: '', display_name: '' }))).toEqual([])
  })
  it('puts the alike first, then the nearest in time', () => {
    const rows = [row('far', '2026-11-22T18:00:00+08:00', { id: 'P2', display_name: '李四' }), row('near', '2026-11-22T08:10:00+08:00', { id: 'P3', display_name: '王五' }), row('alike', '2026-11-22T23:00:00+08:00')]
    expect(alikeFirst(rows, me).map((one) => one.id)).toEqual(['alike', 'near', 'far'])
  })
})

describe('patient data', () => {
  const before = patientDraft(patient())
  it('sends only what was changed, also to nothing', () => {
    expect(patientChanges(before, { ...before })).toEqual({})
    expect(patientChanges(before, { ...before, name: ' 张珊 ', birth: '', patient_id: '' })).toEqual({ name: '张珊', birth_date: '', patient_id: '' })
    expect(patientChanges(before, { ...before, birth: '19570313', document: '11010519491231002x' })).toEqual({ birth_date: '1957-03-13', document: '11010519491231002X' })
  })
  it('what somebody else put right meanwhile is not sent back as it was', () => {
    const now = patientDraft(patient({ birth_date: '1957-03-13', name: 'ZHANG^SI', display_name: '张四' }))
    const draft = rebasedDraft({ ...before, name: '张珊' }, before, now)
    expect(draft).toEqual({ ...now, name: '张珊' })
    expect(patientChanges(now, draft)).toEqual({ name: '张珊' })
  })
  it('an age counts where there is no birth date', () => {
    const young = patientDraft(patient({ birth_date: '', age: '045Y' }))
    expect(young).toMatchObject({ birth: '', age: '45', age_unit: 'Y' })
    expect(patientChanges(young, { ...young, age: '46' })).toEqual({ age_text: '46Y' })
    expect(patientInput({ ...young, name: '李四' })).toEqual({ name: '李四', sex: 'M', age_text: '45Y', patient_id: 'P1' })
  })
  it.each([
    [{ name: '' }, { name: 'name_empty' }],
    [{ birth: '', sex: '' as const }, {}],
    [{ birth: '2024-02-30' }, { birth: 'birth_unreadable' }],
    [{ birth: '2030-01-01' }, { birth: 'birth_later' }],
    [{ document: '110105194912310021' }, { document: 'document_check' }],
    [{ document: '11010519491231002X' }, { document: 'document_sex' }],
  ])('%j', (change, found) => expect(patientProblems({ ...before, ...change }, '2026-11-22')).toEqual(found))
  it('names in the words of the page, hidden when names are', () => {
    expect(nameWords('ZHANG^SAN=张^三')).toBe('张三')
    expect(nameWords('ZHANG^SAN')).toBe('ZHANG SAN')
    preferences.isMasked = true
    expect(nameWords('ZHANG^SAN=张^三')).toBe('张＊＊')
    expect(fieldWords('document', '11010519491231002X')).not.toContain('1949')
  })
  it.each([['sex', 'F', '女'], ['age', '45Y', '45 岁'], ['birth_date', '1957-03-12', '1957-03-12'], ['patient_id', '', ''], ['sex', null, '']] as const)('%s %s', (field, value, words) => expect(fieldWords(field, value)).toBe(words))
})

const AT = '2026-11-22T08:00:00+08:00'
const entry = (id: string, kind: CorrectionKind, change: Partial<Correction> = {}): Correction => ({
  id, kind, is_undo: false, undoes_id: null, undone_by_id: null, site: { id: 's', name: 'S' }, study_id: 'x', studies: [], reason: 'r', made_by: '李', is_operator: false, made_at: AT,
  before: {}, after: {}, can_undo: true, blocked_by: [], ...change,
})

describe('what a correction did', () => {
  it('patient data: only what differs', () =>
    expect(linesOf(entry('1', 'edit_patient', { before: { patient: { name: 'A^B', sex: 'M', age: '' } }, after: { patient: { name: 'A^C', sex: 'M', age: '' } } }))).toEqual([{ what: '姓名', before: 'A B', after: 'A C' }]))
  it('the age that follows from a birth date is no news', () =>
    expect(linesOf(entry('1', 'edit_patient', { before: { patient: { birth_date: '1957-03-12', age: '' } }, after: { patient: { birth_date: '1957-03-13', age: '069Y' } } })).map((line) => line.what)).toEqual(['出生日期']))
  it('images: of each study before and after, and whose they are now', () => {
    const studies = [{ id: 'a', role: 'from' as const, display_name: '张三', state: 'complete' as const }, { id: 'b', role: 'new' as const, display_name: '李四', state: 'complete' as const }]
    const lines = linesOf(entry('1', 'split', { studies, before: { patient: { name: 'A=张^三', sex: 'M' }, studies: [{ id: 'a', instances: 3 }] }, after: { patient: { name: 'B=李^四', sex: 'F' }, studies: [{ id: 'a', instances: 2 }, { id: 'b', instances: 1 }] } }))
    expect(lines.map((line) => [line.what, line.before, line.after])).toEqual([['移出 张三', '3', '2'], ['新的检查 李四', '0', '1'], ['图像所属患者', '张三', '李四']])
  })
  it('a match: the number, or that there is none', () =>
    expect(linesOf(entry('1', 'match', { after: { accession_number: 'S1' } }))).toEqual([{ what: '匹配申请单', before: '待匹配', after: 'S1' }]))
})

describe('corrections that a doctor has not confirmed', () => {
  const corrected: TaskCorrections = { patient_revision: 2, corrected_at: AT, corrections: [entry('2', 'split', { made_at: '2026-11-22T09:00:00+08:00' }), entry('1', 'edit_patient')] }
  const ids = (list: Correction[]): string[] => list.map((one) => one.id)
  it('all that came after the last confirmed one', () => {
    expect(ids(unseenOf(corrected, null))).toEqual(['2', '1'])
    expect(ids(unseenOf(corrected, '1'))).toEqual(['2'])
    expect(ids(unseenOf(corrected, '2'))).toEqual([])
    expect(ids(unseenOf(corrected, 'unknown'))).toEqual(['2', '1'])
    expect(latestOf(corrected)).toBe('2')
  })
  it('a reviewer is told of what came after the submission', () => {
    expect(ids(laterThan(corrected, '2026-11-22T08:30:00+08:00'))).toEqual(['2'])
    expect(laterThan(corrected, null)).toEqual([])
  })
})

describe('two claims', () => {
  const claim = (id: string, one: Patient) => ({ id, patient: one, source: 'image', trust: 0, claimed_at: AT, study_id: null, study_instance_uid: null })
  const review = {
    claims: [claim('a', patient()), claim('b', patient({ name: 'LI^SI=李^四', sex: 'M', birth_date: '' }))], agreements: ['patient_id', 'sex', 'document'], contradictions: ['name'],
  } as Pick<IdentityReview, 'claims' | 'agreements' | 'contradictions'>
  it('the gateway says what agrees; what only one of them says is no contradiction', () =>
    expect(comparedOf(review).map((line) => [line.field, line.standing, ...line.values])).toEqual([
      ['name', 'differs', '张三', '李四'], ['sex', 'agrees', '男', '男'], ['birth_date', 'unknown', '1957-03-12', ''], ['patient_id', 'agrees', 'P1', 'P1'], ['document', 'agrees', '', ''],
    ]))
})

describe('making a correction', () => {
  const preview = (revision: string): Preview => ({ revision }) as Preview
  const conflict = (members: Record<string, unknown>) => new Failure(409, 'conflict', 'no', '', members)

  it('what was looked at is what is made', async () => {
    const sent: unknown[] = []
    const one = useCorrection({ preview: () => Promise.resolve(preview('r1')), make: (more) => (sent.push(more), Promise.resolve({ id: 'c', study_id: 's', new_study_id: null })) })
    await one.look()
    expect(await one.make('why', ['name'])).toBe(true)
    expect(sent).toEqual([{ reason: 'why', revision: 'r1', confirmed: ['name'] }])
    expect(one.made.value?.id).toBe('c')
  })
  it('somebody was faster: says who, makes nothing, and looks again', async () => {
    const revisions = ['r1', 'r2']
    const changes = [{ what: 'correction', kind: 'split', by: '周', at: AT }]
    const one = useCorrection({ preview: () => Promise.resolve(preview(revisions.shift()!)), make: ({ revision }) => (revision === 'r1' ? Promise.reject(conflict({ code: 'stale', changes })) : Promise.resolve({ id: 'c', study_id: 's', new_study_id: null })) })
    await one.look()
    expect(await one.make('why', [])).toBe(false)
    expect(one.stale.value).toEqual(changes)
    expect(one.failure.value).toBeNull()
    await one.look()
    expect(one.stale.value).toBeNull()
    expect(await one.make('why', [])).toBe(true)
  })
  it('what stands in the way of an undo is told apart from a failure', async () => {
    const blockers = [{ id: 'x', kind: 'merge', made_by: '周', made_at: AT }]
    const one = useCorrection({ preview: () => Promise.reject(conflict({ code: 'blocked', blocked_by: blockers })), make: () => Promise.reject(new Error('never')) })
    expect(await one.look()).toBe(false)
    expect(one.blockers.value).toEqual(blockers)
    const other = useCorrection({ preview: () => Promise.reject(new Failure(404, 'not_found', 'gone', '')), make: () => Promise.reject(new Error('never')) })
    await other.look()
    expect(other.failure.value).toBeInstanceOf(Failure)
  })
})
