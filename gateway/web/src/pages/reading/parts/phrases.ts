/* Personal phrases while typing: a shortcut and Tab, or `/` and a list. Pure. */
import type { Phrase } from '@/api/types'
import type { TextField } from './draft'

export interface Typed { text: string; caret: number }

/* Those of the examination and the field: what is bound to the modality or the field first, then by shortcut. */
export function phrasesFor(phrases: Phrase[], modality: string, field: TextField): Phrase[] {
  const rank = (phrase: Phrase): number => (phrase.modality === '' ? 1 : 0) + (phrase.field === '' ? 2 : 0)
  return phrases
    .filter((phrase) => (phrase.modality === '' || phrase.modality === modality) && (phrase.field === '' || phrase.field === field))
    .sort((a, b) => rank(a) - rank(b) || a.shortcut.localeCompare(b.shortcut, 'zh-CN'))
}

function replace(typed: Typed, from: number, phrase: Phrase): Typed {
  return { text: typed.text.slice(0, from) + phrase.text + typed.text.slice(typed.caret), caret: from + phrase.text.length }
}

/* Tab: the longest shortcut that stands right before the caret. Latin shortcuts must be a word of their own: `xj` is not in `maxj`. */
export function expandShortcut(typed: Typed, phrases: Phrase[]): Typed | null {
  const before = typed.text.slice(0, typed.caret)
  const fits = (shortcut: string): boolean => {
    if (shortcut === '' || !before.toLowerCase().endsWith(shortcut.toLowerCase())) return false
    const previous = before.charAt(before.length - shortcut.length - 1)
    return !(/^[\w]/.test(shortcut) && /\w/.test(previous))
  }
  const best = phrases.filter((phrase) => fits(phrase.shortcut)).sort((a, b) => b.shortcut.length - a.shortcut.length)[0]
  return best === undefined ? null : replace(typed, typed.caret - best.shortcut.length, best)
}

/* `/` at the start of a word, and what was typed since: null where no list is to open. */
export function menuQuery(typed: Typed): string | null {
  const match = /(?:^|[^\w/])\/([^\s/]{0,16})$/u.exec(typed.text.slice(0, typed.caret))
  return match === null ? null : (match[1] ?? '')
}

export function menuOf(query: string, phrases: Phrase[]): Phrase[] {
  const wanted = query.toLowerCase()
  const starts = phrases.filter((phrase) => phrase.shortcut.toLowerCase().startsWith(wanted))
  const holds = wanted === '' ? [] : phrases.filter((phrase) => !starts.includes(phrase) && phrase.text.toLowerCase().includes(wanted))
  return [...starts, ...holds].slice(0, 12)
}

export function insertFromMenu(typed: Typed, phrase: Phrase): Typed {
  const query = menuQuery(typed)
  return replace(typed, typed.caret - (query === null ? 0 : query.length + 1), phrase)
}
