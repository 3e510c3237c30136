/* What the page has fetched and what its sections may ask of it. Provided by the page, injected by the sections. */
import { inject, type InjectionKey, type Ref } from 'vue'
import type { Coverage, Figures } from '@/api/types'
import type { CommunityCoverage } from './figures'
import type { Period } from './period'

export type SheetName = 'sites' | 'workload' | 'turnaround' | 'coverage' | 'rows'
export interface Cockpit {
  figures: Ref<Figures | null>
  coverage: Ref<Coverage | null>
  community: Ref<CommunityCoverage | null> /* its coverage */
  period: Ref<Period>
  isWall: Ref<boolean>
  openFigure: (figure: string, site?: string) => void
  exportSheet: (table: SheetName, figure?: string, site?: string) => Promise<void>
}
export const COCKPIT: InjectionKey<Cockpit> = Symbol('cockpit')

export function useCockpit(): Cockpit {
  const cockpit = inject(COCKPIT)
  if (cockpit === undefined) throw new Error('outside of the cockpit')
  return cockpit
}
