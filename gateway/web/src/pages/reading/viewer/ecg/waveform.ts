/*
 * Waveforms (PS3.3 section C.10.9) out of DICOM JSON (PS3.18 annex F) and their samples. Whoever sent them is not trusted: counts are bounded, and what
 * does not fit together is told as a reason. Pure.
 */
export interface Element { vr?: string; Value?: unknown[]; InlineBinary?: string; BulkDataURI?: string }
export type Item = Record<string, Element | undefined>

/* Why something is not drawn: keys under reading.ecg.why. */
export type Reason = 'no_groups' | 'channels' | 'samples' | 'frequency' | 'coding' | 'no_data' | 'short' | 'sensitivity' | 'unit'

export interface Channel {
  label: string
  code: string /* of the lead, "2:1" of MDC for I */
  microvoltsPerStep: number /* sensitivity and its correction */
  baselineMicrovolts: number
  skewS: number /* its samples come so much later than those of the group */
  why: Reason | null /* null: it can be drawn */
  unit: string
}
export interface Group {
  label: string
  place: number /* 1..: of its item in the Waveform Sequence */
  frequency: number
  samples: number
  channels: Channel[]
  bytesPerSample: number
  isSigned: boolean
  padding: number | null
  inline: string | null /* base64 */
  why: Reason | null
}
export interface Note { name: string; text: string }

const GROUPS_MOST = 16
const CHANNELS_MOST = 64
const BYTES_MOST = 64 << 20
const FREQUENCY_MOST = 100_000
const NOTES_MOST = 60
const TEXT_MOST = 80

const items = (of: Item, tag: string): Item[] => (of[tag]?.Value ?? []).filter((one): one is Item => typeof one === 'object' && one !== null)
function text(of: Item, tag: string): string {
  const value = of[tag]?.Value?.[0]
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim().slice(0, TEXT_MOST) : ''
}
/* NaN: it is not there, or is no number. */
function number(of: Item, tag: string, fallback = NaN): number {
  const value = text(of, tag)
  return value === '' ? fallback : Number(value)
}

/* Sample interpretations (section C.10.9.1.5); what is companded sound is not drawn. */
const CODINGS = new Map([
  ['SB', { bytes: 1, isSigned: true }], ['UB', { bytes: 1, isSigned: false }], ['SS', { bytes: 2, isSigned: true }], ['US', { bytes: 2, isSigned: false }],
  ['SL', { bytes: 4, isSigned: true }], ['UL', { bytes: 4, isSigned: false }],
])
/* UCUM */
const MICROVOLTS = new Map([['nV', 0.001], ['uV', 1], ['\u00b5V', 1], ['mV', 1000], ['V', 1_000_000]])

function readChannel(of: Item, place: number, frequency: number): Channel {
  const source = items(of, '003A0208')[0] ?? {}
  const unit = text(items(of, '003A0211')[0] ?? {}, '00080100')
  const sensitivity = number(of, '003A0210') * number(of, '003A0212', 1)
  const scale = MICROVOLTS.get(unit) ?? NaN
  const baseline = number(of, '003A0213', 0)
  const skew = number(of, '003A0214', 0) + number(of, '003A0215', 0) / frequency
  const isMeasured = Number.isFinite(sensitivity) && sensitivity !== 0 && Number.isFinite(baseline)
  return {
    label: (text(of, '003A0203') || text(source, '00080104').replace(/^Lead\s+/i, '').replace(/\s*\(Einthoven\)$/i, '') || String(place)).slice(0, 24),
    code: text(source, '00080100'),
    microvoltsPerStep: sensitivity * scale,
    baselineMicrovolts: baseline * scale,
    skewS: Number.isFinite(skew) && Math.abs(skew) < 1 ? skew : 0,
    why: !isMeasured ? 'sensitivity' : Number.isNaN(scale) ? 'unit' : null,
    unit,
  }
}

/* Of the little endian bytes of one sample, e.g. of the padding. */
function sampleOf(bytes: Uint8Array, size: number, isSigned: boolean): number | null {
  if (bytes.length < size) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 1) return isSigned ? view.getInt8(0) : view.getUint8(0)
  if (size === 2) return isSigned ? view.getInt16(0, true) : view.getUint16(0, true)
  return isSigned ? view.getInt32(0, true) : view.getUint32(0, true)
}

export function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  } catch {
    return new Uint8Array(0)
  }
}

function readGroup(of: Item, place: number): Group {
  const frequency = number(of, '003A001A')
  const samples = number(of, '003A0010')
  const channels = items(of, '003A0200')
  const coding = CODINGS.get(text(of, '54001006'))
  const isFrequency = Number.isFinite(frequency) && frequency > 0 && frequency <= FREQUENCY_MOST
  const isCounted = Number.isInteger(samples) && samples > 0
  const isChannels = channels.length > 0 && channels.length <= CHANNELS_MOST && number(of, '003A0005') === channels.length
  const isCoded = coding !== undefined && number(of, '54001004') === coding.bytes * 8
  const isBounded = isCounted && isChannels && isCoded && samples * channels.length * coding.bytes <= BYTES_MOST
  const data = of['54001010']
  const hasData = typeof data?.InlineBinary === 'string' || typeof data?.BulkDataURI === 'string'
  const pad = of['5400100A']?.InlineBinary
  return {
    label: text(of, '003A0020'), place, frequency, samples, bytesPerSample: coding?.bytes ?? 0, isSigned: coding?.isSigned ?? false,
    channels: channels.slice(0, CHANNELS_MOST).map((one, i) => readChannel(one, i + 1, frequency)),
    padding: typeof pad === 'string' && coding !== undefined ? sampleOf(bytesOf(pad), coding.bytes, coding.isSigned) : null,
    inline: typeof data?.InlineBinary === 'string' ? data.InlineBinary : null,
    why: !isChannels ? 'channels' : !isFrequency ? 'frequency' : !isCoded ? 'coding' : !isBounded ? 'samples' : !hasData ? 'no_data' : null,
  }
}

/* Of the metadata of one instance. */
export function readGroups(instance: Item): Group[] {
  return items(instance, '54000100').slice(0, GROUPS_MOST).map((one, i) => readGroup(one, i + 1))
}

/* What the device wrote beside the waveform (section C.10.10): texts, and measurements with their units. */
export function readNotes(instance: Item): Note[] {
  const notes: Note[] = []
  for (const one of items(instance, '0040B020').slice(0, NOTES_MOST)) {
    const name = text(items(one, '0040A043')[0] ?? {}, '00080104')
    const measured = text(one, '0040A30A')
    const unit = text(items(one, '004008EA')[0] ?? {}, '00080100')
    const words = text(one, '00700006') || (measured !== '' ? `${measured} ${unit}`.trim() : text(items(one, '0040A168')[0] ?? {}, '00080104'))
    if (words !== '') notes.push({ name, text: words })
  }
  return notes
}

/* Microvolts of each channel; samples of the padding value and those that are not there are NaN. Null: there are fewer bytes than were announced. */
export function decode(group: Group, bytes: Uint8Array): Float32Array[] | null {
  const count = group.channels.length
  const size = group.bytesPerSample
  if (group.why !== null || bytes.length < count * size * group.samples) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = size === 1 ? (at: number) => (group.isSigned ? view.getInt8(at) : view.getUint8(at))
    : size === 2 ? (at: number) => (group.isSigned ? view.getInt16(at, true) : view.getUint16(at, true))
      : (at: number) => (group.isSigned ? view.getInt32(at, true) : view.getUint32(at, true))
  return group.channels.map((channel, c) => {
    const out = new Float32Array(group.samples)
    for (let i = 0; i < group.samples; i++) {
      const sample = read((i * count + c) * size)
      out[i] = sample === group.padding ? NaN : sample * channel.microvoltsPerStep + channel.baselineMicrovolts
    }
    return out
  })
}

export const isWaveform = (sopClass: string): boolean => sopClass.startsWith('1.2.840.10008.5.1.4.1.1.9.')
