/* The viewer of whole studies (OHIF), opened from our pages: what it shows, whose priors, for whom, what is kept of what a reader makes in it, and that it leaves the site for nothing. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' }, { whole: true })
const { installation } = world

const PERSON = { name: 'LI^LEI=李^雷', patient_id: 'OHIF1', birth: '19600102' }
const NOW = { ...PERSON, study_uid: '2.25.910000000000000000000000000000001', accession: 'OHIF-NOW', description: 'CHEST NOW' }
const BEFORE = { ...PERSON, study_uid: '2.25.910000000000000000000000000000002', accession: 'OHIF-BEFORE', description: 'CHEST BEFORE' }
/* Of another person, with the same number at another console. */
const STRANGER = { name: 'WANG^WU=王^五', birth: '19850607', patient_id: 'OHIF1', study_uid: '2.25.910000000000000000000000000000003', accession: 'OHIF-OTHER', description: 'STRANGER' }
const CODED = { name: 'ZHAO^YUN=赵^云', patient_id: 'OHIF2', study_uid: '2.25.910000000000000000000000000000004', accession: 'OHIF-CODED', description: 'CODED' }
const WAYS = { name: 'SUN^QUAN=孙^权', patient_id: 'OHIF3', study_uid: '2.25.910000000000000000000000000000005', accession: 'OHIF-WAYS', description: 'WAYS' }
const HEART = { name: 'GUAN^YU=关^羽', patient_id: 'OHIF4', study_uid: '2.25.910000000000000000000000000000006', accession: 'OHIF-HEART', description: 'HEART' }
const FILM = { name: 'MA^CHAO=马^超', patient_id: 'OHIF5', study_uid: '2.25.910000000000000000000000000000007', accession: 'OHIF-FILM', description: 'FILM' }
/* Its first series, as it is listed, is a report. */
const MIXED = { name: 'HUANG^ZHONG=黄^忠', patient_id: 'OHIF6', study_uid: '2.25.910000000000000000000000000000008', accession: 'OHIF-MIXED', description: 'MIXED' }
const SLICES = 12

await installation.push('ct-chest', { ...BEFORE, images: 3, size: 64, submit: false })
await installation.push('ct-chest', { ...NOW, images: SLICES, size: 128, submit: false })
await installation.push('dr-chest', { ...STRANGER, images: 1, size: 64, submit: false })
await installation.push('ct-chest', { ...CODED, images: 2, size: 128, coded: 'jpeg-ls', submit: false })
await installation.push('sr', { ...CODED, submit: false })

await installation.push('sr', { ...MIXED, submit: false })
await installation.push('ct-chest', { ...MIXED, images: 2, size: 128, submit: false })
await installation.pushFilms(FILM)
await installation.push('ecg', { ...HEART, submit: false })
await installation.push('pdf', { ...HEART, submit: false })
const ways = await installation.pushCoded(WAYS)

async function taskOf(study) {
  let rows = []
  await until(async () => (rows = await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study s USING (study_id) WHERE s.study_instance_uid = '${study.study_uid}'`)).length > 0, 'the study has no task')
  return rows[0][0]
}
const task = await taskOf(NOW)
const address = (study, more = '') => `/viewer?StudyInstanceUIDs=${study.study_uid}${more}`

/* Those of the viewports: a thumbnail is drawn on such a canvas, too, which is there for a moment. */
const VIEWPORTS = '#viewerLayoutResizableViewportGridPanel'
const PICTURES = `${VIEWPORTS} canvas.cornerstone-canvas`

/* What is drawn in each viewport: how many greys there are, and a hash of them. */
const drawings = (page) => page.locator(PICTURES).evaluateAll((all) => all.map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const greys = new Set()
  let hash = 7
  for (let i = 0; i < data.length; i += 4) {
    greys.add(data[i])
    hash = (hash * 31 + data[i]) | 0
  }
  return { greys: greys.size, hash }
}))
const drawn = (page, viewports = 1) => until(async () => {
  const all = await drawings(page)
  return all.length === viewports && all.every((one) => one.greys > 20)
}, `there are no ${viewports} pictures`)

/* How many pixels are more red than anything else. */
const coloured = (page) => page.locator(PICTURES).first().evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let count = 0
  for (let i = 0; i < data.length; i += 4) count += data[i] > data[i + 1] + 30 && data[i] > data[i + 2] + 30
  return count
})

const WORDS = {
  'zh-CN': { open: '在浏览器阅片器中打开', title: '阅片器 · 影桥', nothing: '没有选择检查', gone: '找不到这个检查', ended: '登录已失效', again: '重新登录' },
  en: { open: 'Open in viewer', title: 'Viewer · Yingqiao', nothing: 'No study was chosen', gone: 'This study is not here', ended: 'Your login has ended', again: 'Log in again' },
}
const priors = (page) => page.locator('[data-cy="studyBrowser-panel"]')
const place = (page, n, of = SLICES) => page.getByText(new RegExp(`\\(${n}/${of}\\)`)).first()

/* Of who goes away while images are on their way. */
const GIVEN_UP = /^console: TypeError: (Failed to fetch|network error)/

/* At the viewer, on the study that was asked for. */
const arrived = (page) => page.waitForURL((url) => url.pathname + url.search === address(NOW))

/* From then on the person looks at the new window. */
async function follow(one, link, title) {
  const [page] = await Promise.all([one.context.waitForEvent('page'), link.click()])
  one.page = page
  await drawn(page)
  assert.equal(await page.title(), title)
  return page
}

world.test('from the queue in one click: pictures, scrolled; the priors of the patient and of nobody else', async ({ person }) => {
  const words = WORDS['zh-CN']
  const one = await person('reporter', { via: 'api', viewport: [1920, 1080] })
  await one.goto('/reading')
  await one.page.locator(`[data-id="${task}"]`).waitFor()
  await one.shot('link')
  const page = await follow(one, one.page.locator(`[data-id="${task}"]`).getByRole('link', { name: words.open }), words.title)
  assert.equal(new URL(page.url()).pathname, '/viewer')
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
  await page.getByText('李雷').waitFor()
  await place(page, 1).waitFor()
  const [first] = await drawings(page)
  await page.locator(PICTURES).hover()
  for (const n of [2, 3, 4]) {
    await page.mouse.wheel(0, 120)
    await place(page, n).waitFor()
  }
  await until(async () => (await drawings(page))[0].hash !== first.hash, 'another slice looks like the first')
  await priors(page).getByText(NOW.description).waitFor()
  await priors(page).getByText(BEFORE.description).waitFor()
  assert.equal(await priors(page).getByText(STRANGER.description).count(), 0, 'another person with the same number is no prior')
  await one.shot('queue')
  await priors(page).getByText(BEFORE.description).click()
  await priors(page).locator('[data-cy="study-browser-thumbnail"]').nth(1).dblclick()
  await place(page, 1, 3).waitFor()
  await drawn(page)
  await one.shot('prior')
})

world.test('what came compressed is shown, a structured report and a paper are read, a curve is drawn, and three planes are made of a series', async ({ person }) => {
  const one = await person('reporter', { via: 'api', language: 'en', viewport: [1920, 1080] })
  one.allow(GIVEN_UP)
  const frame = one.context.waitForEvent('response', (answer) => answer.url().includes('/frames/'))
  await one.goto(address(CODED))
  assert.match((await frame).headers()['content-type'], /image\/jls/)
  await drawn(one.page)
  assert.equal(await one.page.locator('html').getAttribute('lang'), 'en')
  await one.shot('coded')
  await one.page.locator('[data-cy="study-browser-thumbnail-no-image"]').dblclick()
  await one.page.getByText('两肺未见异常。').waitFor()
  await one.shot('report')
  await one.goto(address(HEART))
  await until(async () => (await drawings(one.page)).length === 1 && await coloured(one.page) > 1000, 'there is no curve on its grid')
  await one.shot('curve')
  await one.page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'DOC' }).dblclick()
  await one.paper()
  await one.shot('paper')
  await playsFilm(one)
  await one.goto(address(NOW, '&hangingprotocolId=mpr'))
  await drawn(one.page, 3)
  await one.shot('mpr')
})

/* The middle of what is drawn. */
const middle = (page) => page.locator(PICTURES).first().evaluate((canvas) => canvas.getContext('2d').getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data[0])

/* Nothing of a film but what the browser asks for to play it: no frame, and no whole stream before anybody looks at it. The plain page says what it is. */
async function playsFilm(one) {
  const { page } = one
  one.allow(/^(status 400|failed|console): .*\/rendered|^console: .*ERR_FAILED/)
  const asked = []
  const note = (request) => { if (request.url().includes(`/studies/${FILM.study_uid}/series/`)) asked.push(`${request.resourceType()} ${new URL(request.url()).pathname.split('/').slice(6).join('/')}`) }
  page.on('request', note)
  const film = page.waitForResponse((answer) => answer.url().endsWith('/rendered'))
  await one.goto(address(FILM))
  const answer = await film
  assert.deepEqual([answer.status(), answer.headers()['content-type'], answer.request().headers().range], [206, 'video/mp4', 'bytes=0-'])
  await until(async () => (await middle(page)) > 10, 'the first picture of the film is not there')
  assert.deepEqual(asked.map((what) => what.replace(/[0-9.]{10,}/, 'UID')), ['fetch metadata', 'fetch metadata', 'fetch metadata', 'media instances/UID/rendered'])
  const first = await middle(page)
  await page.locator(PICTURES).hover()
  await until(async () => {
    await page.mouse.wheel(0, 120)
    return (await middle(page)) > first + 20
  }, 'the film does not go on')
  await one.shot('film')
  const thumbnail = (name) => page.locator('[data-cy^="study-browser-thumbnail"]').filter({ hasText: name })
  const why = page.getByText('This film cannot be played in a browser')
  await thumbnail('DOES NOT').dblclick()
  await why.waitFor()
  await one.shot('no-film')
  for (const name of ['ULTRASOUND', 'DOES NOT', 'PLAYS']) {
    await thumbnail(name).dblclick()
    await page.locator(VIEWPORTS).getByText(name, { exact: true }).waitFor()
    if (name === 'DOES NOT') await why.waitFor()
    else await until(async () => (await why.count()) === 0 && (await middle(page)) > 10, `the film of ${name} is not there`)
  }
  assert.ok(!asked.some((what) => what.includes('/frames/')), `${asked}`)
  page.off('request', note)
  await one.goto(`/images?StudyInstanceUIDs=${FILM.study_uid}`)
  const plays = page.locator('video')
  await plays.waitFor()
  await page.route('**/rendered', (route) => route.abort())
  await page.reload()
  await page.locator('.pane').getByRole('button', { name: 'Try again' }).waitFor()
  assert.equal(await page.getByText('cannot be played').count(), 0, 'a broken link is taken for a film that cannot be played')
  await page.unroute('**/rendered')
  await page.locator('.pane').getByRole('button', { name: 'Try again' }).click()
  await until(() => plays.evaluate((video) => video.readyState >= video.HAVE_CURRENT_DATA && video.videoWidth > 0), 'our own page does not play the film')
  await plays.evaluate((video) => video.play())
  await until(() => plays.evaluate((video) => video.currentTime > 0.2), 'the film does not go on')
  await one.shot('film-plain')
  await page.locator('.tile').getByText('film', { exact: true }).nth(1).click()
  await page.locator('.pane').getByText(`This film cannot be played in a browser: its coding is 1.2.840.10008.1.2.4.100`).waitFor()
  assert.equal(await plays.count(), 0)
}

world.test('what the viewer asks first is asked before it runs, once; where that fails it is asked again', async ({ person }) => {
  const one = await person('reporter')
  one.allow(GIVEN_UP)
  const asked = []
  one.page.on('request', (request) => asked.push({ path: new URL(request.url()).pathname, kind: request.resourceType() }))
  let held = 0
  const holdViewer = (study) => one.page.route('**/app.bundle*.js', async (route) => {
    held++
    await until(() => asked.some(({ path }) => path.startsWith(`/dicom-web/studies/${study.study_uid}/`) && path.includes('/frames/')), 'the first image is not asked for before the viewer runs')
    await route.continue()
  }, { times: 1 })
  await holdViewer(NOW)
  const kinds = (ending) => asked.filter(({ path }) => path.startsWith('/dicom-web/') && path.endsWith(ending)).map(({ kind }) => kind)
  await one.goto(address(NOW))
  await drawn(one.page)
  assert.deepEqual(kinds(`/studies/${NOW.study_uid}/series`), ['fetch'])
  assert.deepEqual(kinds('/metadata'), ['fetch'])
  /* The first image by us, and given to its viewport. */
  const images = asked.filter(({ path }) => path.includes('/frames/')).map(({ path }) => path)
  assert.equal(images.filter((path) => path === images[0]).length, 1, 'asked again by its viewport')
  /* Also where a report comes before it. */
  asked.length = 0
  await holdViewer(MIXED)
  await one.goto(address(MIXED))
  await drawn(one.page)
  assert.equal(held, 2)
  assert.deepEqual(kinds('/metadata'), ['fetch', 'fetch'])
  await one.goto(address(NOW))
  await drawn(one.page)
  asked.length = 0
  await one.page.route(`**/studies/${NOW.study_uid}/series?*`, (route) => route.fulfill({ status: 503, body: '' }), { times: 1 })
  await one.expecting(/^status 503: GET/, () => one.page.reload())
  await drawn(one.page)
  assert.deepEqual(kinds(`/studies/${NOW.study_uid}/series`), ['fetch', 'xhr'])
  assert.deepEqual(kinds('/metadata'), ['xhr'])
})

world.test('nobody gets it without a login, and whoever logs in is brought back', async ({ visitor }) => {
  const words = WORDS['zh-CN']
  const somebody = await visitor()
  somebody.allow(GIVEN_UP)
  await somebody.goto(address(NOW))
  assert.equal(new URL(somebody.page.url()).pathname, '/login')
  await somebody.page.locator('#account').fill('clinician')
  await somebody.page.locator('#password').fill(installation.accounts.clinician.password)
  await somebody.page.keyboard.press('Enter')
  await arrived(somebody.page)
  await drawn(somebody.page)
  await somebody.goto('/login?next=/viewer?StudyInstanceUIDs=' + NOW.study_uid)
  await arrived(somebody.page)
  await drawn(somebody.page)
  await somebody.goto('/viewer')
  await somebody.page.getByRole('alertdialog').getByText(words.nothing).waitFor()
  somebody.allow(/^console: (Error: request failed|request failed|\{title: Not Found|Error validating study)/)
  somebody.allow(/^status 404: GET \/dicom-web\/studies\/1\.2\.3\/series/)
  somebody.allow(/^status 404: GET \/api\/v1\/viewer\/1\.2\.3$/)
  await somebody.expecting(/^status 404: GET \/dicom-web\/patient-of\//, async () => {
    await somebody.goto('/viewer?StudyInstanceUIDs=1.2.3')
    await somebody.page.getByRole('alertdialog').getByText(words.gone).waitFor()
  })
})

/* Of the frame as it travels. octet-stream: not compressed. */
const MEDIA = { plain: 'application/octet-stream', 'jpeg-ls': 'image/jls', jpeg: 'image/jpeg', rle: 'image/dicom-rle', 'jpeg-2000': 'image/jp2', htj2k: 'image/jphc' }

world.test('whatever an image is kept in, the browser decodes it: the same slice looks the same', async ({ person, t }) => {
  const one = await person('reporter', { via: 'api', viewport: [1000, 640] })
  one.allow(GIVEN_UP)
  const travelled = {}
  let asked = []
  one.page.on('request', (request) => { if (/\/studies\/[0-9.]+\/series/.test(request.url())) asked.push(request) })
  one.page.on('response', (answer) => {
    const series = /\/series\/([0-9.]+)\/instances\/[0-9.]+\/frames\//.exec(answer.url())?.[1]
    if (series) travelled[series] = answer.headers()['content-type']
  })
  const listed = await (await one.context.request.get(`${installation.origin}/dicom-web/studies/${WAYS.study_uid}/series`, { headers: { Accept: 'application/dicom+json' } })).json()
  const series = Object.fromEntries(listed.map((row) => [row['0008103E'].Value[0], row['0020000E'].Value[0]]))
  const seen = {}
  for (const way of ways) {
    await one.goto(`${address(WAYS)}&SeriesInstanceUIDs=${series[way]}`)
    await drawn(one.page)
    seen[way] = (await drawings(one.page))[0].hash
    /* Nothing of the other series, which the address does not name, and nothing twice. */
    assert.deepEqual(asked.filter((one) => !one.url().includes(series[way])).map((one) => one.url()), [], way)
    assert.deepEqual(asked.filter((one) => !one.url().includes('/frames/')).map((one) => one.resourceType()), ['fetch', 'fetch'], way)
    asked = []
    assert.match(travelled[series[way]], new RegExp(MEDIA[way].replace('/', '\\/')), way)
  }
  for (const way of ways.slice(1, 5)) assert.equal(seen[way], seen.plain, `${way} looks otherwise`)
  if (!ways.includes('htj2k')) t.diagnostic('no sample of HTJ2K beside the tree')
})

world.test('beside the report and in the details of an examination; a login that ends says so', async ({ person }) => {
  const words = WORDS.en
  const li = await person('radiographer', { via: 'api', language: 'en' })
  await li.goto('/township')
  await li.page.getByText('李^雷').or(li.page.getByText('李雷')).first().click()
  await li.page.getByRole('dialog').getByRole('link', { name: words.open }).waitFor()
  const one = await person('reporter', { via: 'api', language: 'en', viewport: [1920, 1080] })
  await one.goto(`/reading/${task}`)
  const page = await follow(one, one.page.getByRole('link', { name: words.open }), words.title)
  await installation.sql(`DELETE FROM session WHERE person_id = (SELECT person_id FROM person WHERE account = 'reporter') RETURNING 1`)
  one.allow(/^status 401: GET /)
  one.allow(GIVEN_UP)
  one.allow(/^console: (Error: )?(.* got status 401|request failed|\{title: Unauthorized)/)
  await priors(page).getByText(BEFORE.description).click()
  const told = page.getByRole('alertdialog')
  await told.getByText(words.ended).waitFor()
  await one.shot('ended')
  await told.getByRole('link', { name: words.again }).click()
  await page.waitForURL((url) => url.pathname === '/login')
  await page.locator('#account').fill('reporter')
  await page.locator('#password').fill(installation.accounts.reporter.password)
  await page.keyboard.press('Enter')
  await arrived(page)
  await drawn(page)
})

/* ---- in Chinese ---- */

/* What stays as it is called everywhere, and what came with the images; a segment's name is kept in what is stored. */
const AS_CALLED = /(?<![A-Za-z])(AI|B|CT|MPR|HU|SR|SEG|RT|ROI|CSV|DICOM|Cobb|Esc|Enter|Catmull|Rom|SAM|SOP|UID|PET|SUV|mm|cm|max|Segment \d+|OHIF\d?|CHEST (NOW|BEFORE))(?![A-Za-z])/g
/* Of a library, for who cannot see: its own words. */
const OF_LIBRARIES = new Set(['list', 'thumbnails', 'Notifications alt+T'])

/* Words of Latin letters that are seen, or told of what is seen. */
const latin = async (page) => (await page.evaluate(() => {
  const { document, NodeFilter } = globalThis
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
  const told = []
  const walk = document.createTreeWalker(document.getElementById('root').parentElement, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) if (!/^(SCRIPT|STYLE|NOSCRIPT)$/.test(walk.currentNode.parentElement.tagName) && isSeen(walk.currentNode.parentElement)) told.push(walk.currentNode.data.trim())
  for (const name of ['title', 'placeholder', 'aria-label']) for (const element of document.querySelectorAll(`[${name}]`)) if (isSeen(element)) told.push(element.getAttribute(name))
  return told
})).filter((text) => /[A-Za-z]{2}/.test(text.replace(AS_CALLED, '')) && !OF_LIBRARIES.has(text))

world.test('in Chinese nothing is left in English: reading, its menus, three planes, segmenting and its tools', async ({ person }) => {
  const one = await person('reporter', { via: 'api', viewport: [1920, 1080] })
  one.allow(GIVEN_UP)
  one.allow(/^console: `DialogContent` requires a `DialogTitle`/)
  const { page } = one
  const check = async (where) => {
    await one.shot(`chinese-${where}`)
    assert.deepEqual(await latin(page), [], where)
  }
  /* Each menu of the tool bar, and of the viewport, whose buttons are there while one points at it. */
  async function menus(place, where) {
    const all = page.locator(place)
    const count = await all.count()
    let opened = 0
    for (let i = 0; i < count; i++) {
      await page.locator(PICTURES).hover()
      if (!(await all.nth(i).isVisible())) continue
      await all.nth(i).click()
      await page.locator('[role=menu], [role=dialog]').first().waitFor()
      await check(`${where}-${i}`)
      await page.keyboard.press('Escape')
      await page.locator('[role=menu], [role=dialog]').first().waitFor({ state: 'detached' })
      opened++
    }
    assert.ok(opened > 1, `${opened} of ${count} menus opened: ${where}`)
  }
  await one.goto(address(NOW))
  await drawn(page)
  await priors(page).getByText(NOW.description).waitFor()
  await check('reading')
  await menus('[data-cy$="-split-button-secondary"]', 'reading-tools')
  await menus('button[data-cy="undefined-btn"][aria-haspopup]', 'reading-viewport')
  await page.locator('[data-cy="MeasurementTools-split-button-primary"]').click()
  await drag(page, [0.4, 0.4], [0.6, 0.5], true)
  await page.getByRole('button', { name: '是', exact: true }).click()
  await page.locator('[data-cy="trackedMeasurements-btn"]').click()
  await page.locator('[data-cy="trackedMeasurements-panel"]').getByText(/^\d+(\.\d+)? mm$/).waitFor()
  await check('measurement')
  const box = await page.locator(PICTURES).boundingBox()
  await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.45, { button: 'right' })
  await page.getByText('删除测量').waitFor()
  await check('measurement-menu')
  await one.goto(address(NOW, '&hangingprotocolId=mpr'))
  await drawn(page, 3)
  await check('mpr')
  await one.goto(`/viewer/segmentation?StudyInstanceUIDs=${NOW.study_uid}`)
  await drawn(page)
  await check('segmenting')
  await page.getByText('新建分割').click()
  for (const tool of ['Brush', 'Eraser', 'Threshold', 'Shapes']) {
    await page.locator(`[data-cy="${tool}-btn"]:not([disabled])`).click()
    await check(`segmenting-${tool}`)
  }
  for (const tool of ['MarkerLabelmap', 'LabelmapSlicePropagation']) assert.equal(await page.locator(`[data-cy="${tool}-btn"]`).count(), 0, `${tool} would ask for its model elsewhere`)
  await page.locator('[data-cy="segmentation-collapsed-more-btn-Labelmap"]').click()
  await page.getByRole('menuitem', { name: '保存与导出' }).waitFor()
  await check('segmenting-menu')
})

/* ---- what a reader makes is kept ---- */

const evidence = (name) => installation.sql(`SELECT i.sop_class_uid FROM evidence v JOIN instance i USING (site_id, sop_instance_uid) WHERE i.sop_class_uid = '${name}'`)
const ENHANCED_SR = '1.2.840.10008.5.1.4.1.1.88.22'
const SEGMENTATION = '1.2.840.10008.5.1.4.1.1.66.4'

async function act(one, method, what, data) {
  const { csrf_token } = await (await one.context.request.get(`${installation.origin}/api/v1/me`)).json()
  const answer = await one.context.request[method](`${installation.origin}/api/v1/tasks/${task}/${what}`, { data, headers: { 'X-CSRF-Token': csrf_token } })
  assert.equal(answer.status(), 200, await answer.text())
  return answer.json()
}

/* From one place of the picture to another, in parts of its width and height. */
async function drag(page, from, to, isClicked) {
  const box = await page.locator(PICTURES).boundingBox()
  const at = ([x, y], steps = 1) => page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps })
  await at(from)
  await page.mouse.down()
  if (isClicked) await page.mouse.up()
  await at(to, 8)
  if (isClicked) await page.mouse.down()
  await page.mouse.up()
}

world.test('a measurement and a segmentation are stored by who reads the study, and are there again', async ({ person }) => {
  const one = await person('reporter', { via: 'api', viewport: [1366, 768] })
  one.allow(GIVEN_UP)
  await one.goto(address(NOW))
  const { page } = one
  await drawn(page)
  const segment = page.getByRole('link', { name: '分割' })
  assert.equal(await segment.count(), 0, 'offered to who does not hold the task')
  await act(one, 'post', 'take', {})
  await page.evaluate(() => globalThis.dispatchEvent(new Event('focus')))
  await segment.waitFor()

  await page.locator('[data-cy="MeasurementTools-split-button-primary"]').click()
  await drag(page, [0.4, 0.4], [0.6, 0.5], true)
  await page.getByRole('button', { name: '是', exact: true }).click()
  await page.locator('[data-cy="trackedMeasurements-btn"]').click()
  const length = page.locator('[data-cy="trackedMeasurements-panel"]').getByText(/^\d+(\.\d+)? mm$/)
  const measured = await length.textContent()
  await page.getByRole('button', { name: '保存测量 (SR)' }).click()
  await one.shot('keep-dialog')
  await page.getByRole('button', { name: '保存', exact: true }).click()
  await page.getByText('已保存').first().waitFor()
  await until(async () => (await evidence(ENHANCED_SR)).length === 1, 'the measurement is not in the ledger')
  await page.reload()
  await drawn(page)
  await page.locator('[data-cy="study-browser-thumbnail-no-image"]').dblclick()
  await page.getByText('要继续编辑这份测量吗？').waitFor()
  await page.getByRole('button', { name: '是', exact: true }).click()
  await page.locator('[data-cy="trackedMeasurements-btn"]').click()
  await length.waitFor()
  assert.equal(await length.textContent(), measured)
  await one.shot('kept-measurement')

  await segment.click()
  await page.waitForURL((url) => url.pathname === '/viewer/segmentation')
  await drawn(page)
  await page.getByText('新建分割').click()
  await page.locator('[data-cy="Brush-btn"]:not([disabled])').click()
  await drag(page, [0.45, 0.45], [0.55, 0.5], false)
  await until(async () => await coloured(page) > 1000, 'nothing is segmented')
  await page.locator('[data-cy="segmentation-collapsed-more-btn-Labelmap"]').click()
  await page.getByRole('menuitem', { name: '保存与导出' }).hover()
  await page.getByRole('menuitem', { name: '保存分割 (SEG)' }).click()
  await page.getByRole('button', { name: '保存', exact: true }).click()
  await page.getByText('已保存').first().waitFor()
  await until(async () => (await evidence(SEGMENTATION)).length === 1, 'the segmentation is not in the ledger')
  await one.goto(address(NOW))
  await drawn(page)
  assert.equal(await coloured(page), 0)
  await page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'SEG' }).dblclick()
  await until(async () => await coloured(page) > 1000, 'the segmentation is not shown')
  await one.shot('kept-segmentation')
  const [[version, images, tasks]] = await installation.sql(`SELECT s.version, s.instance_count, (SELECT count(*) FROM reading_task t WHERE t.study_id = s.study_id) FROM study s WHERE s.study_instance_uid = '${NOW.study_uid}'`)
  assert.deepEqual([version, images, tasks].map(Number), [1, SLICES, 1], 'evidence is no late image')
})

world.test('a key image that is marked in the viewer stands in the report under the desk, and in what is signed', async ({ person }) => {
  const one = await person('reporter', { via: 'api', viewport: [1366, 768] })
  one.allow(GIVEN_UP)
  await one.goto(`/reading/${task}`)
  const desk = one.page
  await desk.getByRole('link', { name: WORDS['zh-CN'].open }).waitFor()
  const page = await follow(one, desk.getByRole('link', { name: WORDS['zh-CN'].open }), WORDS['zh-CN'].title)
  await page.locator(PICTURES).hover()
  await page.mouse.wheel(0, 120)
  await place(page, 2).waitFor()
  const mark = page.getByRole('button', { name: '关键图像' })
  await mark.click()
  await page.getByText('已标为报告的关键图像。').first().waitFor()
  await one.shot('key-image')
  one.page = desk
  const keys = desk.getByRole('region', { name: '关键图像' })
  await keys.getByRole('listitem').waitFor()
  assert.equal(await keys.getByRole('listitem').count(), 1)
  await until(() => keys.locator('img').evaluate((image) => image.naturalWidth > 0), 'the key image has no picture')
  await one.shot('key-image-desk')
  await mark.click()
  await keys.getByRole('listitem').waitFor({ state: 'detached' })
  await mark.click()
  await keys.getByRole('listitem').waitFor()
  const [[uid]] = await installation.sql(`SELECT i.sop_instance_uid FROM key_image JOIN instance i USING (instance_id)`)
  const { lease_token, study_version } = await act(one, 'post', 'resume', {})
  const { revision } = await act(one, 'put', 'draft', { lease_token, revision: 0, body: { method: 'CT 平扫', findings: '两肺清晰。', impression: '两肺未见异常。', recommendation: '', quality_grade: '优', quality_reason: '', result: 'negative', is_critical: false } })
  await act(one, 'post', 'submit', { lease_token, revision, study_version, password: installation.accounts.reporter.password })
  const [[signed]] = await installation.sql(`SELECT v.canonical::jsonb -> 'key_images' -> 0 ->> 'instance' FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id) WHERE t.public_id = '${task}'`)
  assert.equal(signed, uid)
})
