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
  await installation.settle()
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
  const rows = await installation.sql(`SELECT replace(v.body->>'findings', E'\\n', '|') FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id) WHERE t.public_id = '${id}'`)
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
  const sending = wang.page.waitForRequest((request) => request.method() === 'PUT') // which may begin as soon as the last key is down
  await findings(wang.page).pressSequentially('断开时写的。')
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

const dialog = (page) => page.getByRole('dialog')

/* Ticks every warning, gives the password, and presses the button of the dialog. */
async function signIn(one, go) {
  await one.page.getByRole('dialog').locator('#sign-password').fill(one.password)
  await one.page.getByText('正在读取…').waitFor({ state: 'detached' })
  for (const box of await dialog(one.page).locator('.el-checkbox').all()) await box.click()
  await dialog(one.page).getByRole('button', { name: go }).click()
}

async function write(one, text) {
  const { page } = one
  await page.locator('#field-method').fill('胸部正侧位数字化X线摄影（DR）。')
  await findings(page).fill(text)
  await page.locator('#field-impression').fill('右下肺炎可能。')
  await page.keyboard.press('Alt+p')
  await page.getByRole('button', { name: '甲' }).click()
}

world.test('the duty leader takes over: the text stays with its writer, and who has it is said', async ({ person }) => {
  const [wang, leader] = [await person('reporter'), await person('leader', { via: 'api' })]
  const id = await task()
  await take(wang, id)
  await findings(wang.page).pressSequentially('已保存的。')
  await saved(wang.page)
  wang.allow(/^failed: PUT /)
  await wang.page.route('**/draft', (route) => route.abort('connectionfailed'))
  await findings(wang.page).pressSequentially('未保存的。')
  await open(leader, id)
  await leader.page.getByText('王建华 正在处理').waitFor()
  await leader.page.getByRole('button', { name: '接管' }).click()
  await leader.page.locator('#hand-reason').fill('值班医师离开')
  await leader.shot('take-over')
  await dialog(leader.page).getByRole('button', { name: '接管' }).click()
  await findings(leader.page).waitFor()
  assert.equal(await findings(leader.page).inputValue(), '已保存的。')
  await wang.page.getByText(`${leader.name} 正在书写这份报告`).waitFor()
  assert.equal(await findings(wang.page).inputValue(), '已保存的。未保存的。')
  assert.equal(await findings(wang.page).getAttribute('readonly'), '')
  await wang.shot('taken-over')
  await wang.checkAccessible()
  await wang.page.unroute('**/draft')
  await wang.page.reload()
  await wang.page.getByText('本机还有您未保存到服务器的文字').waitFor()
  await wang.page.getByText('已保存的。未保存的。').waitFor()
  await wang.shot('left-text')
  await findings(leader.page).pressSequentially('组长写的。')
  await saved(leader.page)
  /* Handed back: both texts beside each other, and both can be kept. */
  await leader.page.getByRole('button', { name: '转派' }).click()
  await leader.page.locator('#hand-to option').filter({ hasText: '王建华' }).waitFor({ state: 'attached' })
  await leader.page.locator('#hand-to').selectOption({ index: await leader.page.locator('#hand-to option').evaluateAll((all) => all.findIndex((one) => one.textContent.includes('王建华'))) })
  await leader.page.locator('#hand-reason').fill('请继续')
  await dialog(leader.page).getByRole('button', { name: '转派' }).click()
  await leader.page.getByText('王建华 正在处理').waitFor()
  await wang.page.reload()
  await wang.page.getByText('这份报告有两份不同的文字').waitFor()
  await wang.shot('conflict')
  await wang.checkAccessible()
  await dialog(wang.page).getByText('两份都要', { exact: true }).click()
  await dialog(wang.page).getByRole('button', { name: '按选择继续' }).click()
  await until(async () => (await draftOf(id)) === '已保存的。组长写的。|已保存的。未保存的。', 'what was settled was not saved')
})

world.test('submitted, reviewed with the difference, sent back, submitted again, signed', async ({ person }) => {
  const [wang, reviewer] = [await person('reporter'), await person('reviewer', { via: 'api' })]
  const id = await task()
  await take(wang, id)
  await write(wang, '右下肺见片状模糊影，大小约3.2cm。')
  await wang.page.keyboard.press('Alt+Enter')
  await dialog(wang.page).waitFor()
  await wang.shot('submit')
  await signIn(wang, '提交审核')
  await wang.page.getByText('已提交审核').waitFor()
  assert.equal(await copies(wang.page), 0)

  await open(reviewer, id)
  await reviewer.page.getByRole('button', { name: /^领取审核/ }).click()
  await reviewer.page.getByText('提交的报告').waitFor()
  await reviewer.page.getByText('领取有效至').waitFor()
  await reviewer.page.keyboard.press('Alt+r')
  await reviewer.page.locator('#reason-text').fill('请核对大小')
  await dialog(reviewer.page).getByRole('button', { name: '退回修改' }).click()
  await reviewer.page.getByText('✓ 已退回修改').waitFor()

  await open(wang, id)
  await findings(wang.page).waitFor()
  await wang.page.getByText('请核对大小').waitFor()
  await findings(wang.page).fill('右下肺见片状模糊影，大小约3.5cm，边缘不清。')
  await wang.page.keyboard.press('Alt+Enter')
  await signIn(wang, '提交审核')
  await wang.page.getByText('已提交审核').waitFor()

  await open(reviewer, id)
  await reviewer.page.getByRole('button', { name: /^领取审核/ }).click()
  await reviewer.page.locator('del', { hasText: '3.2' }).waitFor()
  await reviewer.page.locator('ins', { hasText: '3.5' }).waitFor()
  await reviewer.page.locator('ins', { hasText: '，边缘不清' }).waitFor()
  await reviewer.shot('review')
  await reviewer.checkAccessible()
  await reviewer.page.keyboard.press('Alt+Enter')
  await reviewer.expecting(/^status 403: POST .*\/sign$/, async () => {
    await reviewer.page.locator('#sign-password').fill('not the password')
    await reviewer.page.keyboard.press('Enter')
    await dialog(reviewer.page).getByRole('alert').waitFor()
  })
  await signIn(reviewer, '签名发布')
  await reviewer.page.getByText('✓ 已签名发布').waitFor()
  assert.match(await reviewer.page.locator('a', { hasText: 'PDF' }).getAttribute('href'), /^\/api\/v1\/reports\/.*\/pdf$/)
  await reviewer.shot('issued')
  await open(wang, id).catch(() => undefined)
  await wang.page.locator('a', { hasText: 'PDF' }).waitFor()
})

world.test('three health checks in a run', async ({ person }) => {
  for (let i = 0; i < 3; i++) await task({ patientClass: 'health_check' })
  const wang = await person('reporter')
  await wang.goto('/reading/run')
  await wang.page.locator('#run-password').fill(wang.password)
  await wang.page.keyboard.press('Enter')
  for (let i = 0; i < 3; i++) {
    await wang.page.getByText(`已完成 ${i} 例`).waitFor()
    await wang.page.getByRole('button', { name: /未见异常/ }).and(wang.page.locator(':enabled')).waitFor()
    if (i === 0) {
      await wang.shot('run')
      await wang.checkAccessible()
    }
    await wang.page.keyboard.press('F2')
  }
  await wang.page.getByText('没有待诊断的体检了，本次完成 3 例').waitFor()
  const [[submitted]] = await installation.sql(`SELECT count(*) FROM reading_task WHERE patient_class = 'health_check' AND state = 'awaiting_review'`)
  assert.equal(submitted, '3')
  assert.equal((await wang.page.evaluate(() => JSON.stringify({ ...globalThis.localStorage, ...globalThis.sessionStorage }))).includes(wang.password), false)
})

/* As the page of somebody would call, without clicking. */
const call = (one, path, body) => one.page.evaluate(async ([where, what]) => {
  const { csrf_token: token } = await (await fetch('/api/v1/me')).json()
  const answer = await fetch(where, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token }, body: JSON.stringify(what) })
  return [answer.status, await answer.json()]
}, [path, body])

world.test('history is asked for and the answer arrives; flags and phrases by key; a critical value; returned for a retake', async ({ person }) => {
  const [wang, li] = [await person('reporter'), await person('radiographer', { via: 'api' })]
  const id = await task()
  await take(wang, id)
  const { page } = wang
  await page.getByRole('button', { name: /^常用语/ }).click()
  await dialog(page).getByLabel('缩写').fill('fz')
  await dialog(page).locator('#phrase-text').fill('双肺纹理增重')
  await dialog(page).getByRole('button', { name: '添加' }).click()
  await dialog(page).locator('li', { hasText: '双肺纹理增重' }).waitFor()
  await page.keyboard.press('Escape')
  await dialog(page).waitFor({ state: 'detached' })
  await page.keyboard.press('Alt+x')
  await page.keyboard.type('fz')
  await page.keyboard.press('Tab')
  await page.keyboard.type('，见/f')
  await page.getByRole('listbox').waitFor()
  await page.keyboard.press('Enter')
  assert.equal(await findings(page).inputValue(), '双肺纹理增重，见双肺纹理增重')
  await page.keyboard.press('Control+z')
  assert.equal(await findings(page).inputValue(), '双肺纹理增重，见/f')

  await page.keyboard.press('Alt+a')
  await page.locator('#reason-text').fill('有无外伤史？')
  await dialog(page).getByRole('button', { name: '发出追问' }).click()
  await page.getByText('追问未回答，计时暂停').waitFor()
  const [[question]] = await installation.sql(`SELECT q.public_id FROM task_question q JOIN reading_task t USING (task_id) WHERE t.public_id = '${id}'`)
  assert.equal((await call(li, `/api/v1/questions/${question}/answer`, { answer: '昨日摔倒' }))[0], 200)
  await page.getByText('昨日摔倒').waitFor()

  await page.keyboard.press('Alt+c')
  await page.locator('#reason-text').fill('张力性气胸')
  await wang.shot('critical')
  await dialog(page).getByRole('button', { name: '上报危急值' }).click()
  await dialog(page).waitFor({ state: 'detached' })
  await until(async () => (await installation.sql(`SELECT 1 FROM critical_value WHERE item = '张力性气胸'`)).length === 1, 'no critical value was raised')
  assert.equal(await page.locator('#flag-is_critical').getAttribute('aria-pressed'), 'true')
  await page.keyboard.press('Alt+p')
  assert.equal(await page.locator('#flag-result').getAttribute('aria-pressed'), 'true')

  await page.getByRole('button', { name: '退回重拍' }).click()
  await page.locator('#reason-text').fill('体位不正')
  await dialog(page).getByRole('button', { name: '退回重拍' }).click()
  await page.getByText('✓ 已退回').waitFor()
  const [[state]] = await installation.sql(`SELECT state FROM reading_task WHERE public_id = '${id}'`)
  assert.equal(state, 'returned')
  assert.equal(await draftOf(id), '双肺纹理增重，见/f')
})

world.test('an empty report does not pass the checks, and the field is found from the list', async ({ person }) => {
  const wang = await person('reporter')
  const id = await task()
  await take(wang, id)
  await findings(wang.page).fill('右下肺见片状模糊影。')
  await wang.page.keyboard.press('Alt+Enter')
  await dialog(wang.page).getByText('影像学诊断未填').waitFor()
  await wang.page.locator('#sign-password').fill(wang.password)
  assert.equal(await dialog(wang.page).getByRole('button', { name: '提交审核' }).isDisabled(), true)
  await wang.shot('checks')
  await dialog(wang.page).locator('li', { hasText: '影像学诊断未填' }).getByRole('button').click()
  await until(() => wang.page.locator('#field-impression').evaluate((element) => element === globalThis.document.activeElement), 'the field has not the focus')
  await wang.page.getByRole('button', { name: '放回' }).click()
  await wang.page.getByText('✓ 已放回').waitFor()
})

world.test('the images in a window of their own follow the task', async ({ person }) => {
  const wang = await person('reporter')
  const [first, second] = [await task(), await task()]
  await take(wang, first)
  const [images] = await Promise.all([wang.context.waitForEvent('page'), wang.page.getByRole('button', { name: '图像单独开窗' }).click()])
  await images.locator('.viewer').waitFor()
  await wang.page.locator('.viewer').waitFor({ state: 'detached' })
  await open(wang, second)
  await images.waitForURL(`**/reading/${second}?pane=images`)
  await wang.page.locator('.viewer').waitFor({ state: 'detached' })
  await images.close()
  await wang.page.locator('.viewer').waitFor()
})

const NAMES = ['IMG^X=<img src onerror^alert(1)>', 'RTL^X=שלום^ערב', `LONG^X=${'长'.repeat(28)}^${'名'.repeat(28)}`, 'RARE^X=𠮷^野']

world.test('the queue: hostile names as they are, filters in the address, what happens elsewhere appears', async ({ person }) => {
  for (const name of NAMES) await task({ patientClass: 'emergency', name })
  const leader = await person('leader', { viewport: [1366, 768] })
  const { page } = leader
  await page.getByRole('button', { name: /^待诊断/ }).waitFor()
  for (const shown of ['<img src onerror', 'שלום', '长'.repeat(28), '𠮷']) await page.locator('.row bdi.name', { hasText: shown }).first().waitFor()
  assert.equal(await page.locator('.row img').count(), 0)
  await leader.shot('queue')
  await leader.checkAccessible()
  await page.locator('select').filter({ hasText: '全部类别' }).selectOption('emergency')
  await until(() => new URL(page.url()).searchParams.get('patient_class') === 'emergency', 'the filter is not in the address')
  await page.getByRole('searchbox').fill('𠮷')
  await until(async () => (await page.locator('.row[data-id]').count()) === 1, 'the search does not filter')
  await page.reload()
  await until(async () => (await page.locator('.row[data-id]').count()) === 1, 'the filter is lost by a reload')
  await page.getByRole('searchbox').fill('没有这个人')
  await page.getByText('没有符合条件的待诊断检查').waitFor()
  await page.getByRole('button', { name: '清除筛选' }).click()
  await page.locator('.row bdi.name', { hasText: '𠮷' }).waitFor()
  await task({ patientClass: 'emergency', name: 'NEW^X=新来^的' })
  await page.locator('.row bdi.name', { hasText: '新来' }).waitFor()
  /* 指派 to a colleague */
  const row = page.locator('.row', { hasText: '新来' })
  await row.getByRole('button', { name: '组长操作' }).click()
  await page.getByRole('menuitem', { name: '指派' }).click()
  await page.locator('#hand-to option').filter({ hasText: '王建华' }).waitFor({ state: 'attached' })
  await page.locator('#hand-to').selectOption({ index: await page.locator('#hand-to option').evaluateAll((all) => all.findIndex((one) => one.textContent.includes('王建华'))) })
  await leader.shot('assign')
  await dialog(page).getByRole('button', { name: '指派' }).click()
  await row.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^书写中/ }).click()
  await page.locator('select').filter({ hasText: '全部人员' }).selectOption('all')
  await page.locator('.row', { hasText: '新来' }).getByText('王建华').first().waitFor()
  const wang = await person('reporter', { via: 'api' })
  await wang.goto('/reading?state=writing')
  await wang.page.locator('.row', { hasText: '新来' }).click()
  await findings(wang.page).waitFor()
})

world.test('the row with the focus goes away: the keys go on with the one in its place', async ({ person }) => {
  for (let i = 0; i < 3; i++) await task({ name: `KEYS^${i}=按键^${i}` })
  const leader = await person('leader', { via: 'api' })
  const { page } = leader
  await leader.goto(`/reading?q=${encodeURIComponent('按键')}`)
  const rows = page.locator('.row[data-id]')
  const focused = () => page.evaluate(() => Number(globalThis.document.activeElement?.dataset.index ?? -1))
  await until(async () => (await rows.count()) === 3, 'the three are not there')
  await page.locator('[data-index="0"]').focus()
  await page.keyboard.press('End')
  await until(async () => (await focused()) === 2, 'End does not go to the last row')
  const last = await page.locator('[data-index="2"]').getAttribute('data-id')
  assert.equal((await call(leader, `/api/v1/tasks/${last}/cancel`, { reason: '重复' }))[0], 200)
  await until(async () => (await rows.count()) === 2, 'what was cancelled stays')
  await until(async () => (await focused()) === 1, 'no row has the focus')
  await page.keyboard.press('ArrowUp')
  await until(async () => (await focused()) === 0, 'the keys are lost')
})

world.test('the queue in English, dark and large, on small and big screens', async ({ person }) => {
  const looks = [{ language: 'en', viewport: [1366, 768] }, { dark: true, viewport: [1920, 1080] }, { large: true, viewport: [1920, 1080] }, { dark: true, language: 'en', viewport: [3840, 2160] }]
  const id = await task({ patientClass: 'inpatient' })
  for (const [index, look] of looks.entries()) {
    const one = await person('leader', { ...look, via: 'api' })
    await one.goto('/reading')
    await one.page.locator('.row[data-id]').first().waitFor()
    await one.shot(`queue-${index}`)
    await one.checkAccessible()
    if (look.language === 'en') {
      const words = await one.page.evaluate(() => {
        const copy = globalThis.document.querySelector('#content').cloneNode(true)
        copy.querySelectorAll('bdi, select option').forEach((data) => data.remove())
        return copy.innerText
      })
      assert.doesNotMatch(words, /\p{Script=Han}/u)
    }
    if (index === 0) await take(one, id)
    else await open(one, id)
    await findings(one.page).waitFor()
    if (await one.page.getByText('在此继续').count()) await one.page.getByText('在此继续').click()
    await one.page.locator('canvas, .viewer').first().waitFor()
    await one.shot(`workspace-${index}`)
    await one.checkAccessible('.text')
    await one.context.close()
  }
})
