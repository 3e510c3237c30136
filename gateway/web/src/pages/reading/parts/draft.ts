/*
 * What becomes of a text between the keyboard and the ledger, as a machine without clock, network or storage: step() takes what happened and says
 * what is to be done. keeper.ts does it.
 *
 *          type            due               saved
 *   clean ------> dirty ---------> sending ----------> clean (or dirty again: typed meanwhile)
 *                   ^                 | failed: no link       wait, longer each time, and send again
 *                   |                 | failed: not accepted  look: what does the gateway have, do we hold the task still?
 *                   +-----------------+
 *   looked:  the gateway has what we sent (its answer was lost)  -> saved
 *            the gateway has another text                        -> conflict: both are shown, the person settles it
 *            the task is not ours any more                       -> lost: read only, the text stays here
 *
 * Promise: `body` never loses what was typed. Only the person replaces it (settle), and a copy is kept outside the page from the first key
 * until the gateway has the text (effects keep, forget).
 */
import type { ReportBody } from '@/api/types'
import type { Copy } from '@/state/copies'

/* write: here it is written; elsewhere: another tab of the same person has it; lost: somebody else or nobody holds the task; closed: submitted or issued */
export type Access = 'write' | 'elsewhere' | 'lost' | 'closed'
export interface ServerText { body: ReportBody; revision: number }

export interface Draft {
  access: Access
  body: ReportBody
  base: ReportBody /* what the gateway has, as far as we know */
  revision: number
  sending: ReportBody | null
  sent: ReportBody | null /* went out, and no answer said what became of it */
  conflict: ServerText | null
  left: ReportBody | null /* an unsaved text of earlier that cannot be saved here: to be copied or thrown away */
  trouble: 'link' | 'refused' | null
  tries: number
  savedAt: number | null
}

export type DraftEvent =
  | { type: 'open'; access: Access; server: ServerText; copy: Copy | null; savedAt: number | null }
  | { type: 'type'; patch: Partial<ReportBody> }
  | { type: 'due' }
  | { type: 'saved'; revision: number; at: number }
  | { type: 'failed'; why: 'link' | 'refused' | 'look' }
  | { type: 'looked'; access: Access; server: ServerText }
  | { type: 'lost' }
  | { type: 'tab' /* another tab writes on */ }
  | { type: 'settle'; body: ReportBody }
  | { type: 'discard' }
  | { type: 'close' }

export type Effect =
  | { do: 'keep' } | { do: 'forget' } | { do: 'wait'; ms: number } | { do: 'rest' } | { do: 'send'; body: ReportBody; revision: number } | { do: 'look' }

export const SAVE_AFTER_MS = 1_500
const RETRY_MAX_MS = 30_000

export const emptyBody = (): ReportBody => ({
  method: '', findings: '', impression: '', recommendation: '', result: null, is_critical: false, quality_grade: '', quality_reason: '',
})

export const TEXT_FIELDS = ['method', 'findings', 'impression', 'recommendation'] as const
export type TextField = (typeof TEXT_FIELDS)[number]
export const FIELDS = [...TEXT_FIELDS, 'result', 'is_critical', 'quality_grade', 'quality_reason'] as const

export const isSame = (a: ReportBody | null, b: ReportBody | null): boolean => a !== null && b !== null && FIELDS.every((field) => a[field] === b[field])
export const isBlank = (body: ReportBody): boolean => isSame(body, emptyBody())
export const isDirty = (draft: Draft): boolean => !isSame(draft.body, draft.base)
export const mayType = (draft: Draft): boolean => draft.access === 'write' && draft.conflict === null

/* A text as the gateway takes it: no control characters but newline and tab. */
export const clean = (text: string): string => text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')

/* Whatever the gateway sends, all members are there. */
export function bodyOf(partial: Partial<ReportBody> | null | undefined): ReportBody {
  const body = emptyBody()
  for (const field of FIELDS) {
    const value = partial?.[field]
    if (value !== undefined && value !== null) (body as unknown as Record<string, unknown>)[field] = value
  }
  return body
}

export function newDraft(): Draft {
  return {
    access: 'closed', body: emptyBody(), base: emptyBody(), revision: 0, sending: null, sent: null, conflict: null, left: null, trouble: null, tries: 0,
    savedAt: null,
  }
}

type Step = [Draft, Effect[]]

function open(event: Extract<DraftEvent, { type: 'open' }>): Step {
  const { access, server, copy } = event
  const draft: Draft = { ...newDraft(), access, body: server.body, base: server.body, revision: server.revision, savedAt: event.savedAt }
  if (copy === null) return [draft, []]
  if (isSame(copy.body, server.body)) return [draft, access === 'elsewhere' ? [] : [{ do: 'forget' }]]
  if (access === 'elsewhere') return [{ ...draft, body: copy.body }, []]
  if (access !== 'write') return [{ ...draft, left: copy.body }, []]
  const mine: Draft = { ...draft, body: copy.body, sent: isSame(copy.sent, server.body) ? null : copy.sent }
  if (copy.revision === server.revision || isSame(copy.sent, server.body)) return [mine, [{ do: 'keep' }, { do: 'wait', ms: 0 }]]
  return [{ ...mine, conflict: server }, [{ do: 'keep' }]]
}

function type(draft: Draft, patch: Partial<ReportBody>): Step {
  if (!mayType(draft)) return [draft, []]
  const next: Draft = { ...draft, body: { ...draft.body, ...patch }, trouble: draft.trouble === 'refused' ? null : draft.trouble }
  if (isSame(next.body, draft.body)) return [draft, []]
  if (!isDirty(next) && next.sending === null && next.sent === null) return [next, [{ do: 'rest' }, { do: 'forget' }]]
  return [next, [{ do: 'keep' }, ...(next.sending === null ? [{ do: 'wait', ms: SAVE_AFTER_MS } as const] : [])]]
}

function due(draft: Draft): Step {
  if (!mayType(draft) || draft.sending !== null || (!isDirty(draft) && draft.sent === null)) return [draft, []]
  /* What may have arrived goes out once more as it was, before anything newer: the gateway knows it again. */
  const body = draft.sent ?? draft.body
  return [{ ...draft, sending: body, sent: body, trouble: draft.trouble === 'refused' ? null : draft.trouble },
    [{ do: 'rest' }, { do: 'keep' }, { do: 'send', body, revision: draft.revision }]]
}

function saved(draft: Draft, revision: number, at: number): Step {
  const next: Draft = { ...draft, base: draft.sending ?? draft.base, sending: null, sent: null, revision, trouble: null, tries: 0, savedAt: at }
  if (draft.access === 'elsewhere') return [next, []] /* the copy is the other tab's now */
  if (!isDirty(next)) return [next, [{ do: 'forget' }]]
  return [next, [{ do: 'keep' }, ...(mayType(next) ? [{ do: 'wait', ms: SAVE_AFTER_MS } as const] : [])]]
}

function failed(draft: Draft, why: 'link' | 'refused' | 'look'): Step {
  const next: Draft = { ...draft, sending: null }
  if (why === 'look') return [next, [{ do: 'look' }]]
  if (why === 'refused') return [{ ...next, sent: null, trouble: 'refused' }, [{ do: 'keep' }]]
  const ms = Math.min(RETRY_MAX_MS, 1_000 * 2 ** Math.min(draft.tries, 10))
  return [{ ...next, trouble: 'link', tries: draft.tries + 1 }, [{ do: 'wait', ms }]]
}

function looked(draft: Draft, access: Access, server: ServerText): Step {
  if (draft.access === 'elsewhere') return [draft, []]
  if (access !== 'write') return [{ ...draft, access, sending: null, trouble: null }, isDirty(draft) && !isSame(draft.body, server.body) ? [{ do: 'keep' }] : [{ do: 'forget' }]]
  const next: Draft = { ...draft, access, trouble: null, tries: 0, sent: null }
  if (server.revision === draft.revision) return [next, isDirty(next) ? [{ do: 'keep' }, { do: 'wait', ms: 0 }] : [{ do: 'forget' }]]
  const caught: Draft = { ...next, base: server.body, revision: server.revision }
  if (isSame(server.body, draft.body)) return [caught, [{ do: 'forget' }]]
  if (isSame(server.body, draft.sent)) return [caught, [{ do: 'keep' }, { do: 'wait', ms: 0 }]]
  if (!isDirty(draft)) return [{ ...caught, body: server.body }, [{ do: 'forget' }]]
  return [{ ...next, conflict: server }, [{ do: 'rest' }, { do: 'keep' }]]
}

function settle(draft: Draft, body: ReportBody): Step {
  if (draft.conflict === null) return [draft, []]
  const next: Draft = { ...draft, body, base: draft.conflict.body, revision: draft.conflict.revision, conflict: null, sent: null }
  return [next, isDirty(next) ? [{ do: 'keep' }, { do: 'wait', ms: 0 }] : [{ do: 'forget' }]]
}

export function step(draft: Draft, event: DraftEvent): Step {
  switch (event.type) {
    case 'open': return open(event)
    case 'type': return type(draft, event.patch)
    case 'due': return due(draft)
    case 'saved': return saved(draft, event.revision, event.at)
    case 'failed': return failed(draft, event.why)
    case 'looked': return looked(draft, event.access, event.server)
    case 'lost':
      if (draft.access !== 'write') return [draft, []]
      return [{ ...draft, access: 'lost', trouble: null }, [{ do: 'rest' }, ...(isDirty(draft) ? [{ do: 'keep' } as const] : [])]]
    case 'tab': return draft.access === 'write' ? [{ ...draft, access: 'elsewhere' }, [{ do: 'rest' }]] : [draft, []]
    case 'settle': return settle(draft, event.body)
    case 'discard': return [{ ...draft, left: null, body: draft.access === 'lost' ? draft.base : draft.body }, [{ do: 'forget' }]]
    case 'close': return [{ ...draft, access: 'closed' }, isDirty(draft) ? [{ do: 'rest' }] : [{ do: 'rest' }, { do: 'forget' }]]
  }
}
