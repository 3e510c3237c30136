/* The signed PDF beside the page: a frame of our own page shows it, a frame of anybody else does not. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { openWorld } from './support/web.mjs'

const world = await openWorld({}, { whole: true })
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

const rowOf = (person, text) => person.page.getByRole('row').filter({ hasText: text })

world.test('a report is shown and printed in the township, with its count', async ({ person }) => {
  const li = await person('radiographer')
  await li.context.addInitScript(() => { globalThis.print = () => { globalThis.top.timesPrinted = (globalThis.top.timesPrinted ?? 0) + 1 } }) // there is no printer
  await li.page.reload()
  await rowOf(li, '已发布').first().click()
  const drawer = li.page.getByRole('dialog')
  await drawer.getByRole('button', { name: '打印报告' }).click()
  await drawer.getByRole('button', { name: '再次打印（已打印 1 次）' }).waitFor()
  await li.page.waitForFunction(() => globalThis.timesPrinted === 1)
  await drawer.getByText('已送达').first().waitFor()
  await drawer.getByRole('button', { name: '查看报告' }).click()
  await drawer.locator('iframe.paper').waitFor()
  await li.shot('report')
  await li.page.keyboard.press('Escape')
  await rowOf(li, '已打印').first().waitFor()
})
