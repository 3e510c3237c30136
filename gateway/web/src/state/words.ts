/* Times, ages, sexes and failures in words. Clock times are those of the installation's zone, wherever the browser stands. */
import { Failure } from '@/api/client'
import { translate } from '@/i18n'
import { reasonText } from './reasons'
import { timeZone } from './session'

const formats = new Map<string, Intl.DateTimeFormat>()

/* Taking a time apart is slow for tables that scroll: what was just asked is kept. */
const KEPT_MAX = 2_000
const kept = new Map<string | number, Record<string, string>>()
let keptZone = ''

function parts(at: string | Date): Record<string, string> {
  const zone = timeZone.value
  const key = typeof at === 'string' ? at : at.getTime()
  if (zone !== keptZone || kept.size >= KEPT_MAX) kept.clear()
  keptZone = zone
  let found = kept.get(key)
  if (found === undefined) kept.set(key, (found = takeApart(at, zone)))
  return found
}

function takeApart(at: string | Date, zone: string): Record<string, string> {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
    })
    formats.set(zone, format)
  }
  const date = typeof at === 'string' ? new Date(at) : at
  if (Number.isNaN(date.getTime())) return {}
  return Object.fromEntries(format.formatToParts(date).map((part) => [part.type, part.value]))
}

/* 2026-11-22 */
export function dayOf(at: string | Date): string {
  const p = parts(at)
  return p.year === undefined ? '' : `${p.year}-${p.month}-${p.day}`
}

/* 08:42 */
export function clockOf(at: string | Date): string {
  const p = parts(at)
  return p.hour === undefined ? '' : `${p.hour}:${p.minute}`
}

/* 08:42 today, 11-21 08:42 in this year, else with the year. */
export function whenOf(at: string | Date, now: Date = new Date()): string {
  const day = dayOf(at)
  const today = dayOf(now)
  if (day === '') return ''
  if (day === today) return clockOf(at)
  return `${day.slice(0, 4) === today.slice(0, 4) ? day.slice(5) : day} ${clockOf(at)}`
}

export const today = (): string => dayOf(new Date())

/* 12 分钟, 3 小时 5 分, 4 天 */
export function spanOf(ms: number): string {
  const minutes = Math.floor(Math.abs(ms) / 60_000)
  if (minutes < 60) return translate('common.minutes', { n: minutes })
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return translate('common.days', { n: Math.floor(hours / 24) })
  return minutes % 60 === 0 ? translate('common.hours', { n: hours }) : translate('common.hours_minutes', { h: hours, m: minutes % 60 })
}

export const spanOfSeconds = (seconds: number): string => spanOf(seconds * 1000)

export function sexWord(sex: string): string {
  return sex === 'M' ? translate('common.male') : sex === 'F' ? translate('common.female') : sex === 'O' ? translate('common.other_sex') : ''
}

const AGE_UNITS: Record<string, string> = { Y: 'years', M: 'months', W: 'weeks', D: 'age_days' }

/* PS3.5 AS "045Y", or from the birth date. */
export function ageWord(age: string, birthDate: string, now: Date = new Date()): string {
  const match = /^0*(\d{1,3})([YMWD])$/.exec(age)
  if (match !== null) return translate(`common.${AGE_UNITS[match[2] ?? 'Y']}`, { n: Number(match[1]) })
  const born = /^(\d{4})-(\d{2})-(\d{2})$/.exec(birthDate)
  if (born === null) return age
  const day = dayOf(now)
  const years = Number(day.slice(0, 4)) - Number(born[1]) - (day.slice(5) < `${born[2]}-${born[3]}` ? 1 : 0)
  return years >= 0 && years < 200 ? translate('common.years', { n: years }) : ''
}

/* What a person reads of a failed call: the reason in words of the page where it is a known one, else our words for its kind and the gateway's own sentence. */
export function failureText(failure: unknown): string {
  if (!(failure instanceof Failure)) return translate('common.failure.other')
  const reason = reasonText(failure.detail)
  if (reason !== '') return reason
  const known = ['unreachable', 'temporary', 'conflict', 'refused', 'not_found', 'invalid', 'no_space', 'expired']
  const words = [translate(`common.failure.${known.includes(failure.kind) ? failure.kind : 'other'}`)]
  if (failure.detail !== '' && failure.status < 500) words.push(failure.detail)
  if (failure.requestId !== '' && failure.status >= 500) words.push(translate('common.failure.number', { id: failure.requestId }))
  return words.join(' ')
}
