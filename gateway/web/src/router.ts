/* The pages and who has them. The gateway refuses what a role may not do; here it is only not offered. */
import { createRouter, createWebHistory, type RouteLocationNormalizedLoaded } from 'vue-router'
import type { Role } from './api/types'
import { hasRole, me } from './state/session'
import { isViewer } from './state/viewer'

export interface Page { name: 'township' | 'reading' | 'cockpit' | 'operations'; path: string; roles: Role[]; guests?: Role[] /* have it, too, and begin elsewhere */ }

export const PAGES: Page[] = [
  { name: 'township', path: '/township', roles: ['radiographer', 'clinician'], guests: ['duty_leader'] },
  { name: 'reading', path: '/reading', roles: ['reporter', 'reviewer', 'duty_leader'] },
  { name: 'cockpit', path: '/cockpit', roles: ['duty_leader', 'quality_controller', 'administrator', 'operator'] },
  { name: 'operations', path: '/operations', roles: ['operator', 'administrator', 'quality_controller', 'duty_leader'] },
]

export const pagesOf = (): Page[] => PAGES.filter((page) => hasRole(...page.roles, ...(page.guests ?? [])))
/* False: a page of another role. The gateway would refuse what it asks. */
export function mayOpen(path: string): boolean {
  const page = PAGES.find((one) => path === one.path || path.startsWith(`${one.path}/`))
  return page === undefined || hasRole(...page.roles, ...(page.guests ?? []))
}
export const firstPage = (): string => PAGES.find((page) => hasRole(...page.roles))?.path ?? '/nothing'

/* Key of the words for the title of the window. */
export function titleOf(route: RouteLocationNormalizedLoaded): string {
  const name = route.name === 'workspace' || route.name === 'run' ? 'reading' : typeof route.name === 'string' ? route.name : ''
  if (name === 'login' || name === 'images') return `frame.${name}`
  return PAGES.some((page) => page.name === name) ? `frame.${name}` : 'frame.tagline'
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: () => firstPage() },
    { path: '/login', name: 'login', component: () => import('./pages/login/LoginPage.vue'), meta: { isOpen: true } },
    { path: '/township', name: 'township', component: () => import('./pages/township/TownshipPage.vue') },
    { path: '/reading', name: 'reading', component: () => import('./pages/reading/QueuePage.vue') },
    { path: '/reading/run', name: 'run', component: () => import('./pages/reading/RunPage.vue') },
    { path: '/reading/:task', name: 'workspace', component: () => import('./pages/reading/WorkspacePage.vue') },
    { path: '/images', name: 'images', component: () => import('./pages/images/ImagesPage.vue') },
    { path: '/cockpit', name: 'cockpit', component: () => import('./pages/cockpit/CockpitPage.vue') },
    { path: '/operations', name: 'operations', component: () => import('./pages/operations/OperationsPage.vue') },
    { path: '/:rest(.*)*', name: 'nothing', component: () => import('./pages/NothingPage.vue') },
  ],
})

/* Who was sent to log in on the way to the viewer goes on there: it is no page of this router. */
export function leavesForViewer(wanted: unknown): boolean {
  if (!isViewer(wanted)) return false
  window.location.replace(wanted)
  return true
}

router.beforeEach((to) => {
  if (to.meta.isOpen === true) return me.value === null ? true : leavesForViewer(to.query.next) ? false : firstPage()
  if (me.value === null) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  return true
})
