/* Traces on ECG paper: what stands where, in millimetres, and drawing it. The paper is 250 mm wide: 10 s at 25 mm/s. */
import type { Group } from './waveform'

export const PAPER_MM = 250
export const MARGIN_MM = 10 /* for the pulse of 1 mV before each row */
const ROW_MM = { standard: 30, rows: 22 }
const STANDARD = [['I', 'aVR', 'V1', 'V4'], ['II', 'aVL', 'V2', 'V5'], ['III', 'aVF', 'V3', 'V6']]
const RHYTHM = 'II'

export type Layout = keyof typeof ROW_MM
export interface Strip { channel: number; row: number; leftMm: number; widthMm: number; fromS: number; hasPulse: boolean }
export interface Sheet { strips: Strip[]; rows: number; rowMm: number }

const plain = (label: string): string => label.replace(/^lead\s+/i, '').toUpperCase()

/* Whether it has the twelve leads by name. */
export function findStandard(group: Group): Map<string, number> | null {
  const places = new Map(group.channels.map((channel, i) => [plain(channel.label), i]))
  return STANDARD.flat().every((lead) => places.has(lead.toUpperCase())) ? places : null
}

export const pageSeconds = (speed: number): number => PAPER_MM / speed

/*
 * Three rows of four and a rhythm strip, as a cardiograph prints, or each channel by itself. Of a record that does not fill the paper every lead shows
 * the beginning: else most would be empty.
 */
export function arrange(group: Group, layout: Layout, fromS: number, speed: number): Sheet {
  const places = layout === 'standard' ? findStandard(group) : null
  const rowMm = ROW_MM[places === null ? 'rows' : 'standard']
  const whole = (channel: number, row: number): Strip => ({ channel, row, leftMm: 0, widthMm: PAPER_MM, fromS, hasPulse: true })
  if (places === null) return { strips: group.channels.map((_, i) => whole(i, i)), rows: group.channels.length, rowMm }
  const part = PAPER_MM / 4
  const goesOn = group.samples / group.frequency > pageSeconds(speed) * 0.9
  const strips = STANDARD.flatMap((leads, row) => leads.map((lead, column): Strip => ({
    channel: places.get(lead.toUpperCase())!, row, leftMm: column * part, widthMm: part, fromS: goesOn ? fromS + (column * part) / speed : fromS, hasPulse: column === 0,
  })))
  return { strips: [...strips, whole(places.get(RHYTHM)!, STANDARD.length)], rows: STANDARD.length + 1, rowMm }
}

export interface Pen { mm: number /* pixels a millimetre */; speed: number /* mm/s */; gain: number /* mm/mV */ }

function lines(context: CanvasRenderingContext2D, width: number, height: number, stepPx: number, colour: string, thickness: number): void {
  context.strokeStyle = colour
  context.lineWidth = thickness
  context.beginPath()
  for (let x = 0; x <= width; x += stepPx) {
    context.moveTo(x, 0)
    context.lineTo(x, height)
  }
  for (let y = 0; y <= height; y += stepPx) {
    context.moveTo(0, y)
    context.lineTo(width, y)
  }
  context.stroke()
}

/* Of the samples that fall on one column of pixels the least and the greatest: no spike is lost, and a million samples cost no more than the paper is wide. */
function trace(context: CanvasRenderingContext2D, values: Float32Array, group: Group, strip: Strip, skewS: number, left: number, middle: number, pen: Pen): void {
  const perPx = group.frequency / (pen.speed * pen.mm)
  const width = strip.widthMm * pen.mm
  const first = (strip.fromS - skewS) * group.frequency
  const toY = (value: number) => middle - (value / 1000) * pen.gain * pen.mm
  let isDown = false
  const point = (x: number, value: number) => {
    if (Number.isNaN(value)) isDown = false
    else if (isDown) context.lineTo(x, toY(value))
    else {
      context.moveTo(x, toY(value))
      isDown = true
    }
  }
  context.beginPath()
  if (perPx <= 1) {
    const end = Math.min(values.length - 1, Math.floor(first + width * perPx))
    for (let i = Math.max(0, Math.ceil(first)); i <= end; i++) point(left + (i - first) / perPx, values[i]!)
  } else
    for (let x = 0; x < width; x++) {
      let least = NaN
      let greatest = NaN
      const end = Math.min(values.length, Math.ceil(first + (x + 1) * perPx))
      for (let i = Math.max(0, Math.floor(first + x * perPx)); i < end; i++) {
        const value = values[i]!
        if (!(value >= least)) least = Number.isNaN(value) ? least : value
        if (!(value <= greatest)) greatest = Number.isNaN(value) ? greatest : value
      }
      point(left + x, least)
      if (greatest !== least) point(left + x, greatest)
    }
  context.stroke()
}

function pulse(context: CanvasRenderingContext2D, middle: number, pen: Pen): void {
  const top = middle - pen.gain * pen.mm
  const [start, rise, fall, end] = [1, 2.5, 7.5, 9].map((at) => at * pen.mm)
  context.beginPath()
  context.moveTo(start!, middle)
  for (const [x, y] of [[rise, middle], [rise, top], [fall, top], [fall, middle], [end, middle]]) context.lineTo(x!, y!)
  context.stroke()
}

/* The canvas has the size of the sheet already. values: by channel; a channel without is told in words. */
export function draw(context: CanvasRenderingContext2D, sheet: Sheet, group: Group, values: Float32Array[], pen: Pen, wordsFor: (channel: number) => string): void {
  const { width, height } = context.canvas
  context.fillStyle = '#fffaf8'
  context.fillRect(0, 0, width, height)
  if (pen.mm >= 2.5) lines(context, width, height, pen.mm, '#f6d9d5', 1)
  lines(context, width, height, 5 * pen.mm, '#e7aca5', 1)
  context.lineJoin = 'round'
  context.font = `${Math.max(12, Math.round(3 * pen.mm))}px sans-serif`
  for (const strip of sheet.strips) {
    const middle = (strip.row + 0.5) * sheet.rowMm * pen.mm
    const left = (MARGIN_MM + strip.leftMm) * pen.mm
    context.strokeStyle = '#14161a'
    context.lineWidth = Math.max(1, pen.mm * 0.28)
    const words = wordsFor(strip.channel)
    if (words === '') {
      if (strip.hasPulse) pulse(context, middle, pen)
      trace(context, values[strip.channel]!, group, strip, group.channels[strip.channel]!.skewS, left, middle, pen)
    }
    context.fillStyle = '#7a1d12'
    context.fillText(`${group.channels[strip.channel]!.label} ${words}`.trim(), left + pen.mm, middle - sheet.rowMm * pen.mm * 0.3)
  }
}
