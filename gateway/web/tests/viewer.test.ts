import { describe, expect, it, vi } from 'vitest'
import type { Instance, Series, Study } from '@/api/types'
import { ByteCache, nearestFirst, Pace, PictureLoader } from '@/pages/reading/viewer/loader'
import { fetchOrder, jobFor, type Plan, type Quality } from '@/pages/reading/viewer/quality'
import { bestBeside, clampIndex, isFilm, keepIndex, linkedIndex, picturesOf, shownSeries, wheelSteps } from '@/pages/reading/viewer/stack'
import { boundView, fit, viewportFor, WHOLE, zoomAt } from '@/pages/reading/viewer/view'
import { approximate, CT_PRESETS, dragTone, dragWindow, filterText, PLAIN_TONE, presetsOf, windowText } from '@/pages/reading/viewer/window'

const instance = (uid: string, more: Partial<Instance> = {}): Instance => ({
  sop_instance_uid: uid, sop_class_uid: '1.2', transfer_syntax_uid: '1.2.840.10008.1.2.1', number: null, rows: 512, columns: 512, frames: null, bytes: 1,
  sha256: '', arrived_at: '2026-11-22T08:00:00+08:00', charset_verdict: '', rendered: `/dicom-web/instances/${uid}/rendered`, ...more,
})
const series = (uid: string, more: Partial<Series> = {}): Series => ({
  series_instance_uid: uid, number: null, modality: 'CT', origin: 'device', description: '', body_part: '', laterality: '', instances: [instance(`${uid}.1`)], ...more,
})

describe('the stack of a series', () => {
  it('goes by number, those without one last, then by arrival', () => {
    const one = series('s', { instances: [instance('a'), instance('b', { number: 10 }), instance('c', { number: 2 }), instance('d', { arrived_at: '2026-11-22T07:00:00+08:00' })] })
    expect(picturesOf(one).map((picture) => picture.instance.sop_instance_uid)).toEqual(['c', 'b', 'd', 'a'])
  })
  it('holds each frame by its own address, and keeps a place for what has no picture', () => {
    const one = series('s', { instances: [instance('a', { number: 1, frames: 3 }), instance('b', { number: 2, rendered: null, frames: 9 })] })
    expect(picturesOf(one).map((picture) => picture.address)).toEqual([
      '/dicom-web/instances/a/frames/1/rendered', '/dicom-web/instances/a/frames/2/rendered', '/dicom-web/instances/a/frames/3/rendered', null,
    ])
  })
  it('asks for no picture of a film, whose frames cannot be had', () => {
    const film = instance('a', { number: 1, frames: 9000, transfer_syntax_uid: '1.2.840.10008.1.2.4.102' })
    const loop = instance('b', { number: 2, frames: 2, transfer_syntax_uid: '1.2.840.10008.1.2.4.50' })
    expect(picturesOf(series('s', { instances: [film, loop] })).map((picture) => picture.address)).toEqual([null, '/dicom-web/instances/b/frames/1/rendered', '/dicom-web/instances/b/frames/2/rendered'])
    expect([film, loop, { ...film, rendered: null }].map(isFilm)).toEqual([true, false, false])
  })
  it('shows what was sent, pictures first, never our own reports', () => {
    const study = { series: [series('own', { origin: 'own' }), series('sr', { number: 1, instances: [instance('x', { rendered: null })] }), series('two', { number: 3 }), series('one', { number: 2 }), series('none', { instances: [] })] } as unknown as Study
    expect(shownSeries(study).map((one) => one.series_instance_uid)).toEqual(['one', 'two', 'sr'])
  })
  it('keeps the picture under the eye when one arrives before it', () => {
    const before = picturesOf(series('s', { instances: [instance('b', { number: 2 }), instance('c', { number: 3 })] }))
    const after = picturesOf(series('s', { instances: [instance('a', { number: 1 }), instance('b', { number: 2 }), instance('c', { number: 3 })] }))
    expect(keepIndex(after, before[1]!.key, 1)).toBe(2)
    expect(keepIndex(after, 'gone', 7)).toBe(2)
  })
  it.each([
    [0, 20, 10, 0], [19, 20, 10, 9], [10, 20, 10, 5], [7, 20, 20, 7], [3, 1, 10, 3], [5, 20, 0, 0],
  ])('place %i of %i is place %4$i of %3$i when linked', (index, length, other, place) => expect(linkedIndex(index, length, other)).toBe(place))
  it('stays inside', () => expect([clampIndex(-1, 3), clampIndex(9, 3), clampIndex(1, 3)]).toEqual([0, 2, 1]))
  it('puts the like beside', () => {
    const left = series('l', { modality: 'CT', body_part: 'CHEST', description: '平扫' })
    const best = series('b', { modality: 'CT', body_part: 'CHEST', description: '平扫' })
    expect(bestBeside([series('x', { modality: 'DX' }), series('y', { modality: 'CT' }), best], left)).toBe(best)
    expect(bestBeside([], left)).toBeNull()
  })
})

describe('the wheel', () => {
  it('makes one step of one notch, however far the notch is', () => expect(wheelSteps(0, 120)).toEqual({ steps: 1, rest: 0 }))
  it('gathers the small ones of a touch pad', () => {
    let gathered = 0
    let steps = 0
    for (let i = 0; i < 15; i++) {
      const one = wheelSteps(gathered, 8)
      gathered = one.rest
      steps += one.steps
    }
    expect(steps).toBe(2)
  })
  it('forgets what was gathered when it turns round', () => expect(wheelSteps(50, -8)).toEqual({ steps: 0, rest: -8 }))
})

describe('windows', () => {
  it('has those of CT only', () => {
    expect(presetsOf('CT').map((preset) => windowText(preset.window))).toEqual(['-600,1500,linear', '40,400,linear', '400,1800,linear', '35,80,linear', '50,350,linear'])
    expect(presetsOf('DX')).toEqual([])
    expect(CT_PRESETS[0]!.name).toBe('lung')
  })
  it('is dragged within bounds', () => {
    expect(dragWindow({ centre: 40, width: 400 }, 100, -50)).toEqual({ centre: -10, width: 500 })
    expect(dragWindow({ centre: 40, width: 80 }, -9999, 0).width).toBe(1)
    expect(dragWindow({ centre: 3990, width: 4000 }, 9999, 9999)).toEqual({ centre: 4000, width: 8000 })
  })
  it('looks like the wanted one until it is here', () => {
    const shown = { centre: 40, width: 400 }
    const wanted = { centre: 60, width: 300 }
    const tone = approximate(shown, wanted)!
    for (const value of [-60, 0, 60, 120]) {
      const grey = (value - shown.centre) / shown.width + 0.5
      const approximated = (grey * tone.brightness - 0.5) * tone.contrast + 0.5
      expect(approximated).toBeCloseTo((value - wanted.centre) / wanted.width + 0.5, 6)
    }
    expect(approximate({ centre: 40, width: 400 }, { centre: -600, width: 1500 })).toBeNull()
  })
  it('says its filter', () => {
    expect(filterText(PLAIN_TONE, null, false)).toBe('none')
    expect(filterText(PLAIN_TONE, null, true)).toBe('invert(1)')
    expect(filterText({ brightness: 1.5, contrast: 1 }, null, true)).toBe('brightness(1.5) contrast(1) invert(1)')
    expect(dragTone(PLAIN_TONE, 0, -200).brightness).toBe(2)
    expect(dragTone(PLAIN_TONE, 99999, 99999)).toEqual({ brightness: 0.2, contrast: 0.2 })
  })
})

describe('zoom and place', () => {
  const pane = { width: 800, height: 400 }
  it('fits without changing the shape', () => {
    expect(fit({ width: 512, height: 512 }, pane)).toEqual({ width: 400, height: 400 })
    expect(fit({ width: 0, height: 0 }, pane)).toEqual({ width: 0, height: 0 })
  })
  it('zooms about the point under the mouse', () => {
    const view = zoomAt(WHOLE, 2, 100, 50)
    expect((100 - view.x) / view.scale).toBe(100)
    expect((50 - view.y) / view.scale).toBe(50)
  })
  it('comes back whole and never loses the picture', () => {
    expect(zoomAt({ scale: 2, x: 500, y: 5 }, 0.4, 0, 0)).toEqual(WHOLE)
    const view = boundView({ scale: 2, x: 1e6, y: -1e6 }, { width: 400, height: 400 }, pane)
    expect(view.x).toBeLessThan(800)
    expect(view.y).toBeGreaterThan(-600)
  })
  it('asks for no more than the pane shows, in steps, and for all of what is smaller', () => {
    expect(viewportFor(pane, 1, 1, { width: 3000, height: 3000 })).toEqual({ width: 1024, height: 512 })
    expect(viewportFor(pane, 1, 3, { width: 9000, height: 9000 })).toEqual({ width: 1792, height: 1024 })
    expect(viewportFor(pane, 16, 2, { width: 9000, height: 9000 })).toEqual({ width: 4096, height: 3328 })
    expect(viewportFor(pane, 1, 1, { width: 512, height: 512 })).toBeNull()
  })
})

describe('what is kept', () => {
  const blob = (bytes: number) => new Blob([new Uint8Array(bytes)])
  it('is the latest used, up to its bytes', () => {
    const cache = new ByteCache(30)
    for (const key of ['a', 'b', 'c']) cache.put(key, blob(10))
    cache.get('a')
    cache.put('d', blob(10))
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.has(key))).toEqual(['a', 'c', 'd'])
    cache.put('a', blob(5))
    expect(cache.size).toBe(25)
  })
  it('keeps what was just fetched even when it alone is too large', () => {
    const cache = new ByteCache(10)
    cache.put('a', blob(4))
    cache.put('b', blob(50))
    expect([cache.has('a'), cache.has('b'), cache.size]).toEqual([false, true, 50])
  })
})

describe('the order of fetching', () => {
  it('is the nearest first, further ahead than behind', () => {
    expect(nearestFirst(10, 20, 1, 6)).toEqual([11, 12, 9, 13, 14, 8])
    expect(nearestFirst(10, 20, -1, 3)).toEqual([9, 8, 11])
  })
  it('reaches every other place once', () => {
    for (const [index, length] of [[0, 7], [6, 7], [3, 7], [0, 1]] as const)
      expect([...nearestFirst(index, length, 1, 99), index].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i))
  })
})

describe('the qualities', () => {
  const pictures = picturesOf(series('s', { instances: Array.from({ length: 30 }, (_, i) => instance(`i${i}`, { number: i })) }))
  const other = picturesOf(series('t', { instances: [instance('t0')] }))
  const screen = { pane: { width: 400, height: 400 }, scale: 1, pixelRatio: 1 }
  const plan = (more: Partial<Plan> = {}): Plan => ({ pictures, index: 10, direction: 1, isSlow: true, isStaying: true, wantsAll: false, ahead: other, ...more })
  const order = (of: Plan, here: string[] = [], lost: string[] = []) => {
    const nameOf = (key: string) => key.split('#')[0] + ' ' + key.split('|')[1]
    const { jobs, urgent } = fetchOrder(of, {
      job: (one, quality) => jobFor(one, quality, null, screen), isHere: (job) => here.includes(nameOf(job.key)), isLost: (job) => lost.includes(nameOf(job.key)),
    })
    return { names: jobs.map((job) => nameOf(job.key)), urgent }
  }
  it.each<[Quality, string]>([
    ['preview', 'viewport=256%2C256&window=40%2C400%2Clinear&quality=40'], ['screen', 'viewport=512%2C512&window=40%2C400%2Clinear'],
    ['full', 'window=40%2C400%2Clinear&accept=image%2Fpng'],
  ])('%s is asked for as %s', (quality, query) => {
    const large = picturesOf(series('l', { instances: [instance('l0', { rows: 3000, columns: 3000 })] }))[0]!
    expect(jobFor(large, quality, { centre: 40, width: 400 }, screen)!.address.split('?')[1]).toBe(query)
  })
  it('begin with a preview where the link is slow, and with what the pane shows where it is not', () => {
    expect(order(plan()).names.slice(0, 3)).toEqual(['i10 preview', 'i11 preview', 'i12 preview'])
    expect(order(plan({ isSlow: false })).names.slice(0, 2)).toEqual(['i10 screen', 'i11 screen'])
  })
  it('get better where somebody stays: this picture, the neighbours, the series, the others', () => {
    const { names, urgent } = order(plan(), ['i10 preview'])
    const place = (name: string) => names.indexOf(name)
    expect(names[0]).toBe('i10 screen')
    expect([place('i11 preview'), place('i10 full'), place('i11 screen'), place('i29 screen'), place('t0 preview'), place('t0 screen')]).toEqual(
      [place('i11 preview'), place('i10 full'), place('i11 screen'), place('i29 screen'), place('t0 preview'), place('t0 screen')].sort((a, b) => a - b))
    expect(names.filter((name) => name.endsWith('full'))).toEqual(['i10 full'])
    expect(place('i10 full')).toBeLessThan(urgent)
    expect(place('i0 screen')).toBeGreaterThanOrEqual(urgent)
  })
  it('are those of going by while somebody scrolls', () => {
    expect(new Set(order(plan({ isStaying: false }), ['i10 preview']).names.map((name) => name.split(' ')[1]))).toEqual(new Set(['preview']))
    expect(new Set(order(plan({ isStaying: false, isSlow: false })).names.map((name) => name.split(' ')[1]))).toEqual(new Set(['screen']))
  })
  it('never go back, and go on where one failed', () => {
    expect(order(plan(), ['i10 full']).names.filter((name) => name.startsWith('i10 '))).toEqual([])
    expect(order(plan(), [], ['i10 preview']).names[0]).toBe('i10 screen')
    const { names } = order(plan({ wantsAll: true }), ['i10 full'])
    expect(names.filter((name) => name.endsWith('full'))).toHaveLength(29)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('the loader', () => {
  function scene(concurrency: number) {
    const calls: { address: string; signal: AbortSignal; done: (size: number) => void; fail: (reason: Error) => void }[] = []
    const changed = vi.fn()
    const loader = new PictureLoader(
      (address, signal) => new Promise((resolve, reject) => calls.push({ address, signal, done: (size) => resolve(new Blob([new Uint8Array(size)])), fail: reject })),
      changed, { concurrency, cacheBytes: 1000 },
    )
    const job = (name: string) => ({ key: name, address: `/${name}` })
    const settled = () => new Promise((resolve) => setTimeout(resolve))
    return { calls, changed, loader, job, settled }
  }
  it('fetches a few at a time, in order', async () => {
    const { calls, loader, job, settled } = scene(2)
    loader.want(['a', 'b', 'c'].map(job))
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b'])
    calls[0]!.done(5)
    await settled()
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b', '/c'])
    expect(loader.find('a')?.size).toBe(5)
  })
  it('lets go of what is not wanted any more', async () => {
    const { calls, changed, loader, job, settled } = scene(2)
    loader.want(['a', 'b', 'c'].map(job))
    loader.want(['b', 'd'].map(job))
    expect(calls.map((call) => [call.address, call.signal.aborted])).toEqual([['/a', true], ['/b', false], ['/d', false]])
    calls[0]!.done(5)
    await settled()
    expect(loader.has('a')).toBe(false)
    expect(changed).not.toHaveBeenCalled()
  })
  it('keeps a failure to the one it concerns, until it is forgiven', async () => {
    const { calls, loader, job, settled } = scene(1)
    loader.want(['a', 'b'].map(job))
    calls[0]!.fail(new Error('no'))
    await settled()
    expect(loader.failureOf('a')).toBeInstanceOf(Error)
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b'])
    loader.want(['a', 'b'].map(job))
    expect(calls).toHaveLength(2)
    loader.forgive()
    loader.want(['a'].map(job))
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b', '/a'])
  })
  it('fetches ahead only what there is room for, and what is urgent always', async () => {
    const { calls, loader, job, settled } = scene(1)
    loader.want(['a', 'b', 'c', 'd'].map(job), 1)
    calls[0]!.done(500)
    await settled()
    calls[1]!.done(400)
    await settled()
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b'])
    expect(loader.isFull).toBe(true)
    loader.want(['c', 'a', 'b', 'd'].map(job), 1)
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b', '/c'])
  })
  it('forgives what failed in one way alone', async () => {
    const { calls, loader, job, settled } = scene(2)
    loader.want(['a', 'b'].map(job))
    calls[0]!.fail(new Error('link'))
    calls[1]!.fail(new Error('code'))
    await settled()
    loader.forgive((failure) => (failure as Error).message === 'link')
    loader.want(['a', 'b'].map(job))
    expect(calls.map((call) => call.address)).toEqual(['/a', '/b', '/a'])
  })
  it('fetches nothing once closed', () => {
    const { calls, loader, job } = scene(2)
    loader.want([job('a')])
    loader.close()
    loader.want([job('b')])
    expect(calls.map((call) => [call.address, call.signal.aborted])).toEqual([['/a', true]])
  })
})

describe('the pace of the link', () => {
  it('counts as slow until it is known', () => {
    const pace = new Pace()
    expect(pace.isSlowFor(1)).toBe(true)
    pace.note(1_000_000, 100)
    expect(pace.isSlowFor(100_000)).toBe(false)
  })
  it('is slow at 200 kbit/s', () => {
    const pace = new Pace()
    pace.note(25_000, 1000)
    expect(pace.isSlowFor(100_000)).toBe(true)
    expect(pace.isSlowFor(5_000)).toBe(false)
  })
})
