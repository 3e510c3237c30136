/* The viewer of whole studies (OHIF, gateway/web/viewer): a page of its own beside these, of the same origin and the same login. */

/* By the UIDs under which DICOMweb shows the studies. */
export const viewerAddress = (...studies: string[]): string => `/viewer?StudyInstanceUIDs=${studies.join(',')}`

/* One window for whatever is looked at next: who put it on the second monitor does so once. */
export const VIEWER_WINDOW = 'yq-viewer'

export const isViewer = (address: unknown): address is string => typeof address === 'string' && /^\/viewer(\?StudyInstanceUIDs=[0-9.,]+)?$/.test(address)
