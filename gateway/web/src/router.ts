/* The pages and who has them. The gateway refuses what a role may not do; here it is only not offered. */
import { createRouter, createWebHistory } from 'vue-router'
import type { Role } from './api/types'
import { hasRole, me } from './state/session'

export interface Page { name: 'township' | 'reading' | 'cockpit' | 'operations'; path: string; roles: Role[] }

export const PAGES: Page[] = [
  { name: 'township', path: '/township', roles: ['radiographer', 'clinician'] },
  { name: 'reading', path: '/reading', roles: ['reporter', 'reviewer', 'duty_leader'] },
  { name: 'cockpit', path: '/cockpit', roles: ['duty_leader', 'quality_controller', 'administrator', 'operator'] },
  { name: 'operations', path: '/operations', roles: ['operator'] },
]

export const pagesOf = (): Page[] => PAGES.filter((page) => hasRole(...page.roles))
export const firstPage = (): string => pagesOf()[0]?.path ?? '/nothing'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', redirect: () => firstPage() },
    { path: '/login', name: 'login', component: () => import('./pages/login/LoginPage.vue'), meta: { isOpen: true } },
    { path: '/township', name: 'township', component: () => import('./pages/township/TownshipPage.vue') },
    { path: '/reading', name: 'reading', component: () => import('./pages/reading/QueuePage.vue') },
    { path: '/reading/:task', name: 'workspace', component: () => import('./pages/reading/WorkspacePage.vue') },
    { path: '/cockpit', name: 'cockpit', component: () => import('./pages/cockpit/CockpitPage.vue') },
    { path: '/operations', name: 'operations', component: () => import('./pages/operations/OperationsPage.vue') },
    { path: '/:rest(.*)*', name: 'nothing', component: () => import('./pages/NothingPage.vue') },
  ],
})

router.beforeEach((to) => {
  if (to.meta.isOpen === true) return me.value === null ? true : firstPage()
  if (me.value === null) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  return true
})
