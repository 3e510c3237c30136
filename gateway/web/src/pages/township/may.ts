/* What the gateway lets the person's roles do here (docs/api.md): the rest is not offered. */
import { hasRole } from '@/state/session'

export const mayRegister = (): boolean => hasRole('radiographer', 'clinician', 'duty_leader')
export const mayMatch = (): boolean => hasRole('radiographer', 'duty_leader')
export const mayCorrect = (): boolean => hasRole('radiographer', 'duty_leader')
export const maySeeCorrections = (): boolean => hasRole('radiographer', 'duty_leader', 'quality_controller', 'reporter', 'reviewer', 'operator')
export const maySubmit = (): boolean => hasRole('radiographer', 'reporter', 'reviewer', 'duty_leader', 'operator')
export const mayAnswer = (): boolean => hasRole('radiographer', 'clinician', 'duty_leader')
export const maySeeDevices = (): boolean => hasRole('radiographer', 'duty_leader', 'quality_controller', 'administrator', 'operator')
