/* 基层: what a radiographer does in a day, and what the table does meanwhile. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld()
const { installation } = world
const { origin } = installation

/* Acts of other people, whose pages are not looked at here. */
class Api {
  constructor(request, token) { Object.assign(this, { request, token }) }

  static async as(person) {
    const answer = await person.context.request.get(`${origin}/api/v1/me`)
    return new Api(person.context.request, (await answer.json()).csrf_token)
  }

  async get(path) {
    const answer = await this.request.get(origin + path)
    assert.equal(answer.status(), 200, path)
    return answer.json()
  }

  async post(path, data = {}) {
    const answer = await this.request.post(origin + path, { data, headers: { 'X-CSRF-Token': this.token } })
    assert.equal(answer.status(), 200, `${path}: ${await answer.text()}`)
    return answer.json()
  }
}

const rowOf = (person, text) => person.page.getByRole('row').filter({ hasText: text })
const chip = (person, word) => person.page.getByRole('button', { name: new RegExp(`^${word}[，:]`) })
const studyIdOf = async (uid) => (await installation.sql(`SELECT public_id FROM study WHERE study_instance_uid = '${uid}'`))[0][0]
const taskIdOf = async (uid) => (await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study USING (study_id) WHERE study_instance_uid = '${uid}'`))[0][0]

async function fillRequest(page, { name, birth = '1957-03-12', sex = 'M', item = '胸部正侧位' }) {
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('姓名').fill(name)
  await dialog.getByLabel('性别').selectOption(sex)
  await dialog.getByLabel('出生日期').fill(birth)
  await dialog.getByLabel('检查项目').fill(item)
  await until(async () => (await dialog.getByLabel('部位').inputValue()) !== '', 'the item is not known')
  return dialog
}

async function register(person, request) {
  const { page } = person
  await page.getByRole('button', { name: '登记', exact: true }).first().click()
  const dialog = await fillRequest(page, request)
  await dialog.getByRole('button', { name: '保存并显示标签' }).click()
  const number = (await dialog.locator('.label-sheet .number').innerText()).trim()
  return { dialog, number }
}

world.test('an empty day says what to do next', async ({ person }) => {
  const li = await person('radiographer')
  await li.page.getByText('这一天还没有检查').waitFor()
  assert.equal(await li.page.title(), '基层 · 影桥')
  await li.checkAccessible()
  await li.shot('empty')
  const doctor = await person('clinician')
  await doctor.page.getByText('技师拍片并传来图像后').waitFor()
  assert.equal(await doctor.page.getByRole('tab', { name: '设备' }).count(), 0)
})

world.test('registration: what is wrong stands at its field, nothing typed is lost, the label carries the number', async ({ person }) => {
  const li = await person('radiographer')
  await li.page.keyboard.press('n')
  const dialog = li.page.getByRole('dialog')
  await dialog.getByRole('button', { name: '保存并显示标签' }).click()
  await dialog.getByText('请填写姓名').waitFor()
  assert.equal(await dialog.getByLabel('姓名').evaluate((input) => input === globalThis.document.activeElement), true)
  await dialog.getByLabel('身份证号').fill('110105194912310021')
  await dialog.getByText('身份证号的校验位不对').waitFor()
  await li.shot('register-wrong')
  await dialog.getByLabel('身份证号').fill('11010519491231002X')
  assert.equal(await dialog.getByLabel('出生日期').inputValue(), '1949-12-31')
  assert.equal(await dialog.getByLabel('性别').inputValue(), 'F')
  await fillRequest(li.page, { name: '\u{20BB7}野 兰', sex: 'F', birth: '1949-12-31' })
  await dialog.getByText('还缺：病史').waitFor()
  await li.checkAccessible()
  await li.shot('register')

  await li.page.keyboard.press('Escape')
  await li.page.keyboard.press('n')
  await dialog.getByText('已恢复').waitFor()
  assert.equal(await dialog.getByLabel('姓名').inputValue(), '\u{20BB7}野 兰')

  li.allow(/\/api\/v1\//)
  li.allow(/^console: /)
  await installation.stop('yq-gateway')
  await dialog.getByRole('button', { name: '保存并显示标签' }).click()
  await dialog.getByText('连不上服务器').waitFor()
  await li.shot('register-failed')
  await installation.start('yq-gateway')
  await until(async () => (await li.context.request.get(`${origin}/healthz`).catch(() => null))?.ok(), 'the gateway does not come back')
  await dialog.getByRole('button', { name: '重试' }).click()
  await dialog.locator('.label-sheet').waitFor()
  assert.match(await dialog.locator('.label-sheet .name').innerText(), /\u{20BB7}野 兰\s*女 76 岁/u)
  assert.ok((await dialog.locator('.label-sheet svg rect').count()) > 40)
  await li.checkAccessible('[role=dialog]')
  await li.shot('label')

  await li.page.evaluate(() => {
    globalThis.print = () => {
      globalThis.printed = globalThis.document.querySelector('.label-print')?.textContent ?? ''
      globalThis.sheet = globalThis.document.querySelector('.label-print')?.cloneNode(true)
      globalThis.wasMarked = globalThis.document.documentElement.classList.contains('printing-label')
    }
  })
  await dialog.getByRole('button', { name: '打印标签' }).click()
  await li.page.waitForFunction(() => globalThis.printed !== undefined)
  assert.match(await li.page.evaluate(() => globalThis.printed), /野 兰/)
  assert.equal(await li.page.evaluate(() => globalThis.wasMarked), true)
  /* What the printer got: printing itself cannot be waited for, so the same once more, as a PDF. */
  await li.page.evaluate(() => {
    globalThis.document.body.append(globalThis.sheet)
    globalThis.document.documentElement.classList.add('printing-label')
  })
  const paper = (await li.page.pdf({ preferCSSPageSize: true })).toString('latin1')
  const boxes = [...paper.matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)].map((match) => match.slice(1).map((points) => Math.round((Number(points) * 25.4) / 72)))
  assert.deepEqual(boxes, [[60, 40]])
  await li.page.evaluate(() => {
    globalThis.document.documentElement.classList.remove('printing-label')
    globalThis.sheet.remove()
  })
  await li.page.keyboard.press('Escape')

  await li.page.getByRole('tab', { name: '登记记录' }).click()
  await rowOf(li, '野 兰').getByText('申请单缺').waitFor()
  await li.checkAccessible()
  await li.shot('requests')
  await rowOf(li, '野 兰').getByRole('button', { name: '修改' }).click()
  await dialog.getByLabel('病史').fill('咳嗽一周 <b>发热</b>')
  await dialog.getByRole('button', { name: '保存' }).click()
  await dialog.locator('.label-sheet').waitFor()
  await li.page.keyboard.press('Escape')
  await rowOf(li, '野 兰').getByRole('button', { name: '取消登记' }).click()
  await li.page.getByRole('dialog', { name: '取消登记' }).getByRole('button', { name: '取消登记' }).click()
  await rowOf(li, '野 兰').getByText('已取消', { exact: true }).waitFor()
})

world.test('the report comes, and can be printed', async ({ person }) => {
  await installation.walk()
  const li = await person('radiographer')
  await rowOf(li, '已发布').first().click()
  const drawer = li.page.getByRole('dialog')
  await drawer.getByText('已送达').first().waitFor()
  await drawer.getByRole('button', { name: '打印报告' }).waitFor()
})

world.test('what will not come is declared complete, with the reason', async ({ person }) => {
  const pushed = await installation.push('dr-chest', { name: 'QUE^YI=缺^一', size: 64, submit: false })
  const li = await person('radiographer')
  await rowOf(li, '缺一').click()
  const drawer = li.page.getByRole('dialog', { name: '缺一', exact: true })
  await drawer.getByRole('button', { name: '确认图像已齐' }).click()
  const dialog = li.page.getByRole('dialog', { name: /人工确认图像已齐/ })
  const done = dialog.getByRole('button', { name: '确认图像已齐' })
  assert.equal(await done.isDisabled(), true, 'without a reason')
  await dialog.getByLabel('原因').fill('侧位未拍')
  await li.checkAccessible()
  await li.shot('complete')
  await done.click()
  await dialog.waitFor({ state: 'detached' })
  await drawer.getByText('人工确认图像已齐').waitFor()
  await drawer.getByRole('button', { name: '确认图像已齐' }).waitFor({ state: 'detached' })
  await until(async () => (await installation.sql(`SELECT state FROM study WHERE study_instance_uid = '${pushed.study_instance_uid}'`))[0][0] === 'complete')
})

world.test('what comes appears by itself while the list is scrolled, and nothing jumps', async ({ person }) => {
  const names = ['ZHU=<img src onerror^alert(1)>', '\u202Eabc\u05D0\u05D1\u05D2', '\u{20BB7}^野=\u{20BB7}^野', '长'.repeat(60)]
  for (const name of names) await installation.push('dr-chest', { name, size: 64, submit: false })
  for (let number = 1; number <= 22; number++)
    await installation.push('dr-chest', { name: `ROW^${number}`, patient_id: `ROW${String(number).padStart(2, '0')}`, size: 64, submit: false })
  const li = await person('radiographer')
  await li.page.getByText('还有 26 例未传完，请勿关机').waitFor()
  await chip(li, '全部').locator('b').filter({ hasText: /^\d+$/ }).waitFor() // with a plus while pages are still coming
  const all = Number(await chip(li, '全部').locator('b').innerText())
  const { number } = await (async () => {
    const done = await register(li, { name: '赵一', item: '胸部正位' }) // no expected number of views: it waits for 提交诊断
    await li.page.keyboard.press('Escape')
    return done
  })()

  const scroller = li.page.getByRole('grid')
  await scroller.evaluate((element) => { element.scrollTop = 300 })
  await rowOf(li, 'ROW12').waitFor()
  const place = async () => (await rowOf(li, 'ROW12').boundingBox()).y
  let before
  await until(async () => before === (before = await place()), 'the list does not come to rest')
  const pushed = await installation.push('dr-chest', { name: 'ZHAO^YI=赵^一', accession: number, sex: 'M', birth: '19570312', size: 64, submit: false })
  await chip(li, '全部').getByText(String(all + 1)).waitFor()
  /* The chip may tell it a frame before the list is drawn. */
  await until(async () => Math.abs((await place()) - before) <= 1, 'the row under the eye has moved')

  await li.page.keyboard.press('/')
  await li.page.keyboard.type('赵一')
  await rowOf(li, '赵一').waitFor()
  assert.equal(await li.page.getByRole('row').count(), 2)
  await rowOf(li, '赵一').getByRole('button', { name: '提交诊断' }).click()
  const dialog = li.page.getByRole('dialog')
  await dialog.getByText('图像仍在上传').waitFor()
  assert.equal(await dialog.getByRole('button', { name: '提交诊断' }).isDisabled(), true)
  await dialog.getByLabel('急诊').check()
  await dialog.getByLabel('设备已全部发完').check()
  await li.checkAccessible()
  await li.shot('submit')
  await dialog.getByRole('button', { name: '提交诊断' }).click()
  await rowOf(li, '赵一').getByText('待诊断', { exact: true }).waitFor()
  await rowOf(li, '赵一').getByText('下一例').waitFor()
  assert.equal(await rowOf(li, '赵一').getByText('待匹配').count(), 0, 'the registration was not found by its 检查号')
  assert.equal((await installation.sql(`SELECT patient_class FROM study WHERE study_instance_uid = '${pushed.study_instance_uid}'`))[0][0], 'emergency')
  assert.match(li.page.url(), /[?&]q=/)

  await li.page.getByRole('searchbox').fill('')
  await scroller.evaluate((element) => { element.scrollTop = element.scrollHeight })
  await li.page.getByRole('row').filter({ hasText: '<img src onerror' }).waitFor()
  await li.page.getByRole('row').filter({ hasText: '\u{20BB7}野' }).waitFor()
  assert.equal(await li.page.locator('.row img').count(), 0)
  for (const name of await li.page.locator('.row .patient').all()) assert.equal((await name.boundingBox()).width <= 320, true)
  await li.shot('hostile')
  await li.page.keyboard.press('Alt+m')
  await li.page.getByRole('row').filter({ hasText: '\u{20BB7}＊＊' }).waitFor()
  assert.equal(await li.page.getByText('长长').count(), 0)

  await chip(li, '待诊断').click()
  const [[waits]] = await installation.sql("SELECT count(*) FROM reading_task WHERE state = 'awaiting'")
  await until(async () => (await li.page.getByRole('row').count()) === 1 + Number(waits), 'the filter shows more or less than what waits')
  await li.page.reload()
  await chip(li, '待诊断').waitFor()
  assert.equal(await chip(li, '待诊断').getAttribute('aria-pressed'), 'true')
})

world.test('the whole table is printed, not only what is in view', async ({ person }) => {
  const li = await person('radiographer')
  await rowOf(li, 'ROW22').waitFor()
  await li.page.evaluate(() => globalThis.dispatchEvent(new Event('beforeprint')))
  await chip(li, '全部').locator('b').filter({ hasText: /^\d+$/ }).waitFor() // with a plus while pages are still coming
  const all = Number(await chip(li, '全部').locator('b').innerText())
  assert.ok(all >= 27)
  await until(async () => (await li.page.locator('.printed .line').count()) === all, 'not every row would be printed')
  await li.page.emulateMedia({ media: 'print' })
  await li.page.locator('.printed .line').last().waitFor()
  await li.shot('print', { fullPage: true })
  await li.page.emulateMedia({ media: 'screen' })
  await li.page.evaluate(() => globalThis.dispatchEvent(new Event('afterprint')))
  await until(async () => (await li.page.locator('.printed').count()) === 0, 'the page stays as printed')
})

world.test('keys: the table, the drawer and back', async ({ person }) => {
  const li = await person('radiographer')
  await rowOf(li, '赵一').waitFor()
  await li.page.locator('.row[tabindex="0"]').focus()
  await li.page.keyboard.press('ArrowDown')
  await until(async () => (await li.page.evaluate(() => globalThis.document.activeElement.dataset.index)) === '1', 'the second row has no focus')
  await li.page.keyboard.press('Enter')
  await li.page.getByRole('dialog').getByRole('heading', { name: '经过' }).waitFor()
  assert.match(li.page.url(), /[?&]study=/)
  await li.page.keyboard.press('Escape')
  await until(async () => (await li.page.evaluate(() => globalThis.document.activeElement.dataset.index)) === '1', 'the focus did not come back to its row')
  assert.doesNotMatch(li.page.url(), /[?&]study=/)
  await li.page.keyboard.press('?')
  await li.page.getByRole('dialog', { name: '快捷键' }).getByText('登记', { exact: true }).waitFor()
  await li.shot('keys')
})

world.test('a return and a question are answered in place; the drawer says what happened', async ({ person }) => {
  const pushed = await installation.push('dr-chest', { name: 'QIAN^ER=钱^二', size: 128 })
  const task = await taskIdOf(pushed.study_instance_uid)
  const li = await person('radiographer')
  const reader = await Api.as(await person('reporter', { via: 'api' }))
  await rowOf(li, '钱二').getByText('待诊断', { exact: true }).waitFor()
  const lease = await reader.post(`/api/v1/tasks/${task}/take`)
  await reader.post(`/api/v1/tasks/${task}/questions`, { lease_token: lease.lease_token, question: '有无外伤史？' })
  await rowOf(li, '钱二').getByText('追问病史').waitFor()
  await rowOf(li, '钱二').getByText('书写中', { exact: true }).waitFor()
  await rowOf(li, '钱二').click()
  const drawer = li.page.getByRole('dialog')
  await drawer.getByText('有无外伤史？').waitFor()
  await drawer.locator('.todo textarea').fill('昨天跌倒')
  await li.page.keyboard.press('Escape')
  await rowOf(li, '钱二').click()
  assert.equal(await drawer.locator('.todo textarea').inputValue(), '昨天跌倒')
  await li.checkAccessible()
  await li.shot('question')
  await drawer.getByRole('button', { name: '提交答复' }).click()
  await drawer.locator('.todo').waitFor({ state: 'detached' })
  await drawer.getByText('答复追问').waitFor()

  await reader.post(`/api/v1/tasks/${task}/return`, { kind: 'retake', reason: '吸气不足，请重拍', lease_token: lease.lease_token })
  await drawer.getByText('吸气不足，请重拍').waitFor()
  await drawer.getByText('请重新拍片，或说明不能重拍的原因').waitFor()
  await li.shot('returned')
  await drawer.locator('.todo textarea').fill('患者不能配合')
  await drawer.getByRole('button', { name: '提交答复' }).click()
  await drawer.locator('.todo').waitFor({ state: 'detached' })
  assert.deepEqual(await installation.sql(`SELECT r.answer FROM task_return r JOIN reading_task t USING (task_id) WHERE t.public_id = '${task}'`), [['患者不能配合']])
  for (const word of ['收到第一幅图像', '提交诊断', '图像已齐', '进入待诊断', '医师领取', '追问病史', '退回', '答复退回']) await drawer.locator('.line').getByText(word, { exact: true }).first().waitFor()
  assert.equal(await drawer.getByText('其他记录').count(), 0, 'an event without words')
  await drawer.locator('button:has(img)').first().click()
  const viewer = li.page.getByRole('dialog', { name: /图像/ })
  await viewer.getByText('1 / 2').waitFor()
  await until(() => li.page.evaluate(() => globalThis.document.activeElement.className.includes('viewer')), 'the keys do not go to the picture')
  await li.page.keyboard.press('ArrowRight')
  await viewer.getByText('2 / 2').waitFor()
})

world.test('a study without its number is matched by hand, and taken back', async ({ person }) => {
  const li = await person('radiographer')
  /* Two of one name and birth date: the rule leaves it to a person, and says so. */
  await register(li, { name: '孙三' })
  await li.page.keyboard.press('Escape')
  const { number } = await register(li, { name: '孙三' })
  await li.page.keyboard.press('Escape')
  await installation.push('dr-chest', { name: 'SUN^SAN=孙^三', sex: 'M', birth: '19570312', size: 64 })
  await rowOf(li, '孙三').getByText('待匹配').waitFor()
  await rowOf(li, '孙三').getByRole('button', { name: '匹配' }).click()
  const dialog = li.page.getByRole('dialog')
  await dialog.getByText('✓ 姓名相同').first().waitFor()
  await dialog.getByText('系统没有自动匹配：还有同样接近的申请单。').waitFor()
  await dialog.getByText('规则第 2 版').waitFor()
  await dialog.getByRole('radio').first().check()
  await li.checkAccessible()
  await li.shot('match')
  await dialog.getByRole('button', { name: '匹配' }).click()
  await dialog.getByText(`已匹配到 ${number}`).waitFor()
  await dialog.getByRole('button', { name: '撤销' }).click()
  await dialog.getByRole('radio').first().check()
  if (await dialog.getByText('请写明为什么').count()) await dialog.getByLabel('说明').fill('同一人')
  await dialog.getByRole('button', { name: '匹配' }).click()
  await dialog.getByText(`已匹配到 ${number}`).waitFor()
  await li.page.keyboard.press('Escape')
  await until(async () => (await rowOf(li, '孙三').getByText('待匹配').count()) === 0, 'the row does not know of its match')
  await rowOf(li, '孙三').click()
  const drawer = li.page.getByRole('dialog')
  await drawer.getByText('匹配申请单').first().waitFor()
  await drawer.locator('.note').getByText('✓ 出生日期相同').waitFor()
  await drawer.getByText('撤销匹配', { exact: true }).first().click()
  await drawer.getByLabel('原因').fill('登记了别人')
  await drawer.getByRole('button', { name: '撤销匹配' }).click()
  await drawer.getByText('还没有匹配申请单').waitFor()
})

world.test('what is certain is matched by the rule, and the drawer says why', async ({ person }) => {
  const li = await person('radiographer')
  const { number } = await register(li, { name: '吴四', birth: '1949-10-01' })
  await li.page.keyboard.press('Escape')
  await installation.push('dr-chest', { name: 'WU^SI=吴^四', sex: 'M', birth: '19491001', size: 64 })
  await until(async () => (await rowOf(li, '吴四').getByText('待匹配').count()) === 0, 'it is not matched')
  await rowOf(li, '吴四').click()
  const drawer = li.page.getByRole('dialog')
  await drawer.getByText(number).first().waitFor()
  await drawer.getByText('按规则自动匹配（第 2 版）').waitFor()
  for (const fact of ['姓名相同', '出生日期相同', '性别相同', '检查类型相同']) await drawer.locator('.note').getByText(`✓ ${fact}`).waitFor()
  await li.checkAccessible()
  await li.shot('matched-by-rule')
})

world.test('a critical value is answered from the strip', async ({ person }) => {
  const pushed = await installation.push('dr-chest', { name: 'LI^SI=李^四', size: 64 })
  const li = await person('radiographer')
  const leader = await person('leader')
  const acting = await Api.as(leader)
  await rowOf(li, '李四').waitFor()
  await acting.post(`/api/v1/studies/${await studyIdOf(pushed.study_instance_uid)}/critical-values`, { item: '张力性气胸' })
  await li.page.getByRole('alert').getByText('危急值待处理：1 例').waitFor()
  await leader.page.getByRole('alert').getByText('危急值待处理：1 例').waitFor()
  await rowOf(li, '李四').getByText('已发现').waitFor()
  await li.shot('critical-strip')
  await li.page.getByRole('button', { name: '查看并处理' }).click()
  const dialog = li.page.getByRole('dialog', { name: '危急值' })
  await dialog.getByText('转告其他人').click()
  await dialog.getByLabel('告知谁').fill('内科 陈国强')
  await dialog.getByRole('button', { name: '记录告知' }).click()
  await dialog.getByText('已通知', { exact: true }).waitFor()
  await dialog.getByLabel('复述内容').fill('李四，胸片，张力性气胸')
  await dialog.getByLabel('接收医师姓名').fill('陈国强')
  await li.checkAccessible()
  await li.shot('critical')
  await dialog.getByRole('button', { name: '确认复述' }).click()
  await dialog.getByLabel('处置情况').fill('已胸腔穿刺减压')
  await li.page.getByRole('alert').getByText('危急值待处理').waitFor({ state: 'detached' })
  await dialog.getByRole('button', { name: '记录处置' }).click()
  await dialog.getByRole('button', { name: '结束危急值' }).click()
  await dialog.getByText('没有未结束的危急值').waitFor()
  await leader.page.getByRole('alert').getByText('危急值待处理').waitFor({ state: 'detached' })
})

world.test('the devices, and what a test of one says', async ({ person }) => {
  const li = await person('radiographer')
  await li.page.getByRole('tab', { name: '设备' }).click()
  const device = li.page.getByRole('region').filter({ hasText: 'DEMO_DR' })
  await device.getByText('没有错误').waitFor()
  await device.getByRole('button', { name: '检测' }).click()
  await device.getByText('请在设备上按“连接测试”').waitFor()
  await li.checkAccessible()
  await li.shot('devices')
})

world.test('a wrong clock and a silent device stand out, in words', async ({ person }) => {
  await installation.sql(`WITH d AS (INSERT INTO device (site_id, name, calling_ae, modality, last_seen_at, clock_offset, clock_measured_at)
      SELECT site_id, '二号机', 'DR_TWO', 'DX', yq_now() - interval '8 days', make_interval(days => -9800), '2026-11-01 08:00+08' FROM device WHERE calling_ae = 'DEMO_DR' RETURNING device_id)
    INSERT INTO device_contact (device_id, day, images, last_at)
    SELECT device_id, g::date, 12, g::date::timestamptz FROM d, generate_series(yq_now()::date - 60, yq_now()::date - 8, interval '1 day') g`)
  const li = await person('radiographer')
  await li.page.getByRole('tab', { name: '设备' }).click()
  const device = li.page.getByRole('region').filter({ hasText: 'DR_TWO' })
  await device.getByText('! 慢 26 年（设备上是 2000 年）').waitFor()
  await device.getByText('排序和计时不受影响').waitFor()
  await device.getByText(/! 往常 .* 前已有图像（一天约 12 幅），至今没有/).waitFor()
  await li.page.getByRole('region').filter({ hasText: 'DEMO_DR' }).getByText('历史还不够，暂不判断').waitFor()
  await li.checkAccessible()
  await li.shot('device-silent')
})

world.test('a password is changed, and the other page of another role is not shown', async ({ person }) => {
  const doctor = await person('clinician')
  await doctor.page.getByRole('button', { name: /陈国强/ }).click()
  await doctor.page.getByRole('menuitem', { name: '修改密码' }).click()
  const dialog = doctor.page.getByRole('dialog', { name: '修改密码' })
  await dialog.getByLabel('原密码').fill('not the password')
  await dialog.getByLabel('新密码（10', { exact: false }).fill('short')
  await dialog.getByText('新密码至少 10 位').waitFor()
  await dialog.getByLabel('新密码（10', { exact: false }).fill('long enough for it')
  await dialog.getByLabel('再输一次').fill('long enough for it')
  await doctor.checkAccessible()
  await doctor.expecting(/^status 40[13]: POST \/api\/v1\/password$/, () => dialog.getByRole('button', { name: '修改密码' }).click())
  await dialog.getByText('原密码不正确').waitFor()
  await dialog.getByLabel('原密码').fill(doctor.password)
  await dialog.getByRole('button', { name: '修改密码' }).click()
  await doctor.page.getByText('密码已修改').waitFor()
  await doctor.goto('/cockpit')
  await doctor.page.getByText('这个页面属于其他角色').waitFor()
})

for (const [name, options] of Object.entries({
  'en-1366': { language: 'en' }, 'zh-1920-dark': { viewport: [1920, 1080], dark: true }, 'zh-4k': { viewport: [3840, 2160] }, 'en-4k-scaled-large': { viewport: [1920, 1080], scale: 2, large: true, language: 'en' },
  'zh-1366-zoomed': { viewport: [1093, 614], scale: 1.25 },
})) {
  world.test(`looks right: ${name}`, async ({ person }) => {
    const li = await person('radiographer', options)
    await rowOf(li, 'ROW22').waitFor()
    await li.checkAccessible()
    if (options.language === 'en') {
      const words = await li.page.evaluate(() => [...globalThis.document.querySelectorAll('.bar, .chips, .head, .foot')].map((one) => one.textContent).join(' ').replaceAll('中文', ''))
      assert.doesNotMatch(words.replace(/台山市?[^ ]*|水步镇卫生院|李秀兰|影桥/gu, ''), /\p{Script=Han}/u)
    }
    assert.equal(await li.page.evaluate(() => globalThis.document.documentElement.scrollWidth <= globalThis.innerWidth), true, 'the page is wider than the window')
    const places = await li.page.evaluate(() => [...globalThis.document.querySelectorAll('.grid [role=row]')].map((row) => [...row.children].map((cell) => Math.round(cell.getBoundingClientRect().x)).join(' ')))
    assert.equal(new Set(places).size, 1, 'the columns do not stand below each other')
    await li.shot(name)
    await rowOf(li, '钱二').or(rowOf(li, 'ROW22')).first().click()
    await li.page.getByRole('dialog').locator('.line li').first().waitFor()
    await until(() => li.page.evaluate(() => [...globalThis.document.querySelectorAll('[role=dialog] img')].every((one) => one.complete)), 'pictures do not come')
    await li.checkAccessible()
    await li.shot(`${name}-drawer`)
  })
}
