/* Templates into the report, never over typed text unless the person says so. Pure. */
import type { ReportBody, ReportTemplate } from '@/api/types'
import { TEXT_FIELDS, type TextField } from './draft'

/* empty: only where nothing stands; append: behind what stands; replace: instead of it */
export type TemplateWay = 'empty' | 'append' | 'replace'

/* Fields where the template has a text and the person, too, another one. */
export const filledBy = (template: ReportTemplate, body: ReportBody): TextField[] =>
  TEXT_FIELDS.filter((field) => template.body[field] !== '' && body[field].trim() !== '' && body[field] !== template.body[field])

export function applyTemplate(template: ReportTemplate, body: ReportBody, way: TemplateWay): Partial<ReportBody> {
  const patch: Partial<ReportBody> = {}
  for (const field of TEXT_FIELDS) {
    const [mine, theirs] = [body[field], template.body[field]]
    if (theirs === '' || mine === theirs) continue
    if (mine.trim() === '' || way === 'replace') patch[field] = theirs
    else if (way === 'append') patch[field] = `${mine.replace(/\s+$/, '')}\n${theirs}`
  }
  if (body.result === null && template.result !== null) patch.result = template.result
  return patch
}

/* The shipped normal text of an examination, for 未见异常. */
export const normalOf = (templates: ReportTemplate[]): ReportTemplate | null => templates.find((template) => template.result === 'negative') ?? null
