/*
 * A county at full size for the browser tests, and what is measured in a page: rows in the document, where a row stands, frames while it scrolls,
 * memory, requests and bytes.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const TREE = fileURLToPath(new URL('../../../', import.meta.url))
const SQL = readFileSync(new URL('./scale.sql', import.meta.url), 'utf8')
const FIGURES = path.join(path.resolve(TREE, process.env.YQ_BUILD ?? 'build'), 'results', 'web', 'scale.json')

const figures = {}

/* Kept for docs/measured/pages.md: no test depends on one. */
export function note(t, name, value) {
  figures[name] = value
  t.diagnostic(`${name}: ${JSON.stringify(value)}`)
  mkdirSync(path.dirname(FIGURES), { recursive: true })
  writeFileSync(FIGURES, `${JSON.stringify(figures, null, 1)}\n`)
}

export function fill(installation, { studies, tasks, day, seat = 'ts-shuibu' }) {
  return installation.sql(`\\set studies ${studies}\n\\set tasks ${tasks}\n\\set day ${day}\n\\set seat ${seat}\n${SQL}`)
}

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

const TABLE = '.holder [role=grid]'

/* [{index, id, top}] of the rows that are seen whole, the first on top. */
export const seen = (page) => page.evaluate((selector) => {
  const table = globalThis.document.querySelector(selector)
  const frame = table.getBoundingClientRect()
  const head = table.querySelector('.head').getBoundingClientRect().bottom
  return [...table.querySelectorAll('[data-id]')]
    .map((row) => ({ index: Number(row.dataset.index), id: row.dataset.id, top: row.getBoundingClientRect().top, bottom: row.getBoundingClientRect().bottom }))
    .filter((row) => row.top >= head - 1 && row.bottom <= frame.bottom + 1)
    .sort((a, b) => a.top - b.top)
}, TABLE)

export const rowCount = (page) => page.evaluate((selector) => Number(globalThis.document.querySelector(selector).getAttribute('aria-rowcount')) - 1, TABLE)

/* As by dragging the bar: at once to a share of the whole height. */
export const drag = (page, share) => page.evaluate(([selector, part]) => {
  const table = globalThis.document.querySelector(selector)
  table.scrollTop = Math.round((table.scrollHeight - table.clientHeight) * part)
}, [TABLE, share])

/* Scrolls through the table, a step a frame; most: of its rows that ever were in the document; gaps between frames and long tasks in ms. */
export const scrollThrough = (page, { from = 0, pixels, steps }) => page.evaluate(async ([selector, start, step, count]) => {
  const table = globalThis.document.querySelector(selector)
  const long = []
  const observer = new globalThis.PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => Math.round(entry.duration))))
  observer.observe({ type: 'longtask' })
  const frame = () => new Promise((resolve) => globalThis.requestAnimationFrame(resolve))
  const gaps = []
  let most = 0
  let last = await frame()
  for (let at = 0; at < count; at++) {
    table.scrollTop = start + step * at
    const now = await frame()
    gaps.push(now - last)
    last = now
    most = Math.max(most, table.querySelectorAll('.row').length)
  }
  observer.disconnect()
  gaps.sort((a, b) => a - b)
  const round = (value) => Math.round(value * 10) / 10
  return { most, frames: gaps.length, gap_median_ms: round(gaps[gaps.length >> 1]), gap_p95_ms: round(gaps[Math.floor(gaps.length * 0.95)]), gap_max_ms: round(gaps.at(-1)), long_tasks_ms: long }
}, [TABLE, from, pixels, steps])

/* Watches in every frame where a row stands; the function that comes back tells the largest way it moved, in pixels (null: it was away). */
export async function watchRow(page, id) {
  await page.evaluate(([selector, wanted]) => {
    const places = []
    globalThis.yqPlaces = { places, isOn: true }
    const tick = () => {
      const row = globalThis.document.querySelector(`${selector} [data-id="${wanted}"]`)
      places.push(row === null ? null : row.getBoundingClientRect().top)
      if (globalThis.yqPlaces.isOn) globalThis.requestAnimationFrame(tick)
    }
    globalThis.requestAnimationFrame(tick)
  }, [TABLE, id])
  return () => page.evaluate(async () => {
    for (let left = 3; left > 0; left--) await new Promise((resolve) => globalThis.requestAnimationFrame(resolve))
    globalThis.yqPlaces.isOn = false
    const { places } = globalThis.yqPlaces
    return places.includes(null) ? null : Math.max(...places) - Math.min(...places)
  })
}

/* ---- memory and link ---------------------------------------------------------------------------------------------------- */

/* MB of the JavaScript heap after a collection; elements of the document. */
export async function memory(one) {
  const session = await one.context.newCDPSession(one.page)
  await session.send('HeapProfiler.collectGarbage')
  await session.send('Performance.enable')
  const { metrics } = await session.send('Performance.getMetrics')
  await session.detach()
  const of = (name) => metrics.find((metric) => metric.name === name).value
  return { heap_mb: Math.round(of('JSHeapUsedSize') / 1e5) / 10, nodes: of('Nodes') }
}

/* Requests from now on: [{path, query, bytes}], bytes as they came over the link. */
export function requestsOf(one) {
  const list = []
  one.context.on('requestfinished', async (request) => {
    const url = new URL(request.url())
    if (!url.protocol.startsWith('http') || url.pathname === '/api/v1/events') return
    const entry = { path: url.pathname, query: url.search, bytes: 0 }
    list.push(entry)
    const sizes = await request.sizes().catch(() => null)
    entry.bytes = sizes === null ? 0 : sizes.responseBodySize + sizes.responseHeadersSize
  })
  return list
}
