/* What changed between two texts, as the reviewer reads it: Chinese by character, numbers and Latin words whole (3.2 -> 3.5 is one change). */
import { diffArrays } from 'diff'

export interface Piece { kind: 'same' | 'added' | 'removed'; text: string }

const TOKEN = /[A-Za-z]+|\d+(?:\.\d+)*|./gsu

export const tokensOf = (text: string): string[] => text.match(TOKEN) ?? []

/* Removed before added where both stand in one place. */
export function difference(before: string, after: string): Piece[] {
  if (before === after) return after === '' ? [] : [{ kind: 'same', text: after }]
  return diffArrays(tokensOf(before), tokensOf(after)).map((part) => ({
    kind: part.added ? 'added' : part.removed ? 'removed' : 'same',
    text: part.value.join(''),
  }))
}

export const isChanged = (pieces: Piece[]): boolean => pieces.some((piece) => piece.kind !== 'same')
