/* The pictures beside the report: stacks, windows, two panes, what cannot be shown, a slow link. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' }, { whole: true })
const { installation } = world

const PATIENT = { name: 'LI^LEI=李^雷', patient_id: 'VIEWER1' }
const NOW = { ...PATIENT, study_uid: '2.25.900000000000000000000000000000001', accession: 'VIEWER-NOW' }
const BEFORE = { ...PATIENT, study_uid: '2.25.900000000000000000000000000000002', accession: 'VIEWER-BEFORE' }

/* A CT of two series (20 and 7 slices), a loop of an ultrasound and a structured report in one study; an earlier examination with a large film. */
await installation.push('dr-chest', { ...BEFORE, images: 1, size: 1024, submit: false })
await installation.push('ct-chest', { ...NOW, images: 20, size: 128, submit: false })
await installation.push('ct-chest', { ...NOW, images: 7, size: 128, submit: false })
await installation.push('us', { ...NOW, submit: false })
await installation.push('sr', { ...NOW, submit: false })

const taskRows = (study) => installation.sql(`SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.study_instance_uid = '${study.study_uid}'`)
/* A study that is not submitted gets its task after its quiet time. */
async function taskOf(study) {
  await until(async () => (await taskRows(study)).length > 0, 'the study has no task')
  return (await taskRows(study))[0][0]
}
const task = await taskOf(NOW)

const pane = (page, place = 0) => page.locator(`[data-place="${place}"] .pane`)
const count = (page, place = 0) => page.locator(`[data-place="${place}"] .count`)
/* Not busy: what is drawn is of the picture that was chosen last, not of the one before. */
const sharp = (page, place = 0) => page.locator(`[data-place="${place}"] .pane[aria-busy=false][data-quality=full]`).waitFor()
const tile = (page, modality, images) => page.locator('.tile', { hasText: modality }).filter({ hasText: new RegExp(`(?<!\\d)${images} 张|images: ${images}(?!\\d)`) })

/* The grey in the middle of what is drawn. */
const greys = (page, place = 0) => page.locator(`[data-place="${place}"] canvas`).evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let sum = 0
  for (let i = 0; i < data.length; i += 4) sum += data[i]
  return { width: canvas.width, mean: sum / (data.length / 4), hash: data.reduce((hash, value) => (hash * 31 + value) | 0, 7) }
})

async function open(person, options = {}) {
  const one = await person('reporter', { via: 'api', ...options })
  await one.goto(`/reading/${task}`)
  await tile(one.page, 'CT', 20).click()
  await sharp(one.page)
  return one
}

world.test('a stack is scrolled by wheel, keys and slider', async ({ person }) => {
  const { page } = await open(person, { viewport: [1920, 1080] })
  assert.equal(await count(page).innerText(), '1 / 20')
  const first = await greys(page)
  await pane(page).hover()
  await page.mouse.wheel(0, 120)
  await count(page).getByText('2 / 20').waitFor()
  await sharp(page)
  await until(async () => (await greys(page)).hash !== first.hash, 'the second slice looks like the first')
  await pane(page).focus()
  for (const [key, place] of [['PageDown', 12], ['ArrowDown', 13], ['ArrowUp', 12], ['End', 20], ['ArrowDown', 20], ['PageUp', 10], ['Home', 1], ['ArrowUp', 1]]) {
    await page.keyboard.press(key)
    await count(page).getByText(`${place} / 20`).waitFor()
  }
  await page.locator('[data-place="0"] .slider').fill('7')
  await count(page).getByText('7 / 20').waitFor()
  await page.locator('[data-place="0"] .progress').waitFor({ state: 'detached' })
  await until(async () => (await pane(page).getAttribute('data-drawn'))?.endsWith('#1') && (await pane(page).getAttribute('data-quality')) === 'full', 'not drawn')
})

world.test('a window is asked of the gateway, drawn anew, changed by dragging, and taken back', async ({ person }) => {
  const one = await open(person)
  const { page } = one
  const own = await greys(page)
  const asked = page.waitForRequest((request) => /\/rendered\?.*window=-600%2C1500%2Clinear/.test(request.url()))
  await page.locator('[data-preset=lung]').click()
  await asked
  await page.locator('.pane[data-window="-600,1500,linear"]').waitFor()
  const lung = await greys(page)
  assert.notEqual(lung.hash, own.hash)
  await pane(page).focus()
  await page.keyboard.press('3')
  await page.locator('.pane[data-window="400,1800,linear"]').waitFor()
  const bone = await greys(page)
  assert.ok(bone.mean < lung.mean, `bone window ${bone.mean} is not darker than lung window ${lung.mean}`)
  const box = await pane(page).boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 + 40, { steps: 4 })
  await page.mouse.up()
  await page.locator('.pane[data-window="580,1800,linear"]').waitFor()
  await page.keyboard.press('i')
  assert.match(await page.locator('[data-place="0"] canvas').evaluate((canvas) => canvas.style.filter), /invert/)
  await page.keyboard.press('+')
  assert.match(await page.locator('[data-place="0"] canvas').evaluate((canvas) => canvas.style.transform), /scale\(1\.25\)/)
  await page.keyboard.press('0')
  await page.locator('.pane[data-window=""]').waitFor()
  assert.equal((await greys(page)).hash, own.hash)
  assert.equal(await page.locator('[data-place="0"] canvas').evaluate((canvas) => canvas.style.filter), 'none')
  await one.shot('stack')
})

world.test('two series stand beside each other and scroll together', async ({ person }) => {
  const one = await open(person, { viewport: [1920, 1080], language: 'en' })
  const { page } = one
  await page.locator('[data-act=two]').click()
  await sharp(page, 1)
  assert.equal(await count(page, 1).innerText(), '1 / 7')
  await pane(page, 0).focus()
  await page.keyboard.press('End')
  await count(page, 0).getByText('20 / 20').waitFor()
  assert.equal(await count(page, 1).innerText(), '1 / 7')
  await page.locator('[data-act=link]').click()
  await count(page, 1).getByText('7 / 7').waitFor()
  await pane(page, 1).focus()
  await page.keyboard.press('Home')
  await count(page, 0).getByText('1 / 20').waitFor()
  /* The pane that was touched last takes the series that is chosen, and its tools. */
  await tile(page, 'US', 1).click()
  await count(page, 1).getByText('1 / 4').waitFor()
  await page.locator('[data-place="1"]').getByText('frame 1/4').waitFor()
  const before = await greys(page, 1)
  await pane(page, 1).focus()
  await page.keyboard.press('ArrowDown')
  await until(async () => (await greys(page, 1)).hash !== before.hash, 'the second frame looks like the first')
  await page.locator('[data-act=brighter]').click()
  assert.match(await page.locator('[data-place="1"] canvas').evaluate((canvas) => canvas.style.filter), /brightness\(1\.1/)
  await one.shot('two')
  await one.checkAccessible('.viewer')
  assert.doesNotMatch((await page.locator('.tools, .keys').allInnerTexts()).join(' '), /\p{Script=Han}/u)
})

world.test('an earlier examination is put beside this one, and taken away again', async ({ person }) => {
  const one = await open(person, { viewport: [1920, 1080] })
  const { page } = one
  await page.locator('details.priors > summary').click()
  await page.getByRole('button', { name: '并排对比' }).click()
  await sharp(page, 1)
  await page.locator('[data-place="1"] .tag', { hasText: '既往' }).waitFor()
  await page.locator('.strip .heading', { hasText: '既往' }).waitFor()
  await one.shot('prior')
  await page.locator('[data-act=two]').click()
  await page.locator('[data-place="1"]').waitFor({ state: 'detached' })
  await page.locator('.strip .heading').first().waitFor({ state: 'detached' })
})

world.test('an object without a picture says so, one that cannot be decoded, too, and the others go on', async ({ person }) => {
  const one = await open(person)
  const { page } = one
  await tile(page, 'SR', 1).click()
  await page.getByText('这个对象没有图像').waitFor()
  assert.equal(await page.locator('.note button').count(), 0)
  /* As if the report held pixels: the gateway tries and cannot. */
  await installation.sql(`UPDATE instance n SET has_pixels = true FROM series e JOIN study s USING (study_id)
    WHERE e.series_id = n.series_id AND e.modality = 'SR' AND e.origin = 'device' AND s.study_instance_uid = '${NOW.study_uid}'`)
  await one.expecting(/^status 400: GET .*\/rendered/, async () => {
    await page.reload()
    await tile(page, 'SR', 1).click()
    await page.getByText('目前无法显示').waitFor()
  })
  await page.getByText('其他图像不受影响').waitFor()
  await page.locator('.tile', { hasText: 'SR' }).getByText('暂不能显示').waitFor()
  await one.shot('undecodable')
  await tile(page, 'CT', 20).click()
  await sharp(page)
  await installation.sql(`UPDATE instance n SET has_pixels = false FROM series e JOIN study s USING (study_id)
    WHERE e.series_id = n.series_id AND e.modality = 'SR' AND e.origin = 'device' AND s.study_instance_uid = '${NOW.study_uid}'`)
})

world.test('a server that fails says so, and trying again shows the picture', async ({ person }) => {
  const one = await person('reporter', { via: 'api' })
  const { page } = one
  await page.route(/\/rendered/, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"x","status":503,"kind":"temporary","detail":"","request_id":"r1"}' }))
  await one.expecting(/^status 503: GET .*\/rendered/, async () => {
    await one.goto(`/reading/${task}`)
    await page.locator('.note').getByText('服务暂时不可用').waitFor()
  })
  await page.unroute(/\/rendered/)
  await page.locator('.note').getByRole('button', { name: '重试' }).click()
  await sharp(page)
})

world.test('on a slow link a small picture comes first and gets sharp', async ({ person }) => {
  const film = await taskOf(BEFORE)
  const one = await person('reporter', { via: 'api', slow: true })
  const { page } = one
  const asked = []
  page.on('request', (request) => { if (/\/rendered/.test(request.url()) && request.resourceType() === 'fetch') asked.push(new URL(request.url()).searchParams.get('viewport')) })
  /* Anything better waits until the small one was looked at. */
  let letGo
  const looked = new Promise((resolve) => { letGo = resolve })
  await page.route(/\/rendered(?!.*[?&](quality=|viewport=96))/, async (route) => {
    await looked
    await route.continue()
  })
  await one.goto(`/reading/${film}`)
  await page.locator('.pane[data-quality=preview]').getByText('快速预览，请勿据此诊断').waitFor()
  const small = await greys(page)
  letGo()
  assert.ok(small.width <= 256, `${small.width} pixels wide is not small`)
  await page.locator('.pane[data-quality=screen]').waitFor()
  assert.ok((await greys(page)).width > 400)
  assert.equal(asked[0], '256,256')
})
