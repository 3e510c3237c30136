/*
 * Whole slides (PS3.3 section C.8.12.4) out of DICOM JSON: levels are instances, tiles are frames. Whoever sent them is not trusted: what is out of bounds
 * is no level and no tile. Pure.
 */
import type { Element, Item } from '../ecg/waveform'

export interface Tile { frame: number /* 1.. */; x: number; y: number /* left and top in the level, 0.. */ }
export interface Level {
  uid: string
  columns: number /* of the whole */
  rows: number
  tileColumns: number
  tileRows: number
  scale: number /* of it to the largest level */
  micrometres: number | null /* a pixel is wide */
  sparse: Tile[] | null /* null: every tile is there, in rows */
  frames: number
}
export type Reason = 'no_levels' | 'no_tiles'

export const SLIDE_CLASS = '1.2.840.10008.5.1.4.1.1.77.1.6'
const LEVELS_MOST = 32
const SIDE_MOST = 4_000_000
const TILE_MOST = 4096
const TILES_MOST = 500_000
const ACROSS_MOST = 64

const first = (of: Item | undefined, tag: string): unknown => (of?.[tag] as Element | undefined)?.Value?.[0]
const item = (of: Item | undefined, tag: string): Item | undefined => {
  const one = first(of, tag)
  return typeof one === 'object' && one !== null ? (one as Item) : undefined
}
function whole(of: Item | undefined, tag: string, most: number): number | null {
  const value = Number(first(of, tag) ?? NaN)
  return Number.isInteger(value) && value >= 1 && value <= most ? value : null
}

/* Of the first optical path and focal plane: the frames of another one come behind them, or lie on the same place. */
function readSparse(of: Item, frames: number): Tile[] {
  const groups = (of['52009230']?.Value ?? []).slice(0, Math.min(frames, TILES_MOST)) as Item[]
  const tiles: Tile[] = []
  const taken = new Set<string>()
  groups.forEach((group, i) => {
    const position = item(group, '0048021A')
    const x = whole(position, '0048021E', SIDE_MOST)
    const y = whole(position, '0048021F', SIDE_MOST)
    if (x === null || y === null || taken.has(`${x},${y}`)) return
    taken.add(`${x},${y}`)
    tiles.push({ frame: i + 1, x: x - 1, y: y - 1 })
  })
  return tiles
}

function readLevel(of: Item): Level | null {
  const [columns, rows] = [whole(of, '00480006', SIDE_MOST), whole(of, '00480007', SIDE_MOST)]
  const [tileColumns, tileRows] = [whole(of, '00280011', TILE_MOST), whole(of, '00280010', TILE_MOST)]
  const frames = whole(of, '00280008', TILES_MOST)
  const uid = first(of, '00080018')
  const kind = of['00080008']?.Value?.[2]
  if (columns === null || rows === null || tileColumns === null || tileRows === null || frames === null || typeof uid !== 'string' || !/^[0-9.]{1,64}$/.test(uid)) return null
  if (kind === 'LABEL' || kind === 'OVERVIEW') return null
  const millimetres = Number(item(item(of, '52009229'), '00289110')?.['00280030']?.Value?.[1] ?? NaN)
  return {
    uid, columns, rows, tileColumns, tileRows, frames, scale: 1, micrometres: millimetres > 0 && millimetres < 1 ? millimetres * 1000 : null,
    sparse: first(of, '00209311') === 'TILED_FULL' ? null : readSparse(of, frames),
  }
}

/* The largest first. A level with as many pixels as another one is the same picture again. */
export function readLevels(instances: Item[]): Level[] {
  const levels: Level[] = []
  for (const level of instances.map(readLevel).filter((one): one is Level => one !== null).sort((a, b) => b.columns - a.columns))
    if (levels.at(-1)?.columns !== level.columns && levels.length < LEVELS_MOST) levels.push(level)
  return levels.map((level) => ({ ...level, scale: level.columns / levels[0]!.columns }))
}
export const labelsOf = (instances: Item[]): { uid: string; kind: 'label' | 'overview' }[] =>
  instances.flatMap((one) => {
    const uid = first(one, '00080018')
    const kind = one['00080008']?.Value?.[2]
    return typeof uid === 'string' && (kind === 'LABEL' || kind === 'OVERVIEW') ? [{ uid, kind: kind === 'LABEL' ? ('label' as const) : ('overview' as const) }] : []
  })

/* The smallest that is sharp at so many pixels of the screen a pixel of the largest level. */
export function levelFor(levels: Level[], zoom: number): number {
  for (let i = levels.length - 1; i > 0; i--) if (levels[i]!.scale >= zoom) return i
  return 0
}

export interface Region { left: number; top: number; right: number; bottom: number /* in pixels of the level */ }

/* From the first to the last of a row or column, at most so many about the middle. */
function places(from: number, to: number, tile: number, count: number, most: number): number[] {
  const [first, end] = [Math.max(0, Math.floor(from / tile)), Math.min(count, Math.ceil(to / tile))]
  const begin = Math.max(first, Math.floor((first + end - most) / 2))
  return Array.from({ length: Math.max(0, Math.min(end - begin, most)) }, (_, i) => begin + i)
}

/* Those that touch the region, the nearest to its middle first; of very many those about the middle. */
export function tilesIn(level: Level, region: Region): Tile[] {
  const found: Tile[] = []
  if (level.sparse !== null)
    found.push(...level.sparse.filter(({ x, y }) => x < region.right && y < region.bottom && x + level.tileColumns > region.left && y + level.tileRows > region.top))
  else {
    const across = Math.ceil(level.columns / level.tileColumns)
    const down = Math.ceil(level.rows / level.tileRows)
    for (const row of places(region.top, region.bottom, level.tileRows, down, ACROSS_MOST))
      for (const column of places(region.left, region.right, level.tileColumns, across, ACROSS_MOST)) {
        const frame = row * across + column + 1
        if (frame <= level.frames) found.push({ frame, x: column * level.tileColumns, y: row * level.tileRows })
      }
  }
  const [cx, cy] = [(region.left + region.right - level.tileColumns) / 2, (region.top + region.bottom - level.tileRows) / 2]
  const far = (tile: Tile) => Math.hypot(tile.x - cx, tile.y - cy)
  return found.sort((a, b) => far(a) - far(b))
}

/* A length of 1, 2 or 5 times a power of ten that is at most so many pixels wide. */
export function scaleBar(micrometresPerPx: number, mostPx: number): { px: number; micrometres: number } {
  const most = micrometresPerPx * mostPx
  const power = 10 ** Math.floor(Math.log10(most))
  const micrometres = [5, 2, 1].map((times) => times * power).find((one) => one <= most)!
  return { px: micrometres / micrometresPerPx, micrometres }
}
