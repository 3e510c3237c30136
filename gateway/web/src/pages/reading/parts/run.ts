/*
 * 连续阅片: one health check after the other. 未见异常 is written, checked and submitted in one go; whatever does not fit stops the run
 * and nothing was submitted. The password lives in this closure and nowhere else.
 */
import { ref, shallowRef } from 'vue'
import { api, Failure } from '@/api/client'
import type { CheckFinding, Lease, NextTask, ReportBody, ReportTemplate, Study, TaskWork } from '@/api/types'
import { latestOf } from './corrected'
import { emptyBody } from './draft'
import { normalOf } from './templates'
import { textOf } from './desk'

export type Doubt = 'typed' | 'no_template' | 'incomplete' | 'history' | 'findings' | 'corrected'

export interface RunCase { work: TaskWork; study: Study; lease: Lease; revision: number; template: ReportTemplate | null; body: ReportBody | null; doubts: Doubt[]; findings: CheckFinding[] }

/* The normal text as a report: negative, best image quality. Null where something stands already or no template fits. */
export function normalBody(template: ReportTemplate | null, scale: string[]): ReportBody | null {
  return template === null ? null : { ...emptyBody(), ...template.body, result: 'negative', quality_grade: scale[0] ?? '' }
}

export function openRun() {
  let password = ''
  const current = shallowRef<RunCase | null>(null)
  const read = ref(0)
  const isOver = ref(false)
  const failure = shallowRef<unknown>(null)
  const isBusy = ref(false)
  const isReady = ref(false) /* the password was given */

  async function load(work: TaskWork['task'], lease: Lease): Promise<void> {
    const path = `/api/v1/tasks/${work.id}`
    const [now, study, report] = await Promise.all([
      api.get<TaskWork>(path), api.get<Study>(`/api/v1/studies/${work.study.id}`), api.get<{ report: Parameters<typeof textOf>[0] }>(`${path}/report`),
    ])
    const { body: written, revision } = textOf(report.report)
    const query = { modality: work.study.modality, body_part: now.request?.body_part || work.study.body_part, sex: work.patient.sex }
    const template = normalOf((await api.get<{ templates: ReportTemplate[] }>('/api/v1/report-templates', query)).templates)
    const body = normalBody(template, now.quality_scale)
    const findings = body === null ? [] : (await api.post<{ findings: CheckFinding[] }>(`${path}/check`, { body })).findings
    const doubts: Doubt[] = []
    if (written.findings !== '' || written.impression !== '') doubts.push('typed')
    if (template === null) doubts.push('no_template')
    if (study.state !== 'complete') doubts.push('incomplete')
    if (now.request !== null && now.request.history !== '') doubts.push('history')
    if (findings.length > 0) doubts.push('findings')
    if (latestOf(now.corrected) !== null) doubts.push('corrected')
    current.value = { work: now, study, lease, revision, template, body, doubts, findings }
  }

  async function guarded(doing: () => Promise<void>): Promise<boolean> {
    if (isBusy.value) return false
    isBusy.value = true
    failure.value = null
    try {
      await doing()
      return true
    } catch (problem) {
      failure.value = problem
      return false
    } finally {
      isBusy.value = false
    }
  }

  async function takeNext(): Promise<void> {
    current.value = null
    const answer = await api.post<NextTask>('/api/v1/queue/next', { work: 'write', patient_class: 'health_check' })
    if (answer.task === null || answer.lease === null) {
      isOver.value = true
      return
    }
    await load(answer.task, answer.lease)
  }

  /* Text, findings that stop it, incomplete images: not with one key. A history is shown and may be weighed. */
  const mayPass = (one: RunCase): boolean => one.body !== null && !one.doubts.some((doubt) => doubt !== 'history')

  async function pass(): Promise<void> {
    const one = current.value
    if (one === null || one.body === null || !mayPass(one)) return
    const path = `/api/v1/tasks/${one.work.task.id}`
    const saved = await api.put<{ revision: number }>(`${path}/draft`, { lease_token: one.lease.lease_token, revision: one.revision, body: one.body })
    current.value = { ...one, revision: saved.revision }
    try {
      await api.post(`${path}/submit`, { lease_token: one.lease.lease_token, revision: saved.revision, study_version: one.study.version, patient_revision: one.work.corrected.patient_revision, password })
    } catch (problem) {
      if (problem instanceof Failure && problem.status === 403) end() // a wrong password is asked for again
      throw problem
    }
    read.value++
    await takeNext()
  }

  function end(): void {
    password = ''
    isReady.value = false
  }

  /* After a failure: what does the gateway have? A submission whose answer was lost counts. */
  async function goOn(): Promise<void> {
    const one = current.value
    if (one === null) return takeNext()
    const now = await api.get<TaskWork>(`/api/v1/tasks/${one.work.task.id}`)
    if (now.task.is_mine && now.task.state === 'writing') return
    if (now.task.state === 'awaiting_review' || now.task.state === 'done') read.value++
    return takeNext()
  }

  return {
    current, read, isOver, failure, isBusy, isReady, mayPass,
    start: (given: string) => {
      password = given
      isReady.value = true
      return guarded(goOn)
    },
    pass: () => guarded(pass),
    retry: () => guarded(goOn),
    release: () => guarded(async () => {
      if (current.value !== null) await api.post(`/api/v1/tasks/${current.value.work.task.id}/release`, { lease_token: current.value.lease.lease_token })
      current.value = null
    }),
    beat: async () => {
      const one = current.value
      if (one !== null) await api.post(`/api/v1/tasks/${one.work.task.id}/heartbeat`, { lease_token: one.lease.lease_token }).catch((problem: unknown) => (failure.value = problem))
    },
    end,
  }
}
