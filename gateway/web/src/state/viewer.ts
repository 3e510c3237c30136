/* The viewer of whole studies (OHIF, gateway/web/viewer): a page of its own beside these, of the same origin and the same login. */

/* By the UIDs under which DICOMweb shows the studies. */
export const viewerAddress = (...studies: string[]): string => `/viewer?StudyInstanceUIDs=${studies.join(',')}`

/* The plain page (pages/images): the same pictures drawn by the gateway, for machines and links that are too weak for the viewer. */
export const plainAddress = (...studies: string[]): string => `/images?StudyInstanceUIDs=${studies.join(',')}`

/* Without WebGL the viewer of whole studies shows black. Asked once a page. */
let found: boolean | null = null
export function hasWebgl(): boolean {
  if (found !== null) return found
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl')
  context?.getExtension('WEBGL_lose_context')?.loseContext()
  return (found = context !== null)
}

/* One window for whatever is looked at next: who put it on the second monitor does so once. */
export const VIEWER_WINDOW = 'yq-viewer'

export const isViewer = (address: unknown): address is string => typeof address === 'string' && /^\/viewer(\?StudyInstanceUIDs=[0-9.,]+)?$/.test(address)
