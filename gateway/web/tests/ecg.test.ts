import { describe, expect, it } from 'vitest'
import { arrange, findStandard } from '@/pages/reading/viewer/ecg/paper'
import { bytesOf, decode, isWaveform, readGroups, readNotes, type Item } from '@/pages/reading/viewer/ecg/waveform'

const value = (vr: string, ...Value: unknown[]) => ({ vr, Value })
const code = (word: string, meaning = '') => value('SQ', { '00080100': value('SH', word), '00080104': value('LO', meaning) })
const channel = (more: Item = {}): Item => ({
  '003A0208': code('2:1', 'Lead I (Einthoven)'), '003A0210': value('DS', 2.5), '003A0211': code('uV'), '003A0212': value('DS', 2), '003A0213': value('DS', 100), ...more,
})
const group = (more: Item = {}, channels = [channel()]): Item => ({
  '003A0005': value('US', channels.length), '003A0010': value('UL', 3), '003A001A': value('DS', 500), '003A0200': value('SQ', ...channels),
  '54001004': value('US', 16), '54001006': value('CS', 'SS'), '54001010': { vr: 'OW', BulkDataURI: 'x' }, ...more,
})
const read = (...groups: Item[]) => readGroups({ '54000100': value('SQ', ...groups) })
const words = (...numbers: number[]) => new Uint8Array(new Int16Array(numbers).buffer)

describe('a waveform', () => {
  it('becomes microvolts by sensitivity, correction and baseline, lead by lead', () => {
    const [one] = read(group({}, [channel(), channel({ '003A0208': code('2:2', 'Lead II'), '003A0211': code('mV'), '003A0212': undefined, '003A0213': undefined })]))
    expect(one!.channels.map(({ label, why }) => [label, why])).toEqual([['I', null], ['II', null]])
    expect(decode(one!, words(0, 1, 10, 2, -10, -2))!.map((values) => [...values])).toEqual([[100, 150, 50], [2500, 5000, -5000]])
  })
  it.each([
    ['SB', 8, [0xff, 0x7f, 0x80], [-1, 127, -128]], ['UB', 8, [0xff, 0x7f, 0x80], [255, 127, 128]], ['US', 16, [0xff, 0xff, 0, 1, 2, 0], [65535, 256, 2]],
    ['SL', 32, [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 1, 0, 0], [-1, 1, 256]], ['UL', 32, [0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0], [16777216, 1, 256]],
  ])('is read as %s', (interpretation, bits, bytes, samples) => {
    const plain = channel({ '003A0210': value('DS', 1), '003A0212': value('DS', 1), '003A0213': value('DS', 0) })
    const [one] = read(group({ '54001004': value('US', bits), '54001006': value('CS', interpretation) }, [plain]))
    expect([...decode(one!, new Uint8Array(bytes))![0]!]).toEqual(samples)
  })
  it('has gaps where the padding stands', () => {
    const [one] = read(group({ '5400100A': { vr: 'OW', InlineBinary: btoa('\x00\x80') } }))
    expect([...decode(one!, words(0, -32768, 1))![0]!]).toEqual([100, NaN, 105])
  })
  it('moves a channel that was sampled later', () =>
    expect(read(group({}, [channel({ '003A0215': value('DS', 5) })]))[0]!.channels[0]!.skewS).toBeCloseTo(0.01))
  it.each<[string, Item]>([
    ['channels', { '003A0005': value('US', 2) }], ['channels', { '003A0200': value('SQ') }], ['channels', { '003A0005': value('US', 65), '003A0200': value('SQ', ...Array(65).fill(channel())) }],
    ['frequency', { '003A001A': value('DS', 0) }], ['frequency', { '003A001A': value('DS', 'x') }], ['frequency', { '003A001A': value('DS', 1e9) }],
    ['coding', { '54001006': value('CS', 'MB') }], ['coding', { '54001004': value('US', 8) }], ['coding', { '54001006': value('CS', 'constructor') }],
    ['samples', { '003A0010': value('UL', 4294967295) }], ['samples', { '003A0010': value('UL', -1) }], ['samples', { '003A0010': undefined }],
    ['no_data', { '54001010': { vr: 'OW' } }],
  ])('is not drawn for %s', (why, more) => expect(read(group(more))[0]!.why).toBe(why))
  it('is not drawn when samples are missing', () => expect(decode(read(group())[0]!, words(1, 2))).toBeNull())
  it.each<[string, Item]>([
    ['sensitivity', { '003A0210': undefined }], ['sensitivity', { '003A0210': value('DS', 0) }], ['sensitivity', { '003A0212': value('DS', 'x') }], ['unit', { '003A0211': code('mm[Hg]') }],
    ['unit', { '003A0211': code('toString') }],
  ])('leaves out a channel for its %s', (why, more) => expect(read(group({}, [channel(more)]))[0]!.channels[0]!.why).toBe(why))
  it('of nothing, and of what is no object, is nothing', () => {
    expect(readGroups({})).toEqual([])
    expect(read(null as unknown as Item, 7 as unknown as Item)).toEqual([])
    expect(read(...Array(40).fill(group()))).toHaveLength(16)
    expect(bytesOf('no base64 !')).toHaveLength(0)
  })
  it('tells what the device wrote', () => {
    const measured = { '0040A043': code('1', 'PR Interval'), '0040A30A': value('DS', 160), '004008EA': code('ms') }
    expect(readNotes({ '0040B020': value('SQ', { '00700006': value('ST', '窦性心律') }, measured, {}) })).toEqual([{ name: '', text: '窦性心律' }, { name: 'PR Interval', text: '160 ms' }])
  })
  it('is known by its class', () => expect(['1.2.840.10008.5.1.4.1.1.9.1.1', '1.2.840.10008.5.1.4.1.1.88.11'].map(isWaveform)).toEqual([true, false]))
})

describe('the paper', () => {
  const LEADS = ['I', 'II', 'III', 'aVR', 'aVL', 'aVF', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6']
  const [twelve] = read(group({ '003A0010': value('UL', 5000) }, LEADS.map((lead) => channel({ '003A0208': code('', `Lead ${lead}`) }))))
  it('has three rows of four and a rhythm strip, each part where its time goes on', () => {
    const { strips, rows } = arrange(twelve!, 'standard', 1, 25)
    expect([rows, strips.length]).toEqual([4, 13])
    expect(strips.slice(0, 4).map((strip) => [twelve!.channels[strip.channel]!.label, strip.leftMm, strip.fromS])).toEqual([['I', 0, 1], ['aVR', 62.5, 3.5], ['V1', 125, 6], ['V4', 187.5, 8.5]])
    expect(strips[12]).toMatchObject({ channel: 1, row: 3, leftMm: 0, widthMm: 250 })
  })
  it('shows the beginning of every lead of a record that is shorter', () =>
    expect(new Set(arrange({ ...twelve!, samples: 1000 }, 'standard', 0, 25).strips.map((strip) => strip.fromS))).toEqual(new Set([0])))
  it('has a row for each channel where the twelve are not there', () => {
    const [one] = read(group())
    expect(findStandard(one!)).toBeNull()
    expect(arrange(one!, 'standard', 0, 25)).toMatchObject({ rows: 1, strips: [{ channel: 0, widthMm: 250 }] })
  })
})
