/*
 * How soon the first image of a study is seen in OHIF: the same browser and link, over our gateway and over other servers.
 * tests/bench/pull.py starts it with one JSON argument and reads one JSON line a visit: {"title", "seen_ms", "metadata_ms"}.
 *
 * A server is a page with a viewer and, where "root" is named, another place at which this viewer asks for studies; what our page asks before OHIF has
 * started is then left out. Each visit is a browser in which another study was opened some times before, so that what the viewer is made of is in its
 * cache, compiled, as it is for who reads all day.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const TREE = fileURLToPath(new URL('../../', import.meta.url))
const require = createRequire(path.join(TREE, 'gateway/web/package.json'))
const { chromium } = require('playwright-core')
const PATIENCE_MS = 300_000
const OPENED_BEFORE = 3 // from the third time on Chromium keeps compiled scripts
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--disable-web-security'] // the other server names no origin that may ask it

const { cookie, warm, study, rounds, servers } = JSON.parse(process.argv[2])

/* Runs in the page, before anything of it. */
function aim(root) {
  let aimed
  const fetch = window.fetch
  window.fetch = (address, options) => (/dicom-web/.test(address) && /app-config/.test(new Error().stack) ? Promise.reject(new Error('as OHIF is')) : fetch(address, options))
  Object.defineProperty(window, 'config', {
    configurable: true,
    get: () => aimed,
    set(config) {
      aimed = config
      const { configuration } = config.dataSources[0]
      Object.assign(configuration, { qidoRoot: root, wadoRoot: root, wadoUriRoot: root })
    },
  })
}

/* Milliseconds since the navigation began when a picture is first there: more than a few greys. */
function seen() {
  const isPicture = (canvas) => {
    if (canvas.width === 0 || canvas.height === 0) return false
    const { data } = canvas.getContext('2d').getImageData(0, canvas.height >> 1, canvas.width, 16)
    const greys = new Set()
    for (let i = 0; i < data.length && greys.size <= 20; i += 64) greys.add(data[i])
    return greys.size > 20
  }
  return [...document.querySelectorAll('#viewerLayoutResizableViewportGridPanel canvas.cornerstone-canvas')].some(isPicture) ? performance.now() : null
}

async function open(context, origin, uid) {
  const page = await context.newPage()
  await page.goto(`${origin}/viewer?StudyInstanceUIDs=${uid}`, { waitUntil: 'commit' })
  const at = await (await page.waitForFunction(seen, null, { polling: 50, timeout: PATIENCE_MS })).jsonValue()
  const loads = await page.evaluate(() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/metadata')).map((one) => one.duration))
  await page.close()
  return { seen_ms: at, metadata_ms: Math.max(...loads) }
}

async function visit(server) {
  const profile = mkdtempSync(path.join(tmpdir(), 'yq-first-image.'))
  const context = await chromium.launchPersistentContext(profile, { executablePath: '/usr/bin/chromium', args: FLAGS, bypassCSP: true, viewport: { width: 1920, height: 1080 } })
  try {
    await context.addCookies([{ ...cookie, url: server.page }])
    if (server.root !== null) await context.addInitScript(aim, server.root)
    for (let before = 0; before < OPENED_BEFORE; before++) await open(context, server.page, warm)
    return { title: server.title, ...(await open(context, server.page, study)) }
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  }
}

for (let round = 0; round < rounds; round++)
  for (const server of [...servers.slice(round % servers.length), ...servers.slice(0, round % servers.length)]) console.log(JSON.stringify(await visit(server)))
