/* The period that is looked at. Days are days of the installation, "2026-11-22"; a running period ends today. */
export const PERIODS = ['month', 'last_month', 'quarter', 'year', 'free'] as const
export type PeriodName = (typeof PERIODS)[number]
export interface Period { from: string; to: string }

const DAY = /^\d{4}-\d{2}-\d{2}$/

const two = (n: number): string => String(n).padStart(2, '0')
const numbers = (day: string): { year: number; month: number } => ({ year: Number(day.slice(0, 4)), month: Number(day.slice(5, 7)) })
const firstOf = (year: number, month: number): string => `${year}-${two(month)}-01`

export function isDay(text: string): boolean {
  if (!DAY.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}

export const daysOf = (period: Period): number => Math.round((Date.parse(`${period.to}T00:00:00Z`) - Date.parse(`${period.from}T00:00:00Z`)) / 86_400_000) + 1

/* How many calendar months a period touches: what is asked for a month is asked that often. */
export function monthsOf(period: Period): number {
  const from = numbers(period.from)
  const to = numbers(period.to)
  return (to.year - from.year) * 12 + to.month - from.month + 1
}

/* Free days that make no period fall back to the running month. */
export function periodOf(name: string, today: string, from = '', to = ''): Period {
  const { year, month } = numbers(today)
  if (name === 'free' && isDay(from) && isDay(to) && from <= to) return { from, to }
  if (name === 'last_month') return { from: month === 1 ? firstOf(year - 1, 12) : firstOf(year, month - 1), to: addDays(firstOf(year, month), -1) }
  if (name === 'quarter') return { from: firstOf(year, month - ((month - 1) % 3)), to: today }
  if (name === 'year') return { from: firstOf(year, 1), to: today }
  return { from: firstOf(year, month), to: today }
}
