/* The cockpit: figures as everything else counts them, their rows, spreadsheets, the wall, paper. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' })
const { installation } = world

await installation.walk()

/* Days of the installation, which is in Asia/Shanghai. */
const dayOf = (date) => new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai' }).format(date)
const today = dayOf(new Date())
const coverage = await installation.yqctlJson('coverage')
const busy = coverage.communities.find((one) => one.served > 0)
const idle = coverage.communities.find((one) => one.served === 0)
assert.ok(busy && idle, 'the walk serves a site of one community')

const value = (page, tile) => page.locator(`[data-tile=${tile}] [data-value]`)
const percent = (numerator, denominator) => `${Math.round((numerator / denominator) * 1000) / 10}%`

async function open(person, query = {}, options = {}) {
  const one = await person('county', { via: 'api', ...options })
  await one.goto(`/cockpit?${new URLSearchParams({ community: busy.id, ...query })}`)
  await one.page.locator('[data-tile=studies], .wall-screen').first().waitFor()
  return one
}

world.test('coverage is what the command line counts, in all three bases, against its target', async ({ person }) => {
  const one = await open(person, {}, { viewport: [1920, 1080] })
  const { page } = one
  for (const basis of ['connected', 'served', 'regular']) {
    const text = await page.locator(`[data-basis=${basis}]`).innerText()
    assert.ok(text.includes(`${percent(busy[basis], busy.sites)}（${busy[basis]}/${busy.sites}）`), `${basis}: ${text}`)
  }
  assert.equal((await value(page, 'coverage').innerText()).replace(/\s/g, ''), `${percent(busy[coverage.basis], busy.sites)}（${busy[coverage.basis]}/${busy.sites}）`)
  await page.locator(`[data-basis=${coverage.basis}]`, { hasText: '主口径' }).waitFor()
  const target = busy.targets.at(-1)
  await page.locator(`[data-standing=${target.standing}]`, { hasText: target.deadline }).getByText({ reached: '已达标', on_track: '如期推进', late: '落后' }[target.standing]).waitFor()
  assert.equal(await value(page, 'studies').innerText(), '1')
  assert.equal((await value(page, 'in_time_centre').innerText()).replace(/\s/g, ''), '100%（1/1）')
  await one.shot('zh')
  await one.checkAccessible()
})

world.test('the own community comes first', async ({ person }) => {
  const one = await person('county', { via: 'api' })
  await one.goto('/cockpit')
  await one.page.locator('[data-tile=studies]').waitFor()
  assert.equal(await one.page.locator('select[name=community]').inputValue(), busy.id)
})

world.test('a rate of nothing is no 0 %, and each rate has its denominator', async ({ person }) => {
  const { page } = await open(person, { community: idle.id })
  assert.equal((await value(page, 'in_time_centre').innerText()).replace(/\s/g, ''), '—（0）')
  const rates = await page.locator('[data-rate]').allInnerTexts()
  assert.equal(rates.length, 9)
  for (const rate of rates) assert.match(rate.replace(/\s/g, ''), /—（0）$/)
  assert.match(await page.locator('[data-basis=served]').innerText(), /0%（0\/\d+）/)
})

world.test('the community, the period and the modes stand in the address', async ({ person }) => {
  const { page } = await open(person)
  await page.locator('select[name=community]').selectOption(idle.id)
  await until(async () => (await value(page, 'studies').innerText()) === '0', 'the other community has no studies')
  await page.locator('[data-period=last_month]').click()
  await page.locator('[data-mode=local]').click()
  await until(() => /period=last_month/.test(page.url()) && /mode=local/.test(page.url()), `the address is ${page.url()}`)
  const asked = page.waitForRequest((request) => request.url().includes('/api/v1/figures?'))
  await page.reload()
  const query = new URL((await asked).url()).searchParams
  assert.equal(query.get('community'), idle.id)
  assert.equal(query.get('mode'), 'local')
  assert.match(query.get('from'), /-01$/)
  assert.ok(query.get('to') < today.slice(0, 7), `${query.get('to')} is not of last month`)
  await page.locator('[data-period=free]').click()
  await page.locator('input[name=from]').fill('2026-01-15')
  await page.locator('input[name=from]').dispatchEvent('change')
  await until(() => /from=2026-01-15/.test(page.url()), `the address is ${page.url()}`)
})

world.test('a figure opens its definition and its rows', async ({ person }) => {
  const one = await open(person)
  const { page } = one
  await page.locator('[data-tile=in_time_centre]').click()
  const drawer = page.locator('[data-drawer=in_time_centre]')
  await drawer.getByText('时限内发布的报告').waitFor()
  const rows = drawer.locator('[data-table=rows] tbody tr')
  await rows.first().waitFor()
  assert.equal(await rows.count(), 1)
  assert.match(await rows.first().innerText(), /水步镇卫生院/)
  await one.shot('drawer')
  await one.checkAccessible()
  await until(() => /figure=in_time_centre/.test(page.url()), 'the open figure is not in the address')
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  /* Coverage: its rows are the sites that it counts. */
  await page.locator('[data-tile=coverage] [data-figure=coverage_rate]').click()
  await page.locator('[data-drawer=coverage_rate] [data-table=rows] tbody tr').first().waitFor()
  assert.equal(await page.locator('[data-drawer=coverage_rate] [data-table=rows] tbody tr').count(), busy.sites)
})

world.test('many rows come in pages', async ({ person }) => {
  const one = await open(person)
  const { page } = one
  await page.route(/\/figures\/volume\/rows/, (route) => route.continue({ url: route.request().url().replace('limit=100', 'limit=1') }))
  await installation.push('dr-chest', { images: 1, size: 64 })
  await page.locator('[data-tile=studies]').click()
  const rows = page.locator('[data-drawer=volume] [data-table=rows] tbody tr')
  await rows.first().waitFor()
  assert.equal(await rows.count(), 1)
  await page.locator('[data-act=more]').click()
  await rows.nth(1).waitFor()
})

world.test('each table is exported as a spreadsheet', async ({ person }) => {
  const { page } = await open(person, {}, { language: 'en' })
  for (const sheet of ['sites', 'workload', 'turnaround', 'coverage']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(`[data-sheet=${sheet}]`).first().click()])
    assert.match(download.suggestedFilename(), /\.xlsx$/)
    const said = execFileSync('/usr/bin/python3', ['-c', 'import sys, openpyxl; print(openpyxl.load_workbook(open(sys.argv[1], "rb")).active.max_row)', await download.path()])
    assert.ok(Number(said) > 3, `${sheet}: ${said} rows`)
  }
})

world.test('a failed export says so and can be tried again', async ({ person }) => {
  const one = await open(person)
  const { page } = one
  await page.route(/\/figures\/export/, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"x","status":503,"kind":"temporary","detail":"","request_id":"r7"}' }))
  await one.expecting(/^status 503: GET .*\/figures\/export/, async () => {
    await page.locator('[data-sheet=sites]').click()
    await page.getByRole('alert').getByText('导出 Excel').waitFor()
  })
  await page.unroute(/\/figures\/export/)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('alert').getByRole('button', { name: '重试' }).click()])
  assert.match(download.suggestedFilename(), /^机构明细_.*\.xlsx$/)
})

world.test('the English page has no Chinese but data', async ({ person }) => {
  const one = await open(person, {}, { language: 'en', dark: true, viewport: [1920, 1080] })
  const { page } = one
  await page.locator('canvas').first().waitFor()
  const words = await page.evaluate(() => {
    const copy = globalThis.document.querySelector('.cockpit').cloneNode(true)
    for (const data of copy.querySelectorAll('bdi, option')) data.remove()
    return copy.textContent
  })
  assert.doesNotMatch(words, /\p{Script=Han}/u)
  await one.shot('en-dark')
  await one.checkAccessible()
})

world.test('each chart has its numbers as a table', async ({ person }) => {
  const { page } = await open(person)
  await page.locator('canvas').first().waitFor()
  const boxes = page.locator('.box')
  assert.equal(await boxes.count(), 5)
  for (let i = 0; i < 5; i++) {
    assert.ok((await boxes.nth(i).locator('table tbody tr').count()) > 0)
    assert.ok(await boxes.nth(i).locator('.chart').getAttribute('aria-label'))
  }
  await boxes.first().getByRole('button', { name: '看数据表' }).click()
  await boxes.first().locator('table').getByText(today.slice(0, 7)).waitFor()
  await boxes.first().locator('canvas').waitFor({ state: 'detached' })
  await boxes.first().getByRole('button', { name: '看图' }).click()
  await boxes.first().locator('canvas').waitFor()
})

world.test('a site says what is wrong, and the order of the table is kept in the address', async ({ person }) => {
  const { page } = await open(person)
  await page.locator('[data-site=ts-duhu]').getByText('从未接通').waitFor()
  await page.locator('[data-site=ts-shuibu]').getByText('正常').waitFor()
  await page.locator('[data-table=sites]').getByRole('button', { name: '检查' }).click()
  await until(async () => (await page.locator('[data-table=sites] tbody tr').first().getAttribute('data-site')) === 'ts-shuibu', 'the busiest site is not first')
  assert.match(page.url(), /order=studies/)
})

for (const viewport of [[1366, 768], [1920, 1080], [3840, 2160]]) world.test(`the wall turns its screens, names nobody, and is left by Esc, ${viewport.join('x')}`, async ({ person }) => {
  const one = await open(person, {}, { viewport })
  const { page } = one
  await page.locator('[data-act=wall]').click()
  const wall = page.locator('.wall-screen')
  await wall.waitFor()
  const people = Object.values(installation.accounts).map((account) => account.name)
  for (const slide of ['key', 'sites', 'volume', 'time', 'limits', 'quality', 'key']) {
    await page.locator(`.wall-screen[data-slide=${slide}]`).waitFor()
    const text = await wall.innerText()
    for (const name of people) assert.ok(!text.includes(name), `${slide} names ${name}`)
    const overflow = await page.locator('.slide').evaluate((element) => [...element.children].filter((child) => child.scrollHeight > child.clientHeight + 2).length)
    assert.equal(overflow, 0, `${slide} does not fit its screen`)
    await one.shot(`wall-${viewport[0]}-${slide}`)
    await page.keyboard.press('ArrowRight')
  }
  await one.checkAccessible('.wall-screen')
  await page.keyboard.press('Escape')
  await wall.waitFor({ state: 'detached' })
  await page.locator('[data-tile=studies]').waitFor()
  assert.equal(await page.locator('html').getAttribute('class'), '')
  assert.doesNotMatch(page.url(), /wall=/)
})

world.test('what happens elsewhere is shown without asking, and gently', async ({ person }) => {
  const one = await person('county', { via: 'api' })
  const { page } = one
  await page.clock.install()
  await one.goto(`/cockpit?community=${busy.id}`)
  await page.locator('[data-tile=studies]').waitFor()
  const before = Number(await value(page, 'studies').innerText())
  let asked = 0
  page.on('request', (request) => { if (request.url().includes('/api/v1/figures?')) asked++ })
  await installation.push('dr-chest', { images: 1, size: 64 })
  await page.clock.runFor(2_000)
  assert.equal(asked, 0)
  await until(async () => {
    await page.clock.runFor(5_000)
    return Number(await value(page, 'studies').innerText()) === before + 1
  }, 'the new study is not counted')
  assert.ok(asked <= 2, `${asked} requests`)
})

world.test('on paper there are no buttons', async ({ person }) => {
  const one = await open(person)
  await one.page.emulateMedia({ media: 'print' })
  await one.page.locator('[data-act=wall]').waitFor({ state: 'hidden' })
  await one.page.locator('[data-sheet=sites]').waitFor({ state: 'hidden' })
  await one.page.locator('[data-table=sites]').waitFor()
})

world.test('charts of a dark screen are drawn dark on white for paper', async ({ person }) => {
  const { page } = await open(person, {}, { dark: true })
  await page.locator('canvas').first().waitFor()
  /* The lightest and the darkest grey that is drawn in full. */
  const greys = () => page.locator('.box canvas').first().evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const range = { least: 255, most: 0 }
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] !== 255) continue
      range.most = Math.max(range.most, Math.min(data[i], data[i + 1], data[i + 2]))
      range.least = Math.min(range.least, Math.max(data[i], data[i + 1], data[i + 2]))
    }
    return range
  })
  await until(async () => (await greys()).most > 190, 'no light text on the dark screen')
  await page.evaluate(() => globalThis.dispatchEvent(new Event('beforeprint')))
  await until(async () => (await greys()).least < 70, 'no dark text on paper')
  assert.equal(await page.locator('html.dark').count(), 0)
  await page.evaluate(() => globalThis.dispatchEvent(new Event('afterprint')))
  assert.equal(await page.locator('html.dark').count(), 1)
  await until(async () => (await greys()).most > 190, 'the screen is not dark again')
})

world.test('others do not fetch the charts', async ({ person }) => {
  const one = await person('reporter', { via: 'api' })
  const asked = []
  one.page.on('request', (request) => asked.push(request.url()))
  await one.goto('/reading')
  await one.page.locator('#content').waitFor()
  await one.page.waitForLoadState('load')
  assert.deepEqual(asked.filter((url) => /charts/.test(url)), [])
})
