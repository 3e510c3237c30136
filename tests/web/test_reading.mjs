/* The reading room: queue, workspace, and that nothing typed is ever lost. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' })
const { installation } = world

const TEXT = '双肺纹理增多，右下肺见片状模糊影。'
const findings = (page) => page.locator('#field-findings')
const saved = (page) => page.getByText(/^(已保存|Saved) \d\d:\d\d$/).waitFor()

/* A study of its own for a test; its task id. Complete by itself after the quiet time. */
let number = 0
async function task({ patientClass = 'outpatient', ...push } = {}) {
  number++
  const study = await installation.push('dr-chest', { name: `TEST^${number}=测试^${number}`, submit: false, size: 256, ...push })
  const [[id]] = await installation.sql(`UPDATE reading_task SET patient_class = '${patientClass}' WHERE study_id = (SELECT study_id FROM study
    WHERE study_instance_uid = '${study.study_instance_uid}') RETURNING public_id`)
  return id
}

async function open(one, id) {
  await one.goto(`/reading/${id}`)
  await one.page.locator('.acts').waitFor()
}

async function take(one, id) {
  await open(one, id)
  await one.page.getByRole('button', { name: /^领取|^Take/ }).waitFor()
  await one.page.keyboard.press('t')
  await findings(one.page).waitFor()
}

async function draftOf(id) {
  const rows = await installation.sql(`SELECT v.body->>'findings' FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id) WHERE t.public_id = '${id}'`)
  return rows[0]?.[0] ?? null
}

const copies = (page) => page.evaluate(() => Object.keys(globalThis.localStorage).filter((key) => key.startsWith('yq.draft.')).length)

world.test('taken, typed, saved, there after a reload', async ({ person }) => {
  const wang = await person('reporter')
  const id = await task()
  await take(wang, id)
  await findings(wang.page).pressSequentially(TEXT)
  assert.equal(await copies(wang.page), 1)
  await saved(wang.page)
  assert.equal(await draftOf(id), TEXT)
  assert.equal(await copies(wang.page), 0)
  await findings(wang.page).pressSequentially('边缘不清。')
  wang.page.on('dialog', (dialog) => dialog.accept())
  await wang.page.reload()
  await findings(wang.page).waitFor()
  assert.equal(await findings(wang.page).inputValue(), `${TEXT}边缘不清。`)
  await until(async () => (await draftOf(id)) === `${TEXT}边缘不清。`, 'the rest was not saved')
  await wang.shot('workspace')
  await wang.checkAccessible()
})

world.test('a second tab writes on, the first one only reads until it is asked back', async ({ person }) => {
  const wang = await person('reporter')
  const id = await task()
  await take(wang, id)
  await findings(wang.page).pressSequentially('第一窗。')
  const second = await wang.context.newPage()
  await second.goto(wang.page.url())
  await findings(second).waitFor()
  assert.equal(await findings(second).inputValue(), '第一窗。')
  await wang.page.getByText('本窗口只读').waitFor()
  assert.equal(await findings(wang.page).getAttribute('readonly'), '')
  await findings(second).fill('第一窗。第二窗。')
  await saved(second)
  await findings(second).pressSequentially('未存。')
  await wang.page.getByRole('button', { name: '在此继续' }).click()
  await until(async () => (await findings(wang.page).inputValue()) === '第一窗。第二窗。未存。', 'the first window does not have the text')
  await second.getByText('本窗口只读').waitFor()
  await findings(wang.page).pressSequentially('完。')
  await until(async () => (await draftOf(id)) === '第一窗。第二窗。未存。完。', 'the text was not saved')
  assert.equal(await wang.page.getByRole('dialog').count(), 0)
})

world.test('the session ends elsewhere: login again, and nothing is lost', async ({ person }) => {
  const wang = await person('reporter')
  const id = await task()
  await take(wang, id)
  await findings(wang.page).pressSequentially('写到一半，')
  await installation.sql(`DELETE FROM session WHERE person_id = (SELECT person_id FROM person WHERE account = 'reporter') RETURNING 1`)
  wang.allow(/^status 401: /)
  await findings(wang.page).pressSequentially('登录过期。')
  await wang.page.getByText('登录已过期').waitFor()
  await wang.shot('login-again')
  await wang.page.getByRole('dialog').locator('input[type=password]').fill(wang.password)
  await wang.page.keyboard.press('Enter')
  await until(async () => (await draftOf(id)) === '写到一半，登录过期。', 'the text was not saved after the login')
  assert.equal(await findings(wang.page).inputValue(), '写到一半，登录过期。')
  await findings(wang.page).pressSequentially('继续。')
  await until(async () => (await draftOf(id)) === '写到一半，登录过期。继续。', 'writing does not go on')
})

world.test('the gateway is killed in mid-save: nothing is lost, also when the browser is closed meanwhile', async ({ person }) => {
  const wang = await person('reporter')
  const id = await task()
  await take(wang, id)
  await findings(wang.page).pressSequentially('保存之前。')
  await saved(wang.page)
  wang.allow(/^failed: |^status 50\d: |^console: .*(ERR_|EventSource)/)
  await findings(wang.page).pressSequentially('断开时写的。')
  const sending = wang.page.waitForRequest((request) => request.method() === 'PUT')
  await sending
  await installation.kill('yq-gateway')
  await findings(wang.page).pressSequentially('服务停止后写的。')
  await wang.page.getByText('文字已暂存本机').waitFor()
  await wang.shot('no-link')
  await wang.page.close({ runBeforeUnload: false })
  await installation.start('yq-gateway')
  const again = await wang.context.newPage()
  await again.goto(`${installation.origin}/reading`)
  await again.getByText('未保存到服务器的报告文字').waitFor()
  await again.locator(`a[href="/reading/${id}"]`).click()
  await findings(again).waitFor()
  assert.equal(await findings(again).inputValue(), '保存之前。断开时写的。服务停止后写的。')
  await until(async () => (await draftOf(id)) === '保存之前。断开时写的。服务停止后写的。', 'the kept text was not saved')
  await until(async () => (await copies(again)) === 0, 'the copy stays')
})
