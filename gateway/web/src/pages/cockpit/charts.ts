/*
 * What the charts draw, as options of ECharts: plain data in, plain data out. Colours and type come from the theme. Tooltips are drawn into the canvas
 * (richText), so that no text of the ledger ever becomes HTML and the policy of the page holds.
 */
import type { Figures } from '@/api/types'
import { percentText } from './figures'

export interface Palette { text: string; quiet: string; line: string; surface: string; accent: string; good: string; wait: string; late: string; plain: string; heat: [string, string]; size: number; family: string }
export type Option = Record<string, unknown>
type Words = (key: string, named?: Record<string, unknown>) => string

function base(palette: Palette, animation: boolean): Option {
  return {
    animation,
    aria: { enabled: true },
    textStyle: { color: palette.text, fontFamily: palette.family, fontSize: palette.size },
    tooltip: {
      renderMode: 'richText', confine: true, backgroundColor: palette.surface, borderColor: palette.line, textStyle: { color: palette.text, fontSize: palette.size },
    },
    grid: { left: 8, right: 24, top: palette.size * 2.2, bottom: 4, containLabel: true },
  }
}

const axisLabel = (palette: Palette, more: Option = {}): Option => ({ color: palette.text, fontSize: palette.size * 0.9, ...more })
const valueAxis = (palette: Palette, more: Option = {}): Option => ({
  type: 'value', minInterval: 1, axisLabel: axisLabel(palette), splitLine: { lineStyle: { color: palette.line } }, nameTextStyle: { color: palette.quiet, fontSize: palette.size * 0.9 }, ...more,
})
const categoryAxis = (palette: Palette, data: string[], more: Option = {}): Option => ({
  type: 'category', data, axisTick: { show: false }, axisLine: { lineStyle: { color: palette.line } }, axisLabel: axisLabel(palette), ...more,
})
const legend = (palette: Palette): Option => ({ top: 0, right: 0, itemWidth: palette.size, itemHeight: palette.size * 0.7, textStyle: { color: palette.text, fontSize: palette.size * 0.9 } })
const tooltipOf = (option: Option): Option => option.tooltip as Option

export function shorten(name: string, most: number): string {
  const letters = Array.from(name)
  return letters.length <= most ? name : `${letters.slice(0, most - 1).join('')}…`
}

export function volumeOption(volume: Figures['volume'], words: Words, palette: Palette, animation: boolean): Option {
  const option = base(palette, animation)
  return {
    ...option,
    tooltip: { ...tooltipOf(option), trigger: 'axis' },
    legend: legend(palette),
    xAxis: categoryAxis(palette, volume.map((one) => one.day.slice(5)), { axisLabel: axisLabel(palette, { hideOverlap: true }) }),
    yAxis: valueAxis(palette),
    series: [
      { type: 'bar', name: words('cockpit.studies'), data: volume.map((one) => one.studies), itemStyle: { color: palette.accent }, barMaxWidth: palette.size * 2 },
      { type: 'line', name: words('cockpit.reports'), data: volume.map((one) => one.reports), itemStyle: { color: palette.wait }, lineStyle: { width: palette.size / 7 }, symbol: 'emptyCircle', symbolSize: palette.size * 0.45 },
    ],
  }
}

export function siteOption(bars: { name: string; reports: number; state: string }[], target: number, words: Words, palette: Palette, animation: boolean): Option {
  const option = base(palette, animation)
  const colours: Record<string, string> = { regular: palette.good, served: palette.accent, connected: palette.wait, none: palette.late }
  const shown = [...bars].reverse()
  return {
    ...option,
    tooltip: { ...tooltipOf(option), trigger: 'item' },
    grid: { left: 8, right: palette.size * 6, top: palette.size * 1.9, bottom: 4, containLabel: true },
    xAxis: valueAxis(palette, { max: (range: { max: number }) => (range.max < target ? target : range.max === 0 ? 1 : null) }),
    yAxis: categoryAxis(palette, shown.map((one) => one.name), { axisLabel: axisLabel(palette, { interval: 0, formatter: (name: string) => shorten(name, 11) }) }),
    series: [{
      type: 'bar', name: words('cockpit.lead_reports'), barMaxWidth: palette.size * 1.6,
      data: shown.map((one) => ({ value: one.reports, itemStyle: { color: colours[one.state] }, label: { formatter: `${one.reports} ${words(`cockpit.site_state.${one.state}`)}` } })),
      label: { show: true, position: 'right', color: palette.text, fontSize: palette.size * 0.9, backgroundColor: palette.surface, padding: [1, 2] },
      markLine: target > 0 ? {
        symbol: 'none', silent: true, z: 1, lineStyle: { color: palette.late, type: 'dashed', width: 2 },
        label: { formatter: words('cockpit.regular_line', { n: target }), color: palette.text, fontSize: palette.size * 0.9, position: 'end' }, data: [{ xAxis: target }],
      } : undefined,
    }],
  }
}

/* The unit in which lengths of time are read off an axis. */
export function unitFor(longest_s: number): { name: 's' | 'min' | 'h'; seconds: number } {
  if (longest_s < 180) return { name: 's', seconds: 1 }
  return longest_s < 6 * 3600 ? { name: 'min', seconds: 60 } : { name: 'h', seconds: 3600 }
}

export function legsOption(legs: Figures['turnaround'], words: Words, palette: Palette, animation: boolean): Option {
  const option = base(palette, animation)
  const unit = unitFor(Math.max(0, ...legs.map((one) => one.p90_s ?? 0)))
  const length = (seconds: number | null) => (seconds === null ? null : Math.round((seconds / unit.seconds) * 10) / 10)
  return {
    ...option,
    tooltip: { ...tooltipOf(option), trigger: 'axis', axisPointer: { type: 'shadow' } },
    legend: legend(palette),
    xAxis: categoryAxis(palette, legs.map((one) => `${words(`cockpit.leg.${one.leg}`)}\n(${one.count})`), { axisLabel: axisLabel(palette, { interval: 0 }) }),
    yAxis: valueAxis(palette, { name: words(`cockpit.unit.${unit.name}`), minInterval: 0 }),
    series: [
      { type: 'bar', name: words('cockpit.median'), data: legs.map((one) => length(one.median_s)), itemStyle: { color: palette.accent }, barMaxWidth: palette.size * 2.2 },
      { type: 'bar', name: words('cockpit.p90'), data: legs.map((one) => length(one.p90_s)), itemStyle: { color: palette.wait }, barMaxWidth: palette.size * 2.2 },
    ],
  }
}

export function heatOption(heat: Figures['heat'], words: Words, palette: Palette, animation: boolean): Option {
  const option = base(palette, animation)
  const most = Math.max(1, ...heat.map((one) => one.studies))
  const days = [1, 2, 3, 4, 5, 6, 7].map((day) => words(`cockpit.weekday.${day}`))
  return {
    ...option,
    tooltip: {
      ...tooltipOf(option),
      formatter: (one: { data: [number, number, number] }) => words('cockpit.heat_cell', { day: days[one.data[1]], hour: one.data[0], n: one.data[2] }),
    },
    grid: { left: 8, right: 8, top: 8, bottom: palette.size * 3.2, containLabel: true },
    xAxis: categoryAxis(palette, Array.from({ length: 24 }, (_, hour) => String(hour)), { splitArea: { show: false } }),
    yAxis: categoryAxis(palette, days, { inverse: true }),
    visualMap: {
      min: 0, max: most, precision: 0, calculable: false, orient: 'horizontal', left: 'center', bottom: 0, itemHeight: palette.size * 9, itemWidth: palette.size * 0.9, inRange: { color: palette.heat },
      textStyle: { color: palette.text, fontSize: palette.size * 0.9 }, text: [String(most), '0'],
    },
    series: [{ type: 'heatmap', name: words('cockpit.studies'), data: heat.map((one) => [one.hour, one.isodow - 1, one.studies]), itemStyle: { borderColor: palette.surface, borderWidth: 1 } }],
  }
}

export function trendOption(trend: Figures['coverage_trend'], target: number | null, words: Words, palette: Palette, animation: boolean): Option {
  const option = base(palette, animation)
  const colours = { connected: palette.wait, served: palette.accent, regular: palette.good }
  const symbols = { connected: 'emptyCircle', served: 'rect', regular: 'triangle' }
  return {
    ...option,
    tooltip: {
      ...tooltipOf(option), trigger: 'axis',
      formatter: (lines: { dataIndex: number }[]) => {
        const month = trend[lines[0]?.dataIndex ?? -1]
        if (month === undefined) return ''
        return [month.month, ...(['connected', 'served', 'regular'] as const).map((basis) => `${words(`cockpit.basis.${basis}`)} ${percentText(month[basis])} (${month[basis].numerator}/${month[basis].denominator})`)].join('\n')
      },
    },
    legend: legend(palette),
    xAxis: categoryAxis(palette, trend.map((month) => month.month)),
    yAxis: valueAxis(palette, { min: 0, max: 100, minInterval: 0, axisLabel: axisLabel(palette, { formatter: '{value}%' }) }),
    series: (['connected', 'served', 'regular'] as const).map((basis) => ({
      type: 'line', name: words(`cockpit.basis.${basis}`), symbol: symbols[basis], symbolSize: palette.size * 0.6, itemStyle: { color: colours[basis] }, lineStyle: { width: palette.size / 7 },
      data: trend.map((month) => (month[basis].value === null ? null : Math.round(month[basis].value * 1000) / 10)),
      markLine: basis === 'served' && target !== null ? {
        symbol: 'none', silent: true, lineStyle: { color: palette.late, type: 'dashed', width: 2 },
        label: { formatter: words('cockpit.target_line', { value: Math.round(target * 1000) / 10 }), color: palette.text, position: 'insideEndTop', fontSize: palette.size * 0.9 }, data: [{ yAxis: target * 100 }],
      } : undefined,
    })),
  }
}
