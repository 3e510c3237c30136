/* The plain page of images on a computer without WebGL and on a poor link: what is shown when, what is asked for in which order, what is given up. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' }, { flags: ['--disable-webgl', '--disable-3d-apis'] })
const { installation } = world

const PERSON = { name: 'LI^LEI=李^雷', patient_id: 'PLAIN1', birth: '19600102' }
const NOW = { ...PERSON, study_uid: '2.25.930000000000000000000000000000001', accession: 'PLAIN-NOW' }
const BEFORE = { ...PERSON, study_uid: '2.25.930000000000000000000000000000002', accession: 'PLAIN-BEFORE' }
const SLICES = 12
/* Whose series come in this order: their numbers are the same. */
const [FIRST, SECOND] = [5, 4]

await installation.push('dr-chest', { ...BEFORE, images: 1, size: 256, submit: false })
const first = await installation.push('ct-chest', { ...NOW, images: SLICES, size: 128, seed: FIRST, submit: false })
await installation.push('us', { ...NOW, seed: SECOND, submit: false })
const slide = await installation.push('wsi', { name: 'WANG^MA=王^麻', submit: false })
const ecg = await installation.push('ecg', { name: 'ZHAO^YUN=赵^云', submit: false })

const address = (study) => `/images?StudyInstanceUIDs=${study.study_uid}`
/* Not busy: what is drawn is of the picture that was chosen last, not of the one before. */
const at = (page, quality, place = 0) => page.locator(`[data-place="${place}"] .pane[aria-busy=false][data-quality=${quality}]`).waitFor()
const count = (page) => page.locator('[data-place="0"] .count')
const scrollTo = async (page, n) => {
  await page.mouse.wheel(0, 120)
  await count(page).getByText(`${n} / ${SLICES}`).waitFor()
}

/* The numbers of the slices and their qualities, as pictures are asked for; `under way` is how many were at most at once. */
async function pictures(one) {
  const numbers = new Map(await installation.sql(`SELECT sop_instance_uid, instance.number::text FROM instance JOIN series USING (series_id) JOIN study USING (study_id)
    WHERE study_instance_uid = '${NOW.study_uid}' AND series.modality = 'CT'`))
  const told = { asked: [], given: [], most: 0 }
  const running = new Set()
  const nameOf = (request) => {
    const url = new URL(request.url())
    const query = url.searchParams
    const quality = query.get('accept') === 'image/png' ? 'full' : query.has('quality') ? 'preview' : 'screen'
    return `${numbers.get(url.pathname.match(/instances\/([0-9.]+)/)[1]) ?? 'other'} ${quality}`
  }
  const isPicture = (request) => request.resourceType() === 'fetch' && /\/rendered/.test(request.url())
  one.page.on('request', (request) => {
    if (!isPicture(request)) return
    told.asked.push(nameOf(request))
    running.add(request)
    told.most = Math.max(told.most, running.size)
  })
  for (const end of ['requestfinished', 'requestfailed'])
    one.page.on(end, (request) => {
      if (running.delete(request) && end === 'requestfailed') told.given.push(nameOf(request))
    })
  return told
}

/* Nothing of a quality comes through until it is let go. */
async function hold(page, pattern) {
  const held = []
  await page.route(pattern, (route) => { held.push(route) })
  return async () => {
    await page.unroute(pattern)
    for (const route of held.splice(0)) await route.continue().catch(() => undefined)
  }
}
const BETTER = /\/rendered(?!.*[?&](quality=|viewport=96))/

world.test('the viewer that cannot start leads here; the pages lead nowhere else', async ({ person }) => {
  const one = await person('reporter', { via: 'api' })
  const { page } = one
  one.allow(/^(console|page): /)
  await one.goto(`/viewer?StudyInstanceUIDs=${NOW.study_uid}`)
  await page.getByRole('alertdialog').getByText('不支持 WebGL').waitFor()
  await one.shot('viewer')
  await page.evaluate(() => localStorage.setItem('yq.webgl', 'yes')) // it had, before its driver was blocked
  await page.reload()
  await page.getByRole('alertdialog').getByText('不支持 WebGL').waitFor()
  assert.equal(await page.evaluate(() => localStorage.getItem('yq.webgl')), null)
  await page.getByRole('link', { name: '打开简易阅片页' }).click()
  await page.waitForURL((url) => url.pathname + url.search === address(NOW))
  await at(page, 'full')
  await page.getByText('这台电脑的浏览器不支持 WebGL').waitFor()
  await page.locator('.corner').getByText('PLAIN1').waitFor()
  await page.locator('.corner').getByText('PLAIN-NOW').waitFor()
  await one.goto('/reading')
  const row = page.locator('tr, [role=row]', { hasText: '李雷' }).filter({ hasText: 'CT' }).first()
  await row.getByRole('link', { name: '用简易阅片页打开' }).waitFor()
  assert.equal(await page.getByRole('link', { name: '在浏览器阅片器中打开' }).count(), 0)
  await one.shot('queue')
})

world.test('a script of the viewer that does not come leads here, too', async ({ person }) => {
  const one = await person('reporter', { via: 'api', language: 'en' })
  one.allow(/^(console|page|failed): /)
  await one.page.addInitScript(() => { globalThis.HTMLCanvasElement.prototype.getContext = () => ({ getExtension: () => null }) })
  await one.page.route(/\/viewer\/.*\/app\.bundle.*\.js/, (route) => route.abort())
  await one.goto(`/viewer?StudyInstanceUIDs=${NOW.study_uid}`)
  await one.page.getByRole('alertdialog').getByText('cannot start in this browser').waitFor()
})

world.test('on a poor link a preview that says so comes first; scrolling waits for nothing better and gives it up', async ({ person }) => {
  const one = await person('reporter', { via: 'api', language: 'en', viewport: [1920, 1080] })
  const { page } = one
  const told = await pictures(one)
  const letGo = await hold(page, BETTER)
  /* The page is there already: what is tested are its pictures. */
  await one.goto('/images')
  await page.getByText('No study was chosen').waitFor()
  await (await one.context.newCDPSession(page)).send('Network.emulateNetworkConditions', { offline: false, latency: 300, downloadThroughput: 25_000, uploadThroughput: 25_000 })
  await page.evaluate((to) => {
    globalThis.history.pushState({}, '', to)
    globalThis.dispatchEvent(new globalThis.PopStateEvent('popstate', { state: {} }))
  }, address(NOW))
  await at(page, 'preview')
  await page.locator('.quality').getByText('not for diagnosis').waitFor()
  assert.equal(told.asked[0], '1 preview')
  await until(() => told.asked.includes('1 screen'), 'who stays gets nothing better')
  await one.shot('preview')
  /* In a narrow pane what is still to be fetched gives way and does not stand beside it. */
  await page.setViewportSize({ width: 400, height: 900 })
  await page.locator('[data-place="0"] footer progress').waitFor({ state: 'attached' })
  assert.deepEqual(await page.locator('[data-place="0"] footer').evaluate((foot) => [...foot.children]
    .filter((one) => one.getBoundingClientRect().right > foot.getBoundingClientRect().right || globalThis.getComputedStyle(one).overflowX === 'visible' && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.outerHTML)), [])
  await page.setViewportSize({ width: 1920, height: 1080 })
  await page.locator('[data-place="0"] .pane').hover()
  for (const n of [2, 3, 4]) await scrollTo(page, n)
  await until(() => told.given.includes('1 screen'), 'what is not looked at any more is still fetched')
  await page.locator('[data-place="0"] .pane[aria-busy=false][data-quality=preview]').waitFor()
  await letGo()
  await page.locator('[data-place="0"] .pane').focus()
  await page.keyboard.press('End')
  await count(page).getByText(`${SLICES} / ${SLICES}`).waitFor()
  await at(page, 'full')
  const last = told.asked.filter((name) => name.startsWith(`${SLICES} `))
  assert.deepEqual(last.slice(-2), [`${SLICES} screen`, `${SLICES} full`])
  await page.locator('.quality').getByText('Full quality').waitFor()
})

world.test('while one stays, neighbours come first, then the series, then the others; the whole series in full quality; nothing while hidden', async ({ person }) => {
  const one = await person('reporter', { via: 'api', viewport: [1920, 1080] })
  const { page } = one
  const told = await pictures(one)
  await one.goto(address(NOW))
  await at(page, 'full')
  await until(() => told.asked.some((name) => name.startsWith('other')), 'the other series is not fetched ahead')
  const places = Array.from({ length: SLICES }, (_, i) => told.asked.findIndex((name) => name.startsWith(`${i + 1} `)))
  assert.ok(places.every((place) => place >= 0), `not every slice was fetched: ${told.asked}`)
  assert.ok(places[1] < places[SLICES - 1], 'the last slice was fetched before the neighbour')
  assert.ok(Math.max(...places) < told.asked.findIndex((name) => name.startsWith('other')), 'another series was fetched before this one')
  assert.deepEqual(told.asked.filter((name) => name.endsWith('full')), ['1 full'])

  assert.ok(told.most <= 4, `${told.most} pictures were fetched at once`)

  const letGo = await hold(page, /accept=image%2Fpng/)
  const become = (state) => page.evaluate((now) => {
    Object.defineProperty(globalThis.document, 'visibilityState', { configurable: true, get: () => now })
    globalThis.document.dispatchEvent(new Event('visibilitychange'))
  }, state)
  await page.locator('[data-act=whole]').click()
  await until(() => told.asked.includes('3 full'), 'the whole series is not fetched')
  await become('hidden')
  await until(() => told.given.length >= 2, 'a hidden page goes on')
  await letGo()
  const before = told.asked.length
  await become('visible')
  await page.locator('[data-act=whole-progress]').getByText(`全质量 ${SLICES}/${SLICES}`).waitFor()
  assert.ok(told.asked.length > before)
  const enough = told.asked.length
  await page.locator('[data-place="0"] .pane').focus()
  for (const key of ['End', 'PageUp', 'Home']) {
    await page.keyboard.press(key)
    await at(page, 'full')
  }
  assert.equal(told.asked.slice(enough).filter((name) => !name.startsWith('other')).length, 0, 'what is kept was fetched again')
  await page.locator('details.priors > summary').click()
  await page.getByRole('button', { name: '并排对比' }).click()
  await at(page, 'full', 1)
  await page.locator('[data-place="1"] .tag', { hasText: '既往' }).waitFor()
  await one.shot('prior')
  await one.checkAccessible()
})

world.test('a link that breaks is told in words, keeps what is shown, and goes on by itself', async ({ person }) => {
  const one = await person('reporter', { via: 'api' })
  const { page } = one
  one.allow(/^(failed|console): /)
  const letGo = await hold(page, /accept=image%2Fpng/)
  await one.goto(address(NOW))
  await at(page, 'screen')
  await one.context.setOffline(true)
  await letGo()
  await page.locator('.quality').getByText('更高质量未能读取').waitFor()
  await at(page, 'screen')
  await one.context.setOffline(false)
  await at(page, 'full')
  await one.shot('whole')
})

/* Where the highest point of the dark line in a row of the paper is, in millimetres: from the left of the traces, and above the middle of the row. */
const peak = (page, row) => page.locator('canvas[data-drawn=true]').evaluate((canvas, at) => {
  const mm = Number(canvas.dataset.mm)
  const rowMm = Number(canvas.dataset.rowMm)
  const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const left = Math.round(11 * mm)
  for (let y = Math.round(at * rowMm * mm); y < (at + 1) * rowMm * mm; y++)
    for (let x = left; x < left + 9 * mm; x++)
      if (data[4 * (y * width + x)] < 80) return { right: x / mm - 10, up: (at + 0.5) * rowMm - y / mm }
  return null
}, row)
const near = (got, want, what) => assert.ok(got !== null && Math.abs(got - want) < 0.5, `${what} is ${got} mm, not ${want}`)

world.test('an electrocardiogram stands on paper in true proportion, is measured, and says why it cannot be drawn', async ({ person }) => {
  const one = await person('reporter', { via: 'api', viewport: [1920, 1080] })
  const { page } = one
  await one.goto(`/images?StudyInstanceUIDs=${ecg.study_instance_uid}`)
  await page.locator('canvas[data-drawn=true]').waitFor()
  await page.getByText('25 mm/s · 10 mm/mV').first().waitFor()
  await page.getByText('12 导联 · 500 Hz · 2.0 秒').waitFor()
  await one.shot('ecg')
  await one.checkAccessible('.ecg')
  await page.locator('[data-layout=rows]').click()
  await until(async () => (await peak(page, 8)) !== null, 'V3 is not drawn')
  /* V3 of the generator: 1 mV after 256 ms. */
  const found = await peak(page, 8)
  near(found.up, 10, 'the height of V3')
  near(found.right, 6.4, 'the place of its peak')
  await page.getByRole('radio', { name: '5 mm/mV', exact: true }).click()
  await until(async () => Math.abs(((await peak(page, 8))?.up ?? 0) - 5) < 0.5, 'the gain does not change the height')
  const canvas = page.locator('canvas[data-drawn=true]')
  const mm = Number(await canvas.getAttribute('data-mm'))
  const box = await canvas.boundingBox()
  await page.mouse.move(box.x + 50, box.y + 50)
  await page.mouse.down()
  await page.mouse.move(box.x + 50 + 20 * mm, box.y + 50 + 5 * mm)
  await page.mouse.up()
  assert.match(await page.locator('.measured').innerText(), /^(79\d|80\d) ms · (0\.99|1\.0[01]) mV · (75|76|74) /)
  await page.route(/\/bulkdata\//, (route) => route.fulfill({ contentType: 'application/octet-stream', body: 'too little' }))
  await page.setViewportSize({ width: 1366, height: 768 })
  await page.reload()
  await page.getByText('波形数据不完整').waitFor()
  await page.unroute(/\/bulkdata\//)
  await page.reload()
  await page.locator('canvas[data-drawn=true]').waitFor()
  await one.shot('ecg-small')
})

/* The colour at a place of the slide, in pixels of its largest level. */
const colourAt = (page, x, y) => page.locator('.slide .pane').evaluate((pane, [wx, wy]) => {
  const { zoom, x: cx, y: cy } = pane.dataset
  const canvas = pane.querySelector('canvas')
  const at = [canvas.width / 2 + (wx - Number(cx)) * Number(zoom), canvas.height / 2 + (wy - Number(cy)) * Number(zoom)].map(Math.round)
  return [...canvas.getContext('2d').getImageData(...at, 1, 1).data.slice(0, 3)]
}, [x, y])
const looks = (got, want, what) => assert.ok(got.every((value, i) => Math.abs(value - want[i]) < 12), `${what} is ${got}, not ${want}`)

world.test('a whole slide is a pyramid: the level that the zoom needs, each tile where it belongs, a coarser one where it is missing', async ({ person }) => {
  const one = await person('reporter', { via: 'api' })
  const { page } = one
  const frames = []
  page.on('request', (request) => { if (request.resourceType() === 'fetch' && /frames/.test(request.url())) frames.push(request.url()) })
  await one.goto(`/images?StudyInstanceUIDs=${slide.study_instance_uid}`)
  const pane = page.locator('.slide .pane')
  await page.locator('.slide .pane[data-level="1"][data-whole=true]').waitFor()
  for (const [column, row] of [[0, 0], [1, 0], [3, 0], [0, 1], [2, 2], [3, 2]]) looks(await colourAt(page, 256 * column + 128, 256 * row + 128), [40 + 50 * column, 40 + 60 * row, 200], `tile ${column},${row}`)
  await one.shot('slide')
  await one.checkAccessible('.slide')
  await page.locator('[data-act=farther]').click()
  await page.locator('.slide .pane[data-level="2"][data-whole=true]').waitFor()
  for (const [column, row] of [[0, 0], [1, 0], [0, 1]]) looks(await colourAt(page, 512 * column + 200, 512 * row + 200), [200, 60 + 80 * column, 60 + 80 * row], `tile ${column},${row} of level 2`)
  looks(await colourAt(page, 800, 640), [90, 90, 30], 'where level 2 has no tile')
  await page.locator('[data-act=all]').click()
  const box = await pane.boundingBox()
  await page.mouse.move(box.x + box.width / 2 - 200, box.y + box.height / 2 - 150)
  const before = await colourAt(page, 128, 128)
  for (let i = 0; i < 12; i++) await page.mouse.wheel(0, -120)
  await until(async () => Number(await pane.getAttribute('data-zoom')) === 4, 'it does not come closer')
  await page.locator('.slide .pane[data-whole=true]').waitFor()
  assert.ok(Number(await pane.getAttribute('data-x')) < 512, 'it did not come closer to where the mouse is')
  looks(before, [40, 40, 200], 'the first tile')
  assert.equal(new Set(frames).size, frames.length, 'a tile was fetched twice')
  await page.route(/\/frames\//, (route) => route.abort())
  one.allow(/^(failed|console): /)
  await page.reload()
  await page.locator('.quality').getByText('未能读取').waitFor()
  await page.unroute(/\/frames\//)
  await page.locator('.quality').getByRole('button', { name: '重试' }).click()
  await page.locator('.slide .pane[data-whole=true]').waitFor()
})

/* A call of the API as this person. */
async function call(one, method, address, data) {
  const { csrf_token } = await (await one.context.request.get(`${installation.origin}/api/v1/me`)).json()
  const answer = await one.context.request[method](`${installation.origin}${address}`, { data, headers: { 'X-CSRF-Token': csrf_token } })
  assert.equal(answer.status(), 200, await answer.text())
  return answer.json()
}
const keyRows = () => installation.sql(`SELECT i.number::text, k.frame::text FROM key_image k JOIN instance i USING (instance_id) JOIN study s ON s.study_id = k.study_id
  WHERE s.study_instance_uid = '${NOW.study_uid}' ORDER BY i.number, k.frame`)

world.test('who writes the report marks key images on the plain page, by key and button; the desk shows them at once; what is refused is said', async ({ person }) => {
  const [[task]] = await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.study_instance_uid = '${NOW.study_uid}'`)
  const one = await person('reporter', { via: 'api', viewport: [1366, 768] })
  const plain = one.page
  const desk = await one.context.newPage()
  await one.goto(address(NOW))
  await at(plain, 'full')
  const pane = plain.locator('[data-place="0"] .pane')
  const button = plain.locator('[data-act=key]')
  const tag = plain.locator('[data-place="0"] [data-key-image]')
  const refused = async (words) => {
    await one.expecting(/^status 409: POST .*\/key-images/, () => plain.keyboard.press('k'))
    await plain.getByRole('alert').getByText(words).waitFor()
  }
  await pane.focus()
  await refused('您没有在书写这个检查的报告')
  assert.equal(await button.count(), 0, 'who writes nothing has a button to mark with')

  const { lease_token } = await call(one, 'post', `/api/v1/tasks/${task}/take`, {})
  await desk.goto(`${installation.origin}/reading/${task}`)
  await desk.locator('.workspace .pane[data-quality=full]').waitFor()
  const list = desk.getByRole('region', { name: '关键图像' }).getByRole('listitem')
  await plain.evaluate(() => globalThis.dispatchEvent(new Event('focus')))
  await plain.locator('[data-act=key][aria-pressed=false]').waitFor()
  await pane.focus()
  await plain.keyboard.press('ArrowDown')
  await count(plain).getByText(`2 / ${SLICES}`).waitFor()
  await plain.getByRole('alert').waitFor({ state: 'detached' })
  await plain.keyboard.press('k')
  await tag.waitFor()
  await plain.locator('[data-act=key][aria-pressed=true]').waitFor()
  await list.waitFor()
  assert.deepEqual(await keyRows(), [['2', '1']])
  await at(plain, 'full')
  await one.shot('key-image')
  await one.checkAccessible('.viewer')
  /* The picture beside the report is the same one. */
  await desk.locator('[data-place="0"] .pane').focus()
  await desk.keyboard.press('ArrowDown')
  await desk.locator('[data-place="0"] [data-key-image]').waitFor()
  one.page = desk
  await one.shot('key-image-desk')
  one.page = plain
  await desk.locator('[data-act=key]').click()
  await list.waitFor({ state: 'detached' })
  await tag.waitFor({ state: 'detached' })
  assert.deepEqual(await keyRows(), [])

  const SLICE = `FROM instance i JOIN series e USING (series_id) JOIN study s USING (study_id) WHERE s.study_instance_uid = '${NOW.study_uid}' AND e.modality = 'CT' AND i.number =`
  await installation.sql(`UPDATE instance SET has_pixels = false WHERE instance_id = (SELECT i.instance_id ${SLICE} 2)`)
  await refused('找不到这张图像')
  await installation.sql(`UPDATE instance SET has_pixels = true WHERE instance_id = (SELECT i.instance_id ${SLICE} 2)`)
  await installation.sql(`INSERT INTO key_image (study_id, site_id, instance_id, frame, task_id, person_id)
    SELECT i.study_id, i.site_id, i.instance_id, n, t.task_id, t.holder_id
    FROM generate_series(1, 20) n, reading_task t, (SELECT i.instance_id, s.study_id, s.site_id ${SLICE} 5) i WHERE t.public_id = '${task}'`)
  await refused('关键图像已有 20 幅')
  assert.equal((await keyRows()).length, 20)
  await one.shot('key-image-refused')
  await installation.sql(`DELETE FROM key_image WHERE frame > 1`)

  /* An earlier examination beside it has none of this report's. */
  await plain.locator('details.priors > summary').click()
  await plain.getByRole('button', { name: '并排对比' }).click()
  await at(plain, 'full', 1)
  await plain.locator('[data-place="1"] .pane').focus()
  await plain.keyboard.press('k')
  await plain.getByRole('alert').getByText('既往检查的图像不能标为').waitFor()
  assert.ok(await button.isDisabled())
  assert.equal((await keyRows()).length, 1)

  await call(one, 'post', `/api/v1/tasks/${task}/release`, { lease_token })
  await pane.focus()
  await refused('您没有在书写这个检查的报告')
  await button.waitFor({ state: 'detached' })
})

world.test('the words for key images in English', async ({ person }) => {
  const [[task]] = await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.study_instance_uid = '${NOW.study_uid}'`)
  const one = await person('reporter', { via: 'api', language: 'en' })
  const { lease_token } = await call(one, 'post', `/api/v1/tasks/${task}/take`, {})
  await one.goto(address(NOW))
  await at(one.page, 'full')
  await one.page.getByRole('button', { name: 'Key image' }).click()
  await one.page.locator('[data-place="0"]').getByText('★ Key image').waitFor()
  assert.equal((await keyRows())[0][0], '1')
  await call(one, 'post', `/api/v1/tasks/${task}/release`, { lease_token })
})
assert.equal(first.instances, SLICES)
