/*
 * Window level. CT has numbers that mean something, so its windows are asked of the gateway (`window=centre,width,linear`) and drawn anew from all
 * bits. For others the object's own window is the start (the gateway's default), and brightness and contrast change on the screen.
 */
export interface Window { centre: number; width: number }
export interface Preset { name: 'lung' | 'mediastinum' | 'bone' | 'brain' | 'abdomen'; window: Window }
export interface Tone { brightness: number; contrast: number }

export const CT_PRESETS: Preset[] = [
  { name: 'lung', window: { centre: -600, width: 1500 } },
  { name: 'mediastinum', window: { centre: 40, width: 400 } },
  { name: 'bone', window: { centre: 400, width: 1800 } },
  { name: 'brain', window: { centre: 35, width: 80 } },
  { name: 'abdomen', window: { centre: 50, width: 350 } },
]
export const PLAIN_TONE: Tone = { brightness: 1, contrast: 1 }
const WIDTH_MIN = 1
const WIDTH_MAX = 8000
const CENTRE_MAX = 4000
const TONE_MIN = 0.2
const TONE_MAX = 5

export const presetsOf = (modality: string): Preset[] => (modality === 'CT' ? CT_PRESETS : [])
export const hasNumbers = (modality: string): boolean => modality === 'CT'

/* Where dragging starts when the object's own window is shown, whose numbers only the gateway knows. */
export const dragStart = (): Window => ({ centre: 40, width: 400 })

const bounded = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value))

/* Right is wider (less contrast), down is a higher centre (darker): as on the consoles. Wide windows move faster. */
export function dragWindow(from: Window, dx: number, dy: number): Window {
  const speed = Math.max(0.2, from.width / 400)
  return {
    centre: Math.round(bounded(from.centre + dy * speed, -CENTRE_MAX, CENTRE_MAX)),
    width: Math.round(bounded(from.width + dx * speed, WIDTH_MIN, WIDTH_MAX)),
  }
}

export function dragTone(from: Tone, dx: number, dy: number): Tone {
  const round = (value: number) => Math.round(bounded(value, TONE_MIN, TONE_MAX) * 100) / 100
  return { brightness: round(from.brightness * 2 ** (-dy / 200)), contrast: round(from.contrast * 2 ** (-dx / 200)) }
}

export const windowText = (window: Window | null): string => (window === null ? '' : `${window.centre},${window.width},linear`)

/*
 * How a picture drawn with one window looks like one drawn with another, until the true one is here: both are straight lines over the same values, so
 * brightness(b) contrast(k) is one, too: k*b*v + (1-k)/2. Null where that cannot be said (it would need a negative contrast).
 */
export function approximate(shown: Window, wanted: Window): Tone | null {
  const slope = shown.width / wanted.width
  const offset = (shown.centre - wanted.centre) / wanted.width + 0.5 - slope / 2
  const contrast = 1 - 2 * offset
  if (contrast <= 0.01) return null
  return { brightness: slope / contrast, contrast }
}

/* The value of the CSS property filter. */
export function filterText(tone: Tone, approximation: Tone | null, isInverted: boolean): string {
  const parts: string[] = []
  for (const one of [approximation, tone])
    if (one !== null && (one.brightness !== 1 || one.contrast !== 1)) parts.push(`brightness(${one.brightness}) contrast(${one.contrast})`)
  if (isInverted) parts.push('invert(1)')
  return parts.length === 0 ? 'none' : parts.join(' ')
}
