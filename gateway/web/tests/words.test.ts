import { beforeEach, describe, expect, it } from 'vitest'
import { useLanguage } from '@/i18n'
import { maskName } from '@/state/mask'
import { ageWord, clockOf, dayOf, spanOf, whenOf } from '@/state/words'

beforeEach(() => useLanguage('zh-CN'))

describe('clock times are those of the installation', () => {
  it.each([
    ['2026-11-22T16:30:00Z', '2026-11-23', '00:30'],
    ['2026-11-22T00:05:00+08:00', '2026-11-22', '00:05'],
  ])('%s', (at, day, clock) => {
    expect(dayOf(at)).toBe(day)
    expect(clockOf(at)).toBe(clock)
  })
  it('names the day only when it is another one', () => {
    const now = new Date('2026-11-22T10:00:00+08:00')
    expect(whenOf('2026-11-22T08:42:00+08:00', now)).toBe('08:42')
    expect(whenOf('2026-11-21T08:42:00+08:00', now)).toBe('11-21 08:42')
    expect(whenOf('2025-11-21T08:42:00+08:00', now)).toBe('2025-11-21 08:42')
    expect(whenOf('rubbish', now)).toBe('')
  })
})

it.each([
  [12, '12 分钟'],
  [60, '1 小时'],
  [125, '2 小时 5 分'],
  [60 * 24 * 3, '3 天'],
])('%i minutes in words', (minutes, words) => expect(spanOf(minutes * 60_000)).toBe(words))

it.each([
  ['045Y', '', '45 岁'],
  ['006M', '', '6 个月'],
  ['', '1980-11-23', '45 岁'],
  ['', '1980-11-22', '46 岁'],
  ['', '2999-01-01', ''],
])('age %s born %s', (age, birth, words) => expect(ageWord(age, birth, new Date('2026-11-22T12:00:00+08:00'))).toBe(words))

it.each([
  ['张三', '张＊＊'],
  ['𠮷野家', '𠮷＊＊'],
  ['', ''],
])('masked %s', (name, masked) => expect(maskName(name)).toBe(masked))
