/* Does what the machine of draft.ts says: clock, calls, the local copy. One keeper per opened task. */
import { shallowRef, type ShallowRef } from 'vue'
import { Failure } from '@/api/client'
import type { ReportBody } from '@/api/types'
import { forgetCopy, keepCopy, readCopy } from '@/state/copies'
import { isDirty, newDraft, step, type Access, type Draft, type DraftEvent, type ServerText } from './draft'

export interface KeeperCalls {
  send(body: ReportBody, revision: number): Promise<{ revision: number }>
  /* What the gateway has now, and whether we may still write. */
  look(): Promise<{ access: Access; server: ServerText }>
}

export interface Keeper {
  draft: ShallowRef<Draft>
  isKept: ShallowRef<boolean> /* false: this browser keeps no copy, only the page has the text */
  tell(event: DraftEvent): void
  open(access: Access, server: ServerText, savedAt: number | null): void
  /* Sends what is unsent. True: the gateway has everything that stands on the page. */
  flush(): Promise<boolean>
  end(): void
}

const whyOf = (failure: unknown): 'link' | 'refused' | 'look' => {
  if (!(failure instanceof Failure) || failure.isTransient || failure.kind === 'expired') return 'link'
  return failure.status === 400 || failure.status === 413 || failure.status === 422 ? 'refused' : 'look'
}

export function newKeeper(person: string, task: string, label: () => string, calls: KeeperCalls): Keeper {
  const draft = shallowRef<Draft>(newDraft())
  const isKept = shallowRef(true)
  let timer: number | null = null
  let running: Promise<void> | null = null
  let hasEnded = false

  function rest(): void {
    if (timer !== null) window.clearTimeout(timer)
    timer = null
  }

  function wait(ms: number): void {
    rest()
    if (!hasEnded) timer = window.setTimeout(() => tell({ type: 'due' }), ms)
  }

  function keep(): void {
    const { body, revision, sent } = draft.value
    isKept.value = keepCopy(person, task, { body, revision, sent, at: Date.now(), label: label() })
  }

  async function send(body: ReportBody, revision: number): Promise<void> {
    try {
      const answer = await calls.send(body, revision)
      tell({ type: 'saved', revision: answer.revision, at: Date.now() })
    } catch (failure) {
      tell({ type: 'failed', why: whyOf(failure) })
    }
  }

  async function look(): Promise<void> {
    try {
      tell({ type: 'looked', ...(await calls.look()) })
    } catch {
      tell({ type: 'failed', why: 'link' })
    }
  }

  function run(work: Promise<void>): void {
    const mine = work.finally(() => {
      if (running === mine) running = null
    })
    running = mine
  }

  function tell(event: DraftEvent): void {
    const [next, effects] = step(draft.value, event)
    draft.value = next
    for (const effect of effects) {
      if (effect.do === 'keep') keep()
      else if (effect.do === 'forget') forgetCopy(person, task)
      else if (effect.do === 'rest') rest()
      else if (effect.do === 'wait') wait(effect.ms)
      else if (effect.do === 'send') run(send(effect.body, effect.revision))
      else if (effect.do === 'look') run(look())
    }
  }

  async function flush(): Promise<boolean> {
    for (let turn = 0; turn < 4; turn++) {
      if (running === null) {
        if (draft.value.access !== 'write' || draft.value.conflict !== null || (!isDirty(draft.value) && draft.value.sent === null)) break
        tell({ type: 'due' })
      }
      if (running === null) break
      await running
      if (draft.value.trouble !== null) break
    }
    return !isDirty(draft.value) && draft.value.sent === null && draft.value.conflict === null
  }

  function warn(event: BeforeUnloadEvent): void {
    const { access } = draft.value
    if (access === 'write' && (isDirty(draft.value) || draft.value.sending !== null)) event.preventDefault()
  }
  window.addEventListener('beforeunload', warn)

  return {
    draft, isKept, tell, flush,
    open: (access, server, savedAt) => tell({ type: 'open', access, server, savedAt, copy: readCopy(person, task) }),
    end() {
      hasEnded = true
      rest()
      window.removeEventListener('beforeunload', warn)
    },
  }
}
