import { beforeEach, describe, expect, it } from 'vitest'
import type { Phrase, ReportBody, ReportTemplate } from '@/api/types'
import { difference, isChanged, tokensOf } from '@/pages/reading/parts/difference'
import { clean, emptyBody, isDirty, mayType, newDraft, SAVE_AFTER_MS, step, type Draft, type DraftEvent, type Effect } from '@/pages/reading/parts/draft'
import { expandShortcut, insertFromMenu, menuOf, menuQuery, phrasesFor } from '@/pages/reading/parts/phrases'
import { normalBody } from '@/pages/reading/parts/run'
import { applyTemplate, filledBy, normalOf } from '@/pages/reading/parts/templates'
import { noRows, PAGE, put, stale, wanted } from '@/pages/reading/parts/windows'
import { copiesOf, forgetCopy, keepCopy, purgeCopies, readCopy, type Copy } from '@/state/copies'

const body = (findings: string, more: Partial<ReportBody> = {}): ReportBody => ({ ...emptyBody(), findings, ...more })
const copy = (text: string, revision: number, sent: string | null = null): Copy => ({ body: body(text), revision, sent: sent === null ? null : body(sent), at: 1, label: '' })
const names = (effects: Effect[]): string => effects.map((one) => (one.do === 'wait' ? `wait ${one.ms}` : one.do)).join(', ')

/* Lets things happen one after the other; the effects are those of the last. */
function after(...events: DraftEvent[]): { draft: Draft; did: string } {
  let draft = newDraft()
  let effects: Effect[] = []
  for (const event of events) [draft, effects] = step(draft, event)
  return { draft, did: names(effects) }
}
const opened = (text = '', revision = 0, kept: Copy | null = null, access: 'write' | 'lost' | 'closed' | 'elsewhere' = 'write'): DraftEvent => ({
  type: 'open', access, server: { body: body(text), revision }, copy: kept, savedAt: null,
})
const typed = (findings: string): DraftEvent => ({ type: 'type', patch: { findings } })
const due: DraftEvent = { type: 'due' }
const saved = (revision: number): DraftEvent => ({ type: 'saved', revision, at: 5 })

describe('what is typed', () => {
  it('is kept at once and sent after the silence', () => {
    expect(after(opened(), typed('a')).did).toBe(`keep, wait ${SAVE_AFTER_MS}`)
    const sending = after(opened(), typed('a'), due)
    expect(sending.did).toBe('rest, keep, send')
    expect(sending.draft.sending?.findings).toBe('a')
    const done = after(opened(), typed('a'), due, saved(1))
    expect(done.did).toBe('forget')
    expect(done.draft).toMatchObject({ revision: 1, savedAt: 5, sent: null })
    expect(isDirty(done.draft)).toBe(false)
  })
  it('goes on while a save is on its way', () => {
    const { draft, did } = after(opened(), typed('a'), due, typed('ab'), saved(1))
    expect(did).toBe(`keep, wait ${SAVE_AFTER_MS}`)
    expect(draft.base.findings).toBe('a')
    expect(draft.body.findings).toBe('ab')
  })
  it('taken back by hand needs no save and leaves no copy', () => expect(after(opened('a', 1), typed('ab'), typed('a')).did).toBe('rest, forget'))
  it('twice due sends once', () => expect(after(opened(), typed('a'), due, due).did).toBe(''))
})

describe('a save that fails', () => {
  it('without a link is repeated as it was, later each time', () => {
    const fail: DraftEvent = { type: 'failed', why: 'link' }
    expect(after(opened(), typed('a'), due, fail).did).toBe('wait 1000')
    expect(after(opened(), typed('a'), due, fail, due, fail, due, fail).did).toBe('wait 4000')
    const again = after(opened(), typed('a'), due, typed('ab'), fail, due)
    expect(again.draft.sending?.findings).toBe('a')
    expect(again.draft.body.findings).toBe('ab')
    const done = after(opened(), typed('a'), due, typed('ab'), fail, due, saved(1))
    expect(done.draft.base.findings).toBe('a')
    expect(done.did).toBe(`keep, wait ${SAVE_AFTER_MS}`)
  })
  it('waits no longer than half a minute', () => {
    const events: DraftEvent[] = [opened(), typed('a')]
    for (let i = 0; i < 30; i++) events.push(due, { type: 'failed', why: 'link' })
    expect(after(...events).did).toBe('wait 30000')
  })
  it('that the gateway does not accept is not repeated before something was changed', () => {
    const refused = after(opened(), typed('a'), due, { type: 'failed', why: 'refused' })
    expect(refused.did).toBe('keep')
    expect(refused.draft.trouble).toBe('refused')
    expect(after(opened(), typed('a'), due, { type: 'failed', why: 'refused' }, typed('b')).did).toBe(`keep, wait ${SAVE_AFTER_MS}`)
  })
  const look: DraftEvent = { type: 'failed', why: 'look' }
  const looked = (text: string, revision: number, access: 'write' | 'lost' | 'closed' = 'write'): DraftEvent => ({ type: 'looked', access, server: { body: body(text), revision } })
  it('whose answer was lost is taken as saved', () => {
    const { draft, did } = after(opened(), typed('a'), due, typed('ab'), look, looked('a', 1))
    expect(did).toBe('keep, wait 0')
    expect(draft).toMatchObject({ revision: 1, conflict: null })
    expect(draft.body.findings).toBe('ab')
    expect(after(opened(), typed('a'), due, look, looked('a', 1)).did).toBe('forget')
  })
  it('against another text keeps both until the person has chosen', () => {
    const { draft, did } = after(opened('x', 1), typed('mine'), due, look, looked('theirs', 4))
    expect(did).toBe('rest, keep')
    expect(draft.body.findings).toBe('mine')
    expect(draft.conflict?.body.findings).toBe('theirs')
    expect(mayType(draft)).toBe(false)
    expect(step(draft, typed('lost?'))[0].body.findings).toBe('mine')
    const [settled, effects] = step(draft, { type: 'settle', body: body('mine and theirs') })
    expect(names(effects)).toBe('keep, wait 0')
    expect(settled).toMatchObject({ revision: 4, conflict: null })
    expect(names(step(draft, { type: 'settle', body: body('theirs') })[1])).toBe('forget')
  })
  it('when nothing was typed shows what the gateway has', () => {
    const [draft] = step(after(opened('x', 1)).draft, looked('y', 2))
    expect(draft.body.findings).toBe('y')
  })
  it('when somebody else holds the task becomes read only with the text kept', () => {
    const { draft, did } = after(opened('x', 1), typed('mine'), due, look, looked('x', 1, 'lost'))
    expect(did).toBe('keep')
    expect(draft.access).toBe('lost')
    expect(draft.body.findings).toBe('mine')
    expect(step(draft, typed('more'))[0]).toBe(draft)
  })
})

describe('opened again', () => {
  it('goes on with what this browser kept', () => {
    const { draft, did } = after(opened('a', 3, copy('ab', 3)))
    expect(did).toBe('keep, wait 0')
    expect(draft.body.findings).toBe('ab')
  })
  it('knows a save whose answer was lost with the page', () => {
    const { draft } = after(opened('ab', 4, copy('abc', 3, 'ab')))
    expect(draft).toMatchObject({ revision: 4, conflict: null, sent: null })
    expect(draft.body.findings).toBe('abc')
  })
  it('shows both where the gateway has another text', () => expect(after(opened('z', 5, copy('ab', 3))).draft.conflict?.revision).toBe(5))
  it('forgets what the gateway has', () => expect(after(opened('ab', 4, copy('ab', 3))).did).toBe('forget'))
  it('where it cannot be written, the kept text is offered beside', () => {
    const { draft, did } = after(opened('z', 5, copy('ab', 3), 'closed'))
    expect(did).toBe('')
    expect(draft.left?.findings).toBe('ab')
    expect(draft.body.findings).toBe('z')
    expect(names(step(draft, { type: 'discard' })[1])).toBe('forget')
  })
})

describe('two tabs', () => {
  it('the older one stops and leaves the copy alone', () => {
    const { draft, did } = after(opened(), typed('a'), { type: 'tab' })
    expect(did).toBe('rest')
    expect(draft.access).toBe('elsewhere')
    expect(after(opened(), typed('a'), due, { type: 'tab' }, saved(1)).did).toBe('')
    expect(after(opened(), typed('a'), { type: 'tab' }, typed('b')).draft.body.findings).toBe('a')
  })
})

it('leaves the copy where a submission closes over unsaved text', () => {
  expect(after(opened(), typed('a'), { type: 'close' }).did).toBe('rest')
  expect(after(opened(), typed('a'), due, saved(1), { type: 'close' }).did).toBe('rest, forget')
})

it('takes a text as the gateway takes it', () => expect(clean('a\r\nb\u0000\u0007c\td')).toBe('a\nbc\td'))

describe('local copies', () => {
  beforeEach(() => localStorage.clear())
  it('are of one person and one task', () => {
    keepCopy('p1', 't1', copy('a', 1))
    keepCopy('p2', 't1', copy('b', 1))
    expect(readCopy('p1', 't1')?.body.findings).toBe('a')
    expect(copiesOf('p2').map((one) => one.task)).toEqual(['t1'])
    forgetCopy('p1', 't1')
    expect(readCopy('p1', 't1')).toBeNull()
    expect(readCopy('p2', 't1')).not.toBeNull()
  })
  it('are removed when old, spoilt or too many', () => {
    const now = 1_000_000_000_000
    keepCopy('p', 'old', { ...copy('a', 1), at: now - 8 * 24 * 3600 * 1000 })
    localStorage.setItem('yq.draft.p.spoilt', '{"body":')
    for (let i = 0; i < 45; i++) keepCopy('p', `n${i}`, { ...copy('a', 1), at: now - i })
    localStorage.setItem('another', 'stays')
    purgeCopies(now)
    expect(readCopy('p', 'old')).toBeNull()
    expect(localStorage.getItem('yq.draft.p.spoilt')).toBeNull()
    expect(copiesOf('p')).toHaveLength(40)
    expect(readCopy('p', 'n0')).not.toBeNull()
    expect(localStorage.getItem('another')).toBe('stays')
  })
})

describe('difference', () => {
  it('is by character in Chinese, by word and number elsewhere', () => expect(tokensOf('右肺3.2cm𠮷')).toEqual(['右', '肺', '3.2', 'cm', '𠮷']))
  it.each([
    ['右肺结节', '左肺结节', '-右+左肺结节'],
    ['直径3.2cm', '直径3.5cm', '直径-3.2+3.5cm'],
    ['未见异常', '未见明显异常', '未见+明显异常'],
    ['', '新', '+新'],
    ['同', '同', '同'],
  ])('%s -> %s', (before, now, shown) => {
    expect(difference(before, now).map((piece) => (piece.kind === 'added' ? '+' : piece.kind === 'removed' ? '-' : '') + piece.text).join('')).toBe(shown)
    expect(isChanged(difference(before, now))).toBe(before !== now)
  })
})

describe('phrases', () => {
  const phrase = (shortcut: string, text: string, more: Partial<Phrase> = {}): Phrase => ({ id: shortcut, shortcut, text, modality: '', field: '', ...more })
  const all = [phrase('xj', '心界不大'), phrase('j', '结节'), phrase('fz', '双肺纹理增重', { modality: 'DX' }), phrase('ct', '平扫', { modality: 'CT' }), phrase('结', '结论', { field: 'impression' })]
  const usable = phrasesFor(all, 'DX', 'findings')
  it('are those of the examination and the field, the bound ones first', () => expect(usable.map((one) => one.shortcut)).toEqual(['fz', 'j', 'xj']))
  it.each([
    ['见xj', 3, '见心界不大', 5],
    ['xj后', 2, '心界不大后', 4],
    ['maxj', 4, null, 0],
    ['没有', 2, null, 0],
  ])('Tab behind %s', (text, caret, result, at) => {
    expect(expandShortcut({ text, caret }, usable)).toEqual(result === null ? null : { text: result, caret: at })
  })
  it.each([['/', ''], ['见/f', 'f'], ['1/2', null], ['a / b', null], ['//x', null]])('%s opens the list for %s', (text, query) => expect(menuQuery({ text, caret: text.length })).toBe(query))
  it('by shortcut, then by text', () => expect(menuOf('x', [...usable, phrase('a', 'ax')]).map((one) => one.shortcut)).toEqual(['xj', 'a']))
  it('replace the slash and what was typed behind it', () => expect(insertFromMenu({ text: '见/x。', caret: 3 }, usable[2]!)).toEqual({ text: '见心界不大。', caret: 5 }))
})

describe('templates', () => {
  const template: ReportTemplate = { id: 't', name: '胸部正常', modality: 'DX', body_part: 'CHEST', result: 'negative', body: { method: '正位', findings: '未见异常', impression: '正常', recommendation: '' } }
  it('never go over typed text unless asked to', () => {
    const mine = body('结节')
    expect(filledBy(template, mine)).toEqual(['findings'])
    expect(applyTemplate(template, mine, 'empty')).toEqual({ method: '正位', impression: '正常', result: 'negative' })
    expect(applyTemplate(template, mine, 'append').findings).toBe('结节\n未见异常')
    expect(applyTemplate(template, mine, 'replace').findings).toBe('未见异常')
  })
  it('do not change a flag that is set', () => expect(applyTemplate(template, body('', { result: 'positive' }), 'empty').result).toBeUndefined())
  it('the normal one makes a whole negative report', () => {
    expect(normalBody(normalOf([{ ...template, result: null }, template]), ['甲', '乙'])).toMatchObject({ findings: '未见异常', result: 'negative', quality_grade: '甲', is_critical: false })
    expect(normalBody(null, ['甲'])).toBeNull()
  })
})

describe('windows of a long list', () => {
  const rows = (first: number, count: number) => Array.from({ length: count }, (_, index) => ({ id: `r${first + index}` }))
  it('fetch what is looked at, once', () => {
    const list = put(noRows<{ id: string }>(), 0, rows(0, PAGE), 30_000)
    expect(list.rows).toHaveLength(30_000)
    expect(wanted(list, 0, 20)).toEqual([])
    expect(wanted(list, 90, 210)).toEqual([100, 200])
    expect(wanted(put(list, 100, rows(100, PAGE), 30_000), 90, 120)).toEqual([])
    expect(wanted(list, 29_990, 40_000)).toEqual([29_900])
  })
  it('keep what is shown while it is old', () => {
    const list = stale(put(noRows<{ id: string }>(), 0, rows(0, 50), 50))
    expect(list.rows[3]?.id).toBe('r3')
    expect(wanted(list, 0, 10)).toEqual([0])
  })
  it('show a row in one place only, and shrink with the list', () => {
    let list = put(noRows<{ id: string }>(), 0, rows(0, PAGE), 250)
    list = put(list, 100, rows(100, PAGE), 250)
    list = put(stale(list), 0, [{ id: 'r150' }, ...rows(0, PAGE - 1)], 180)
    expect(list.rows).toHaveLength(180)
    expect(list.rows.filter((row) => row?.id === 'r150')).toHaveLength(1)
    expect(wanted(list, 140, 160)).toEqual([100])
  })
  it('an empty list wants its first window', () => expect(wanted(noRows(), 0, 0)).toEqual([0]))
})
