import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Coverage, Figures, Me, SiteFigures } from '@/api/types'
import { useLanguage } from '@/i18n'
import { heatOption, legsOption, shorten, siteOption, trendOption, unitFor, volumeOption, type Palette } from '@/pages/cockpit/charts'
import { basisRatio, cellKind, countsText, coverageOf, funnelOf, homeCommunity, inReadingOrder, percentText, ratioOf, siteBars, sortSites, sparkline, targetNow, trendOf, wrongParts, type CommunityCoverage, type Target } from '@/pages/cockpit/figures'
import { Gentle } from '@/pages/cockpit/gentle'
import { addDays, daysOf, isDay, monthsOf, periodOf } from '@/pages/cockpit/period'
import { lengthText, ratioText } from '@/pages/cockpit/words'

beforeEach(() => useLanguage('zh-CN'))

describe('the period', () => {
  it.each([
    ['month', '2026-11-22', '2026-11-01', '2026-11-22'],
    ['last_month', '2026-11-22', '2026-10-01', '2026-10-31'],
    ['last_month', '2026-01-05', '2025-12-01', '2025-12-31'],
    ['last_month', '2024-03-31', '2024-02-01', '2024-02-29'],
    ['quarter', '2026-11-22', '2026-10-01', '2026-11-22'],
    ['quarter', '2026-03-31', '2026-01-01', '2026-03-31'],
    ['year', '2026-11-22', '2026-01-01', '2026-11-22'],
    ['rubbish', '2026-11-22', '2026-11-01', '2026-11-22'],
  ])('%s on %s', (name, today, from, to) => expect(periodOf(name, today)).toEqual({ from, to }))
  it.each([
    ['2026-02-01', '2026-02-28', '2026-02-01', '2026-02-28'],
    ['2026-02-28', '2026-02-01', '2026-11-01', '2026-11-22'],
    ['2026-02-30', '2026-03-01', '2026-11-01', '2026-11-22'],
    ['', '2026-03-01', '2026-11-01', '2026-11-22'],
  ])('free from %s to %s', (from, to, first, last) => expect(periodOf('free', '2026-11-22', from, to)).toEqual({ from: first, to: last }))
  it('counts days and months', () => {
    expect(daysOf({ from: '2026-02-01', to: '2026-03-01' })).toBe(29)
    expect(monthsOf({ from: '2025-12-31', to: '2026-02-01' })).toBe(3)
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28')
    expect([isDay('2026-02-29'), isDay('2024-02-29'), isDay('20260229')]).toEqual([false, true, false])
  })
})

describe('a rate', () => {
  it.each([
    [1, 8, '12.5%', '1/8'], [0, 8, '0%', '0/8'], [8, 8, '100%', '8/8'], [0, 0, '—', '0'], [9999, 10000, '99.9%', '9999/10000'], [1, 10000, '<0.1%', '1/10000'], [2, 3, '66.7%', '2/3'],
  ])('%i of %i is %s', (numerator, denominator, percent, counts) => {
    expect(percentText(ratioOf(numerator, denominator))).toBe(percent)
    expect(countsText(ratioOf(numerator, denominator))).toBe(counts)
  })
  it('goes with its denominator in both languages', () => {
    expect(ratioText(ratioOf(1, 8))).toBe('12.5%（1/8）')
    expect(ratioText(ratioOf(0, 0))).toBe('—（0）')
    useLanguage('en')
    expect(ratioText(ratioOf(0, 0))).toBe('— (0)')
  })
  it.each([[null, '—'], [12.4, '12 秒'], [60, '1 分钟'], [5000, '1 小时 23 分']])('a length of %s s', (seconds, words) => expect(lengthText(seconds)).toBe(words))
})

const target = (value: number, deadline: string): Target => ({ site_type: 'township_health_centre', value, deadline, source: '', rate: null, standing: 'late' })
const community = (more: Partial<CommunityCoverage> = {}): CommunityCoverage => ({
  id: 'c', name: 'C', site_type: 'township_health_centre', sites: 8, without_equipment: 0, connected: 5, served: 3, regular: 1, rate: { connected: 0.625, served: 0.375, regular: 0.125 }, headline_rate: 0.375, targets: [], site_list: [], ...more,
})

describe('coverage', () => {
  it('is that of the community', () => {
    const coverage = { communities: [community({ id: 'a' }), community({ id: 'b' })] } as Coverage
    expect(coverageOf(coverage, 'b')?.id).toBe('b')
    expect([coverageOf(coverage, null), coverageOf(null, 'b')]).toEqual([null, null])
    expect(basisRatio(community(), 'served')).toEqual({ numerator: 3, denominator: 8, value: 0.375 })
  })
  it('is held against the next deadline, or the last', () => {
    const targets = [target(0.8, '2025-12-31'), target(0.5, '2024-12-31')]
    expect(targetNow(targets, '2024-06-01')?.value).toBe(0.5)
    expect(targetNow(targets, '2025-12-31')?.value).toBe(0.8)
    expect(targetNow(targets, '2026-11-22')?.value).toBe(0.8)
    expect(targetNow([], '2026-11-22')).toBeNull()
  })
  it('says where it goes, when there are months to compare', () => {
    const month = (numerator: number, denominator = 8) => ({ month: '', connected: ratioOf(0, 8), served: ratioOf(numerator, denominator), regular: ratioOf(0, 8) })
    expect([trendOf([month(1), month(2)], 'served'), trendOf([month(2), month(1)], 'served'), trendOf([month(2), month(2)], 'served')]).toEqual(['up', 'down', 'level'])
    expect([trendOf([month(1)], 'served'), trendOf([month(0, 0), month(1)], 'served')]).toEqual([null, null])
  })
  it('shows sites that count, most reports first, with the line for the whole period', () => {
    const site = (id: string, reports: number, counts = true, more = {}) => ({ id, code: id, name: id, grid: '', licensed_type: 'township_health_centre', has_equipment: true, counts, echoes: 0, images: 0, reports, is_connected: false, is_served: reports > 0, is_regular: reports > 39, ...more })
    const { bars, target: line } = siteBars(community({ site_list: [site('a', 0), site('b', 50), site('h', 99, false), site('c', 3), site('d', 0, true, { is_connected: true })] }), { regular_reports_a_month: 20 } as Coverage, { from: '2026-10-01', to: '2026-11-22' })
    expect(bars.map((bar) => [bar.id, bar.reports, bar.state])).toEqual([['b', 50, 'regular'], ['c', 3, 'served'], ['a', 0, 'none'], ['d', 0, 'connected']])
    expect(line).toBe(40)
  })
})

it('counts sites against sites and studies against studies', () => {
  const funnel = funnelOf([{ stage: 'enrolled_sites', count: 4 }, { stage: 'connected_sites', count: 3 }, { stage: 'studies', count: 10 }, { stage: 'issued', count: 5 }])
  expect(funnel.map((step) => step.of && countsText(step.of))).toEqual([null, '3/4', null, '5/10'])
})

describe('the sites', () => {
  const site = (name: string, more: Partial<SiteFigures> = {}): SiteFigures => ({
    site: { id: name, code: name, name, grid: 'g' }, counts: true, has_equipment: true, studies: 0, reports: 0, in_time: ratioOf(0, 0), positive: ratioOf(0, 0), grade_a: ratioOf(0, 0), daily: [], last_seen_at: null, wrong: [], ...more,
  })
  it('come in the order asked for', () => {
    const sites = [site('a', { studies: 1, in_time: ratioOf(1, 2) }), site('b', { studies: 9, last_seen_at: '2026-11-22T08:00:00+08:00' }), site('c', { wrong: [{ code: 'silent', detail: '' }], in_time: ratioOf(1, 1) })]
    const names = (order: string) => sortSites(sites, order).map((one) => one.site.name).join('')
    expect([names('wrong'), names('studies'), names('in_time'), names('last_seen'), names('rubbish')]).toEqual(['cab', 'bac', 'bac', 'acb', 'abc'])
  })
  it('draw their days from left to right within the box', () => {
    expect(sparkline([0, 4, 2], 10, 22)).toBe('M0.0 21.0L5.0 1.0L10.0 11.0')
    expect(sparkline([0, 0], 10, 22)).toBe('M0.0 21.0L10.0 21.0')
    expect(sparkline([3], 10, 22)).toBe('')
  })
  it('say what is wrong by its parts', () => {
    expect(wrongParts({ code: 'silent', detail: '2026-11-01 / 12.5' })).toEqual({ day: '2026-11-01', n: '12.5' })
    expect(wrongParts({ code: 'incomplete', detail: '3' }).n).toBe('3')
    expect(wrongParts({ code: 'clock', detail: 'DR: -28801 s' }).detail).toBe('DR: −8 小时')
  })
})

it('reads rows by the names of their columns', () => {
  expect(['issued_at', 'confirm_by', 'paused_s', 'seconds', 'counted', 'has_equipment', 'patient_class', 'study', 'reports', 'site'].map(cellKind)).toEqual(['time', 'time', 'seconds', 'seconds', 'flag', 'flag', 'patient_class', 'key', 'number', 'text'])
  expect(inReadingOrder(['study', 'site', 'issued_at', 'seconds', 'counted']).map((one) => [one.column, one.index])).toEqual([['study', 0], ['counted', 4], ['seconds', 3], ['site', 1], ['issued_at', 2]])
})

it('shows the own community first, when all of it may be seen', () => {
  const me = (role: string, kind: string) => ({ community: { id: 'b', name: 'B' }, rights: [{ role, scope: { id: kind === 'site' ? 's' : 'b', kind, name: '' } }] }) as unknown as Me
  expect([me('administrator', 'community'), me('reporter', 'community'), me('administrator', 'site'), null].map(homeCommunity)).toEqual(['b', '', '', ''])
})

describe('refreshing', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())
  it('runs at once, then at most once in its time, for all that asked', () => {
    const run = vi.fn()
    const gentle = new Gentle(run, 60_000)
    for (let i = 0; i < 5; i++) gentle.poke()
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(59_000)
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1_000)
    expect(run).toHaveBeenCalledTimes(2)
    vi.advanceTimersByTime(600_000)
    expect(run).toHaveBeenCalledTimes(2)
  })
  it('waits after it was done by hand, and stops', () => {
    const run = vi.fn()
    const gentle = new Gentle(run, 60_000)
    gentle.done()
    gentle.poke()
    expect(run).not.toHaveBeenCalled()
    gentle.stop()
    vi.advanceTimersByTime(120_000)
    expect(run).not.toHaveBeenCalled()
  })
})

describe('charts', () => {
  const palette: Palette = { text: '#1', quiet: '#2', line: '#3', surface: '#4', accent: '#5', good: '#6', wait: '#7', late: '#8', plain: '#9', heat: ['#a', '#b'], size: 14, family: 'x' }
  const words = (key: string, named: Record<string, unknown> = {}) => [key, ...Object.values(named)].join(' ')
  const hostile = '<img src=x onerror=alert(1)>'
  type Series = { data: unknown[]; markLine?: { data: unknown[] } }[]
  it('never make HTML of what the ledger holds', () => {
    const options = [
      volumeOption([], words, palette, false), siteOption([{ name: hostile, reports: 1, state: 'served' }], 0, words, palette, false), legsOption([], words, palette, false),
      heatOption([], words, palette, false), trendOption([], null, words, palette, false),
    ]
    for (const option of options) expect((option.tooltip as { renderMode: string }).renderMode).toBe('richText')
  })
  it('draw the line that makes a site regular only where there is one', () => {
    const series = (line: number) => siteOption([{ name: 'a', reports: 1, state: 'served' }], line, words, palette, false).series as Series
    expect(series(40)[0]!.markLine?.data).toEqual([{ xAxis: 40 }])
    expect(series(0)[0]!.markLine).toBeUndefined()
  })
  it('draw no point where nothing could be counted', () => {
    const trend: Figures['coverage_trend'] = [{ month: '2026-10', connected: ratioOf(0, 0), served: ratioOf(1, 8), regular: ratioOf(0, 8) }]
    expect((trendOption(trend, 0.8, words, palette, false).series as Series).map((one) => one.data)).toEqual([[null], [12.5], [0]])
  })
  it('tell lengths of time in a unit that fits', () => {
    expect([unitFor(20).name, unitFor(7_000).name, unitFor(90_000).name]).toEqual(['s', 'min', 'h'])
    const legs: Figures['turnaround'] = [{ leg: 'centre', count: 2, median_s: 600, p90_s: 1200 }, { leg: 'site', count: 0, median_s: null, p90_s: null }]
    expect((legsOption(legs, words, palette, false).series as Series).map((one) => one.data)).toEqual([[10, null], [20, null]])
  })
  it('shorten names by characters, not by halves of them', () => {
    expect(shorten('𠮷野家乡镇卫生院', 4)).toBe('𠮷野家…')
    expect(shorten('短', 4)).toBe('短')
  })
})
