/* What the figures say, in the shapes that the page shows. A rate never goes without what it was counted from. */
import type { Basis, Coverage, Figures, Me, Ratio, Role, SiteFigures } from '@/api/types'
import type { Period } from './period'
import { spanOfSeconds } from '@/state/words'
import { monthsOf } from './period'

export const BASES: Basis[] = ['connected', 'served', 'regular']
export const LEGS = ['arrival', 'waiting', 'writing', 'review', 'return'] as const
export const CLOCKS = ['centre', 'site'] as const
export const MODES = ['central', 'local_draft', 'local'] as const

export const ratioOf = (numerator: number, denominator: number): Ratio => ({ numerator, denominator, value: denominator === 0 ? null : numerator / denominator })

/* One decimal. Not all is never 100 %, and something is never 0 %. */
export function percentText(ratio: Ratio): string {
  if (ratio.denominator === 0) return '—'
  const tenths = Math.round((ratio.numerator / ratio.denominator) * 1000)
  if (tenths === 1000 && ratio.numerator < ratio.denominator) return '99.9%'
  if (tenths === 0 && ratio.numerator > 0) return '<0.1%'
  return tenths % 10 === 0 ? `${tenths / 10}%` : `${(tenths / 10).toFixed(1)}%`
}

/* 1/8, or the bare denominator when nothing could be counted. */
export const countsText = (ratio: Ratio): string => (ratio.denominator === 0 ? '0' : `${ratio.numerator}/${ratio.denominator}`)

export type CommunityCoverage = Coverage['communities'][number]
export type Target = CommunityCoverage['targets'][number]

export function coverageOf(coverage: Coverage | null, community: string | null): CommunityCoverage | null {
  return coverage?.communities.find((one) => one.id === community) ?? null
}
export const basisRatio = (one: CommunityCoverage, basis: Basis): Ratio => ratioOf(one[basis], one.sites)

/* The next deadline, or the last one when all have passed: what is asked of the community now. */
export function targetNow(targets: Target[], today: string): Target | null {
  const inOrder = [...targets].sort((a, b) => (a.deadline < b.deadline ? -1 : a.deadline > b.deadline ? 1 : a.value - b.value))
  return inOrder.find((one) => one.deadline >= today) ?? inOrder[inOrder.length - 1] ?? null
}

/* From one month to the next, in the headline's basis: where it goes. */
export function trendOf(trend: Figures['coverage_trend'], basis: Basis): 'up' | 'down' | 'level' | null {
  const values = trend.map((month) => month[basis].value).filter((value): value is number => value !== null)
  if (values.length < 2) return null
  const change = values[values.length - 1]! - values[values.length - 2]!
  return change > 0 ? 'up' : change < 0 ? 'down' : 'level'
}

/* Sites are counted against what was enrolled, studies against what came. */
export function funnelOf(funnel: Figures['funnel']): { stage: string; count: number; of: Ratio | null }[] {
  const count = new Map(funnel.map((one) => [one.stage, one.count]))
  return funnel.map(({ stage, count: number }) => {
    const base = stage === 'connected_sites' ? count.get('enrolled_sites') : stage === 'enrolled_sites' || stage === 'studies' ? undefined : count.get('studies')
    return { stage, count: number, of: base === undefined ? null : ratioOf(number, base) }
  })
}

/* The reports that each site that counts got from the lead, and the number that makes a site regular in this period. */
export function siteBars(one: CommunityCoverage | null, coverage: Coverage | null, period: Period): { bars: { id: string; name: string; reports: number; state: 'regular' | 'served' | 'connected' | 'none'; hasEquipment: boolean }[]; target: number } {
  const bars = (one?.site_list ?? []).filter((site) => site.counts).map((site) => ({
    id: site.id, name: site.name, reports: site.reports, hasEquipment: site.has_equipment,
    state: site.is_regular ? ('regular' as const) : site.is_served ? ('served' as const) : site.is_connected ? ('connected' as const) : ('none' as const),
  }))
  bars.sort((a, b) => b.reports - a.reports || (a.name < b.name ? -1 : 1))
  return { bars, target: (coverage?.regular_reports_a_month ?? 0) * monthsOf(period) }
}

export type SiteOrder = 'wrong' | 'name' | 'studies' | 'reports' | 'in_time' | 'last_seen'
const valueOf = (ratio: Ratio): number => ratio.value ?? -1

export function sortSites(sites: SiteFigures[], order: string): SiteFigures[] {
  const byName = (a: SiteFigures, b: SiteFigures) => Number(b.counts) - Number(a.counts) || a.site.grid.localeCompare(b.site.grid, 'zh') || a.site.name.localeCompare(b.site.name, 'zh')
  const orders: Record<string, (a: SiteFigures, b: SiteFigures) => number> = {
    wrong: (a, b) => b.wrong.length - a.wrong.length,
    studies: (a, b) => b.studies - a.studies,
    reports: (a, b) => b.reports - a.reports,
    in_time: (a, b) => valueOf(a.in_time) - valueOf(b.in_time),
    last_seen: (a, b) => (a.last_seen_at ?? '').localeCompare(b.last_seen_at ?? ''),
  }
  const first = orders[order]
  return [...sites].sort((a, b) => (first?.(a, b) ?? 0) || byName(a, b))
}

/* The line of a sparkline in a box of 0 0 width height; nothing for fewer than two days. */
export function sparkline(daily: number[], width: number, height: number): string {
  if (daily.length < 2) return ''
  const top = Math.max(1, ...daily)
  const step = width / (daily.length - 1)
  return daily.map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`).join('')
}

/* What is wrong with a site: the parts of its detail that the words of the page name. */
export function wrongParts(wrong: SiteFigures['wrong'][number]): Record<string, string> {
  if (wrong.code === 'silent') {
    const [day = '', n = ''] = wrong.detail.split(' / ')
    return { day, n }
  }
  const clock = wrong.code === 'clock' ? /^(.*): (-?)(\d+) s$/su.exec(wrong.detail) : null
  if (clock !== null) return { detail: `${clock[1]}: ${clock[2] === '-' ? '−' : '+'}${spanOfSeconds(Number(clock[3]))}`, n: '' }
  return { detail: wrong.detail, n: wrong.detail }
}

/* How the columns of rows are read. */
export type CellKind = 'time' | 'seconds' | 'flag' | 'number' | 'patient_class' | 'reading_mode' | 'key' | 'text'

/* Whether it counted and how long it took stand first, behind what it is. */
const FIRST = ['study', 'code', 'counted', 'seconds']
export function inReadingOrder(columns: string[]): { column: string; index: number; kind: CellKind }[] {
  const place = (column: string) => (FIRST.includes(column) ? FIRST.indexOf(column) : FIRST.length)
  return columns.map((column, index) => ({ column, index, kind: cellKind(column) })).sort((a, b) => place(a.column) - place(b.column) || a.index - b.index)
}

export function cellKind(column: string): CellKind {
  if (column.endsWith('_at') || column === 'confirm_by') return 'time'
  if (column.endsWith('_s') || column === 'seconds') return 'seconds'
  if (column === 'counted' || column.startsWith('is_') || column.startsWith('has_') || column === 'enrolled') return 'flag'
  if (column === 'patient_class' || column === 'reading_mode') return column
  if (column === 'study') return 'key'
  if (['echoes', 'images', 'reports'].includes(column)) return 'number'
  return 'text'
}

const FIGURE_ROLES: Role[] = ['duty_leader', 'quality_controller', 'administrator', 'operator']
/* What is shown first: the community that the person works in, when all of it is theirs to see; '' leaves it to the gateway. */
export function homeCommunity(person: Me | null): string {
  const home = person?.community?.id ?? ''
  return person?.rights.some((one) => one.scope.id === home && one.scope.kind === 'community' && FIGURE_ROLES.includes(one.role)) ? home : ''
}
