import { describe, expect, it } from 'vitest'
import type { Item } from '@/pages/reading/viewer/ecg/waveform'
import { labelsOf, levelFor, readLevels, scaleBar, tilesIn } from '@/pages/reading/viewer/slide/pyramid'

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value })
const spacing = (millimetres: number) => value('SQ', { '00289110': value('SQ', { '00280030': value('DS', millimetres, millimetres) }) })
const instance = (uid: string, columns: number, rows: number, more: Item = {}): Item => ({
  '00080018': value('UI', uid), '00080008': value('CS', 'ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'), '00480006': value('UL', columns), '00480007': value('UL', rows),
  '00280010': value('US', 200), '00280011': value('US', 300), '00280008': value('IS', Math.ceil(columns / 300) * Math.ceil(rows / 200)), '00209311': value('CS', 'TILED_FULL'), ...more,
})
const place = (x: unknown, y: unknown) => ({ '0048021A': value('SQ', { '0048021E': value('SL', x), '0048021F': value('SL', y) }) })

describe('a whole slide', () => {
  const levels = readLevels([instance('1.3', 250, 190), instance('1.1', 1000, 760, { '52009229': spacing(0.00025) }), instance('1.2', 500, 380)])
  it('has its levels by size, whatever their order', () => expect(levels.map(({ uid, scale }) => [uid, scale])).toEqual([['1.1', 1], ['1.2', 0.5], ['1.3', 0.25]]))
  it.each([[4, 0], [1, 0], [0.6, 0], [0.5, 1], [0.26, 1], [0.25, 2], [0.01, 2]])('shows at %d pixels a pixel level %i', (zoom, level) => expect(levelFor(levels, zoom)).toBe(level))
  it('finds the tiles of a region by rows, the nearest to its middle first', () => {
    const tiles = tilesIn(levels[0]!, { left: 290, top: 0, right: 620, bottom: 210 })
    expect(tiles.map((tile) => tile.frame).sort((a, b) => a - b)).toEqual([1, 2, 3, 5, 6, 7])
    expect(tiles[0]).toEqual({ frame: 2, x: 300, y: 0 })
    expect(tilesIn(levels[0]!, { left: -500, top: -500, right: 9e9, bottom: 9e9 })).toHaveLength(16)
    expect(tilesIn(levels[0]!, { left: 2000, top: 0, right: 3000, bottom: 10 })).toEqual([])
  })
  it('takes of very many tiles those about the middle', () => {
    const [huge] = readLevels([instance('1.9', 60_000, 40_000)])
    const tiles = tilesIn(huge!, { left: 0, top: 0, right: 60_000, bottom: 40_000 })
    expect(tiles).toHaveLength(64 * 64)
    expect(tiles[0]).toMatchObject({ x: 29_700, y: 19_800 })
  })
  it('has where it is sparse the tiles that are named, the first of each place, none out of bounds', () => {
    const [sparse] = readLevels([instance('1.4', 600, 400, {
      '00209311': value('CS', 'TILED_SPARSE'), '52009230': value('SQ', place(301, 201), place(1, 1), place(1, 1), place(0, 1), place('x', 1), {}), '00280008': value('IS', 6),
    })])
    expect(sparse!.sparse).toEqual([{ frame: 1, x: 300, y: 200 }, { frame: 2, x: 0, y: 0 }])
    expect(tilesIn(sparse!, { left: 310, top: 210, right: 320, bottom: 220 })).toEqual([{ frame: 1, x: 300, y: 200 }])
    expect(readLevels([instance('1.4', 600, 400, { '00209311': undefined, '00280008': value('IS', 1), '52009230': value('SQ', place(1, 1), place(301, 1)) })])[0]!.sparse).toHaveLength(1)
  })
  it('asks for no frame that is not there', () =>
    expect(tilesIn(readLevels([instance('1.5', 600, 400, { '00280008': value('IS', 3) })])[0]!, { left: 0, top: 0, right: 600, bottom: 400 }).map((tile) => tile.frame).sort()).toEqual([1, 2, 3]))
  it.each<[string, Item]>([
    ['no size', { '00480006': undefined }], ['a size below 1', { '00480007': value('UL', -1) }], ['too large a size', { '00480006': value('UL', 4294967295) }], ['no tile', { '00280010': value('US', 0) }],
    ['too large a tile', { '00280011': value('US', 65535) }], ['no frames', { '00280008': value('IS', 'x') }], ['a UID that is an address', { '00080018': value('UI', '../1') }],
    ['a label', { '00080008': value('CS', 'ORIGINAL', 'PRIMARY', 'LABEL', 'NONE') }],
  ])('has no level of %s', (_, more) => expect(readLevels([instance('1.1', 600, 400, more)])).toEqual([]))
  it('keeps its label and its overview apart', () =>
    expect(labelsOf([instance('1.6', 10, 10, { '00080008': value('CS', 'ORIGINAL', 'PRIMARY', 'OVERVIEW', 'NONE') }), instance('1.1', 600, 400)])).toEqual([{ uid: '1.6', kind: 'overview' }]))
  it('says how large it is', () => {
    expect(levels[0]!.micrometres).toBeCloseTo(0.25)
    expect(scaleBar(0.25, 160)).toEqual({ px: 80, micrometres: 20 })
    expect(scaleBar(20, 160)).toEqual({ px: 100, micrometres: 2000 })
  })
})
