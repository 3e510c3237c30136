/*
 * One opened task: what the gateway knows of it, the lease, and the acts. The text itself is the keeper's.
 *
 * stage: `write` the editor is on the page (also when the task was lost: the text stays), `review` the submitted text is judged, `view` only read.
 */
import { computed, onUnmounted, ref, shallowRef } from 'vue'
import { api, Failure } from '@/api/client'
import { onChanges } from '@/api/events'
import type { CheckFinding, CriticalValue, Lease, Question, Report, ReportBody, Revision, Study, TaskWork } from '@/api/types'
import { isExpired, me } from '@/state/session'
import { latestOf } from './corrected'
import { bodyOf, isBlank, type Access, type ServerText } from './draft'
import { newKeeper } from './keeper'
import { onTabs, tabId, tellTabs } from './tabs'

const HEARTBEAT_MS = 60_000

export type Stage = 'loading' | 'write' | 'review' | 'view'
export type Finished = 'submitted' | 'issued' | 'sent_back' | 'released' | 'returned' | 'cancelled' | 'handed_over' | 'no_influence'

export const textOf = (report: Report | null): ServerText => ({ body: bodyOf(report?.body), revision: report?.revision ?? 0 })

export function openDesk(task: string) {
  const person = me.value?.id ?? ''
  const path = `/api/v1/tasks/${task}`
  const work = shallowRef<TaskWork | null>(null)
  const report = shallowRef<Report | null>(null)
  const study = shallowRef<Study | null>(null)
  const lease = shallowRef<Lease | null>(null)
  const stage = ref<Stage>('loading')
  const finished = ref<Finished | null>(null)
  const failure = shallowRef<unknown>(null)
  const isBusy = ref(false)
  const seenVersion = ref(0) /* of the study, that the doctor has looked at */
  const seenCorrection = ref<string | null>(null) /* the latest one that the doctor has confirmed */
  let seenRevision: number | null = null /* of the patient data, that the doctor has seen; null: not confirmed yet */
  function confirmCorrections(): void {
    seenCorrection.value = latestOf(work.value?.corrected)
    seenRevision = work.value?.corrected.patient_revision ?? null
  }

  const fetchReport = async (): Promise<Report | null> => (await api.get<{ report: Report | null }>(`${path}/report`)).report

  const keeper = newKeeper(person, task, () => [work.value?.task.study.modality, work.value?.task.study.body_part].filter((word) => word).join(' '), {
    send: (body, revision) => api.put(`${path}/draft`, { lease_token: lease.value?.lease_token ?? '', revision, body }),
    look: async () => {
      const access = await standing()
      report.value = await fetchReport()
      return { access, server: textOf(report.value) }
    },
  })

  /* Do we hold it for writing? If we do, under which lease. */
  async function standing(): Promise<Access> {
    work.value = await api.get<TaskWork>(path)
    const { state, is_mine: isMine } = work.value.task
    if (state === 'awaiting_review' || state === 'reviewing' || state === 'done') return 'closed'
    if (state !== 'writing' || !isMine) return 'lost'
    try {
      lease.value = await api.post<Lease>(`${path}/resume`)
      return 'write'
    } catch (problem) {
      if (problem instanceof Failure && problem.kind === 'conflict') return 'lost'
      throw problem
    }
  }

  /* When the gateway's text was saved, for those who come back to it. */
  async function savedAt(): Promise<number | null> {
    if (isBlank(textOf(report.value).body)) return null
    const { revisions } = await api.get<{ revisions: Revision[] }>(`${path}/revisions`).catch(() => ({ revisions: [] }))
    return revisions[0] === undefined ? Date.now() : new Date(revisions[0].saved_at).getTime()
  }

  async function load(): Promise<void> {
    failure.value = null
    try {
      tellTabs({ kind: 'writing', person, task, tab: tabId }) /* before anything is read: the other tab stops, its last key is in the copy */
      const access = await standing()
      const now = work.value!
      ;[report.value, study.value] = await Promise.all([fetchReport(), api.get<Study>(`/api/v1/studies/${now.task.study.id}`)])
      if (seenRevision === null && latestOf(now.corrected) === null) confirmCorrections() /* nothing to confirm */
      if (seenVersion.value === 0) seenVersion.value = study.value.version /* later ones the doctor confirms */
      const at = await savedAt()
      if (access === 'write') stage.value = 'write'
      else if (now.task.state === 'reviewing' && now.task.is_mine) {
        lease.value = await api.post<Lease>(`${path}/resume`)
        stage.value = 'review'
      } else stage.value = 'view'
      keeper.open(access, textOf(report.value), at)
      tellTabs({ kind: 'show', person, task })
    } catch (problem) {
      failure.value = problem
    }
  }

  /* Something changed: the task again, the examination when it has another version. What is typed is not touched. */
  async function refresh(): Promise<void> {
    if (isBusy.value || finished.value !== null || work.value === null) return
    try {
      const now = await api.get<TaskWork>(path)
      if (isBusy.value) return
      work.value = now
      const isHeld = now.task.is_mine && (now.task.state === 'writing' || now.task.state === 'reviewing')
      if (stage.value === 'write' && !isHeld) keeper.tell(['awaiting_review', 'reviewing', 'done'].includes(now.task.state) ? { type: 'close' } : { type: 'lost' })
      if (stage.value === 'review' && !isHeld) stage.value = 'view'
      if (stage.value === 'view' && !isHeld) report.value = await fetchReport()
      if (study.value !== null && now.task.study.version !== study.value.version) study.value = await api.get<Study>(`/api/v1/studies/${now.task.study.id}`)
    } catch {
      /* the next change or the next beat asks again */
    }
  }

  async function beat(): Promise<void> {
    if (isExpired.value || lease.value === null || finished.value !== null || (stage.value !== 'write' && stage.value !== 'review')) return
    if (stage.value === 'write' && keeper.draft.value.access !== 'write') return
    try {
      const answer = await api.post<{ lease_until: string }>(`${path}/heartbeat`, { lease_token: lease.value.lease_token })
      lease.value = { ...lease.value, lease_until: answer.lease_until }
    } catch (problem) {
      if (problem instanceof Failure && !problem.isTransient) await refresh()
    }
  }

  /* One act at a time; what fails is thrown to who asked. */
  async function act<T>(doing: () => Promise<T>): Promise<T> {
    isBusy.value = true
    try {
      return await doing()
    } finally {
      isBusy.value = false
    }
  }

  const token = (): string => lease.value?.lease_token ?? ''

  function finish(what: Finished): void {
    keeper.tell({ type: 'close' })
    finished.value = what
    stage.value = 'view'
  }

  async function needsAllSaved(): Promise<void> {
    if (!(await keeper.flush())) throw new Failure(0, 'unreachable', '', '')
  }

  /* 领取 or 领取审核, and then as opened. */
  const take = (isReview: boolean) =>
    act(async () => {
      lease.value = await api.post<Lease>(`${path}/${isReview ? 'review' : 'take'}`)
    }).then(load)

  const release = () =>
    act(async () => {
      if (stage.value === 'write') await needsAllSaved()
      await api.post(`${path}/release`, { lease_token: token() })
      finish('released')
    })

  const giveBack = (kind: 'request' | 'retake', reason: string) =>
    act(async () => {
      if (stage.value === 'write') await needsAllSaved()
      await api.post(`${path}/return`, { kind, reason, ...(stage.value === 'write' ? { lease_token: token() } : {}) })
      finish('returned')
    })

  /* 复核: what came after the issue does not change the report. */
  const settleRecheck = (reason: string) =>
    act(async () => {
      await api.post(`${path}/no-influence`, { lease_token: token(), reason })
      finish('no_influence')
    })

  const ask = (question: string) =>
    act(() => api.post<Question>(`${path}/questions`, { lease_token: token(), question })).then(() => refresh())

  const raise = (item: string) =>
    act(() => api.post<CriticalValue>(`/api/v1/studies/${work.value?.task.study.id}/critical-values`, { item })).then(async (raised) => {
      if (study.value !== null) study.value = { ...study.value, critical_values: [...study.value.critical_values, raised] }
      await refresh()
    })

  const check = (body: ReportBody) => api.post<{ findings: CheckFinding[] }>(`${path}/check`, { body }).then((answer) => answer.findings)

  /* One signature is enough, and it is this person's: issued at once. */
  const signsAtOnce = computed(() => work.value?.policy.signatures === 1 && !work.value.policy.needs_two_persons && work.value.may.review)

  const submit = (password: string) =>
    act(async () => {
      await needsAllSaved()
      await api.post(`${path}/submit`, { lease_token: token(), revision: keeper.draft.value.revision, study_version: seenVersion.value, ...(seenRevision === null ? {} : { patient_revision: seenRevision }), password })
      if (!signsAtOnce.value) return finish('submitted')
      const given = await api.post<Lease>(`${path}/review`)
      await api.post(`${path}/sign`, { lease_token: given.lease_token, password })
      finish('issued')
    }).catch(async (problem: unknown) => {
      if (problem instanceof Failure && problem.kind === 'conflict') await load()
      throw problem
    })

  const sendBack = (remark: string) =>
    act(async () => {
      await api.post(`${path}/send-back`, { lease_token: token(), remark })
      finish('sent_back')
    })

  const sign = (password: string) =>
    act(async () => {
      await api.post(`${path}/sign`, { lease_token: token(), password })
      finish('issued')
      report.value = await fetchReport().catch(() => report.value)
    })

  const concerns = (subject: string): boolean =>
    subject === task || subject === work.value?.task.study.id || subject === report.value?.id || work.value?.questions.some((one) => one.id === subject) === true

  const ends = [
    onChanges(['task.', 'question.', 'report.', 'study.', 'critical_value.', 'request.'], (changes) => {
      if (changes === null || changes.some((change) => concerns(change.subject) || change.kind.startsWith('question.'))) void refresh()
    }),
    onTabs((message) => {
      if (message.kind === 'writing' && message.task === task && message.person === person && message.tab !== tabId) keeper.tell({ type: 'tab' })
      if (message.kind === 'images' && message.isOpen && message.person === person) tellTabs({ kind: 'show', person, task })
    }),
  ]
  const timer = window.setInterval(() => void beat(), HEARTBEAT_MS)
  const onVisible = () => {
    if (document.visibilityState === 'visible') void beat()
  }
  document.addEventListener('visibilitychange', onVisible)

  onUnmounted(() => {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', onVisible)
    ends.forEach((end) => end())
    keeper.end()
  })

  return {
    task, person, work, report, study, lease, stage, finished, failure, isBusy, seenVersion, seenCorrection, confirmCorrections, keeper, signsAtOnce,
    load, refresh, take, release, giveBack, settleRecheck, ask, raise, check, submit, sendBack, sign,
  }
}

export type Desk = ReturnType<typeof openDesk>
