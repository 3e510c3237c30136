/* Names are hostile text: markup, right to left, very long, characters beyond the first plane. Shown as they are, everywhere; never run, never breaking a page. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' })
const { installation } = world

const LONG = '欧阳司马'.repeat(15)
const MARKUP = '<img src=x onerror=alert(1)>'
/* dicom: as the device writes it (alphabetic=ideographic); shown: what a person reads. In DICOM `=` divides a name, so markup with it is a name in parts. */
const NAMES = {
  markup: { dicom: '"><img/src/onerror^alert(1)>', shown: '"><img/src/onerror alert(1)>', typed: '<img src onerror>alert(1)</script>' },
  parts: { dicom: MARKUP, shown: 'x onerror' }, // the ideographic part of three
  arabic: { dicom: 'AHMAD^ALI=محمد^عبدالله', shown: 'محمدعبدالله', typed: 'محمد بن عبد الله' },
  long: { dicom: `OUYANG^LONG=${LONG}`, shown: LONG, typed: LONG },
  rare: { dicom: 'YOSHI^NO=\u{20BB7}^野家', shown: '\u{20BB7}野家', typed: '\u{20BB7}𠮟野家' },
}

const studies = {}
const row = (page, name) => page.getByRole('row').filter({ has: page.locator('bdi.name').getByText(name, { exact: true }) })

/* Nothing of a name became an element, nothing ran, nothing sticks out of the window. */
async function checkWhole(one, place) {
  const { page } = one
  const found = await page.evaluate(() => {
    const { document, innerWidth } = globalThis
    const marks = [...document.querySelectorAll('[onerror], img[src="x"], img[src=""], svg[onload], bdi *, bdi > img')].map((element) => element.outerHTML)
    return { marks, wide: document.documentElement.scrollWidth - innerWidth, content: document.querySelector('#content').scrollWidth - document.querySelector('#content').clientWidth }
  })
  assert.deepEqual(found, { marks: [], wide: Math.min(0, found.wide), content: 0 }, place)
  await one.shot(place)
  await one.checkAccessible()
}

function watchDialogs(one) {
  one.page.on('dialog', (dialog) => {
    one.note(`a dialog opened: ${dialog.message()}`)
    void dialog.dismiss()
  })
}

world.test('names that a device sends are shown as they are, from the township to the paper', async ({ person }) => {
  for (const [id, { dicom }] of Object.entries(NAMES)) studies[id] = await installation.push('dr-chest', { name: dicom, patient_id: `N-${id}`, description: MARKUP, size: 64 })
  await installation.push('dr-chest', { name: NAMES.rare.dicom, patient_id: 'N-rare', size: 64 })
  const [li, wang] = [await person('radiographer', { via: 'api' }), await person('reporter', { via: 'api' })]
  for (const one of [li, wang]) watchDialogs(one)

  for (const { shown } of Object.values(NAMES)) await row(li.page, shown).first().waitFor()
  await checkWhole(li, 'township')
  for (const { shown } of Object.values(NAMES)) {
    const name = row(li.page, shown).first().locator('bdi.name')
    assert.equal(await name.innerText(), shown)
    const [cell, words, end] = await name.evaluate((element) => [element.closest('.cell').getBoundingClientRect().right, globalThis.getComputedStyle(element).overflow, element.getBoundingClientRect().right])
    assert.ok(words === 'hidden' && end <= cell + 1, 'a name is not cut off at its cell')
  }

  await row(li.page, NAMES.markup.shown).first().click()
  await li.page.getByRole('dialog').getByText(NAMES.markup.shown).first().waitFor()
  await li.page.getByRole('dialog').getByText(MARKUP).first().waitFor()
  await checkWhole(li, 'drawer')
  await li.page.keyboard.press('Escape')
  await li.page.getByRole('dialog').waitFor({ state: 'hidden' })

  await wang.goto('/reading')
  for (const { shown } of Object.values(NAMES)) await row(wang.page, shown).first().waitFor()
  await checkWhole(wang, 'queue')

  for (const id of ['long', 'arabic', 'markup', 'rare']) {
    await wang.goto('/reading')
    await row(wang.page, NAMES[id].shown).first().click()
    await wang.page.locator('.acts').waitFor()
    await wang.page.getByText(NAMES[id].shown).first().waitFor()
    if (id === 'rare') {
      await wang.page.locator('.priors > summary').click()
      await wang.page.locator('.priors li').first().waitFor()
    }
    await checkWhole(wang, `workspace-${id}`)
  }
})

world.test('the paper has the characters of the name', async ({ person }) => {
  const wang = await person('reporter', { via: 'api' })
  const zhao = await person('reviewer', { via: 'api' })
  const call = async (one, path, data, method = 'post') => {
    const me = await (await one.context.request.get(`${installation.origin}/api/v1/me`)).json()
    const answer = await one.context.request.fetch(`${installation.origin}/api/v1/${path}`, { method, data, headers: { 'X-CSRF-Token': me.csrf_token } })
    assert.ok(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`)
    return answer.json()
  }
  const body = { method: '胸部后前立位摄片。', findings: '心肺未见异常。', impression: '心、肺、膈未见明显异常。', recommendation: '', result: 'negative', is_critical: false, quality_grade: '优', quality_reason: '' }
  for (const id of ['rare', 'markup', 'arabic', 'long']) {
    const [[task]] = await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study s ON s.study_id = t.study_id WHERE s.study_instance_uid = '${studies[id].study_instance_uid}'`)
    const { lease_token, study_version } = await call(wang, `tasks/${task}/take`, {})
    const draft = await call(wang, `tasks/${task}/draft`, { lease_token, revision: 0, body }, 'put')
    await call(wang, `tasks/${task}/submit`, { lease_token, revision: draft.revision, study_version, password: wang.password })
    const review = await call(zhao, `tasks/${task}/review`, {})
    await call(zhao, `tasks/${task}/sign`, { lease_token: review.lease_token, password: zhao.password })
    const [[report]] = await installation.sql(`SELECT v.public_id FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id) WHERE t.public_id = '${task}'`)
    const pdf = await (await wang.context.request.get(`${installation.origin}/api/v1/reports/${report}/pdf`)).body()
    const text = execFileSync('pdftotext', ['-', '-'], { input: pdf, encoding: 'utf8' }).replaceAll(/[\s\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    assert.ok(text.includes(NAMES[id].shown.replaceAll(' ', '')), `${id}: ${text.slice(0, 400)}`)
  }
})

world.test('names typed at registration stand on the label as they are; what cannot be a name is refused with a word', async ({ person }) => {
  const li = await person('radiographer', { via: 'api' })
  watchDialogs(li)
  const { page } = li
  const form = page.getByRole('dialog')
  const fill = async (name) => {
    await page.getByRole('button', { name: '登记', exact: true }).first().click()
    await form.getByLabel(/^姓名/).fill(name)
    await form.getByLabel(/^性别/).selectOption('M')
    await form.getByLabel(/^出生日期/).fill('19600101')
    await form.getByLabel('检查项目').fill('胸部正位')
    await until(async () => (await form.getByLabel('部位').inputValue()) === 'CHEST', 'the item is not known')
    await form.getByLabel(/^病史/).fill(MARKUP)
    await form.getByRole('button', { name: '保存并显示标签' }).click()
  }
  for (const [id, { typed }] of Object.entries(NAMES)) {
    if (typed === undefined) continue
    await fill(typed)
    await form.locator('.label-sheet').waitFor()
    assert.equal(await form.locator('.label-sheet .name bdi').innerText(), typed)
    const out = await form.locator('.label-sheet').evaluate((label) => [...label.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > label.getBoundingClientRect().right + 1 && one.tagName !== 'BDI').length)
    assert.equal(out, 0, `${id} sticks out of the label`)
    await checkWhole(li, `label-${id}`)
    await form.getByRole('button', { name: '关闭', exact: true }).last().click()
    await form.waitFor({ state: 'hidden' })
  }
  await li.expecting(/^status 400: POST \/api\/v1\/requests$/, () => fill(MARKUP))
  await form.getByRole('alert').first().waitFor()
  assert.equal(await form.getByLabel(/^姓名/).inputValue(), MARKUP, 'what was typed is kept')
  await checkWhole(li, 'refused')
})

world.test('one key hides the names', async ({ person }) => {
  const li = await person('radiographer', { via: 'api' })
  await row(li.page, NAMES.rare.shown).first().waitFor()
  await li.page.keyboard.press('Alt+m')
  await until(async () => (await row(li.page, NAMES.rare.shown).count()) === 0, 'a name is still there')
  const html = await li.page.content()
  const names = Object.values(NAMES).map(({ shown }) => shown).filter((shown) => !MARKUP.includes(shown)) // what the description says is no name
  for (const shown of names) assert.ok(!html.includes(shown) && !html.includes(shown.replaceAll('<', '&lt;').replaceAll('>', '&gt;')), shown)
  assert.ok(await row(li.page, '\u{20BB7}＊＊').count() > 0, 'the first character stays, whole')
  await checkWhole(li, 'masked')
  await li.page.locator('[data-index="0"]').click()
  await li.page.getByRole('dialog').getByText('＊＊').first().waitFor()
  const drawer = await li.page.content()
  for (const shown of names) assert.ok(!drawer.includes(shown), shown)
})
