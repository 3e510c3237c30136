/* The signed PDF beside the page: a frame of our own page shows it, a frame of anybody else does not. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { openWorld } from './support/web.mjs'

const world = await openWorld()
const { installation } = world

async function reportAddress() {
  await installation.walk()
  const [[report]] = await installation.sql('SELECT public_id FROM report_version WHERE state = \'issued\'')
  return `/api/v1/reports/${report}/pdf`
}

function addFrame(address) {
  const frame = globalThis.document.createElement('iframe')
  frame.src = address
  frame.width = '900'
  frame.height = '600'
  globalThis.document.body.prepend(frame)
}

world.test('the paper shows in a frame of our page, and in no other', async ({ person }) => {
  const address = await reportAddress()
  const li = await person('clinician')
  await li.page.evaluate(addFrame, address)
  assert.equal(await li.paper(), 'X线诊断报告')
  await li.shot('frame')
  assert.deepEqual(li.problems, [])

  const stranger = createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<!doctype html><title>other</title><p>other</p>'))
  await once(stranger.listen(0, '127.0.0.1'), 'listening')
  const other = `http://127.0.0.1:${stranger.address().port}/`
  try {
    await li.expecting(/^foreign: GET/, () => li.page.goto(other))
    for (const [path, ancestors] of [[address, 'self'], ['/login', 'none']]) {
      li.allow(new RegExp(`^console: .*frame-ancestors '${ancestors}'`))
      await li.expecting(new RegExp(`^failed: GET ${path}: net::ERR_BLOCKED_BY_RESPONSE$`), () => li.page.evaluate(addFrame, installation.origin + path))
    }
    assert.ok(!li.page.frames().some((frame) => frame.url().startsWith('chrome-extension:')), 'a PDF in a foreign page')
  } finally {
    stranger.close()
    stranger.closeAllConnections()
  }
})
