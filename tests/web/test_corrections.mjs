/* 更正 and 待核对: what a radiographer puts right, what the doctors see of it, and that two at once lose nothing. */
import assert from 'node:assert/strict'
import { checkLanguage } from './support/language.mjs'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms' })
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

  async send(method, path, data = {}) {
    const answer = await this.request.fetch(origin + path, { method, data, headers: { 'X-CSRF-Token': this.token } })
    assert.ok(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`)
    return answer.json()
  }

  post(path, data) { return this.send('POST', path, data) }

  async editPatient(study, patient, reason) {
    const { revision } = await this.post(`/api/v1/studies/${study}/corrections/preview`, { kind: 'edit_patient', patient })
    return this.post(`/api/v1/studies/${study}/corrections`, { kind: 'edit_patient', patient, reason, revision })
  }
}

const rowOf = (one, text) => one.page.getByRole('row').filter({ hasText: text })
const drawerOf = (one) => one.page.locator('.el-drawer')
const dialogOf = (one) => one.page.locator('.el-overlay-dialog:visible').last()
const studyOf = async ({ study_instance_uid: uid }) => (await installation.sql(`SELECT public_id FROM study WHERE study_instance_uid = '${uid}' AND split_no = 0`))[0][0]
const taskOf = async ({ study_instance_uid: uid }) => (await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study USING (study_id) WHERE study_instance_uid = '${uid}'`))[0][0]
const digests = async ({ study_instance_uid: uid }) => installation.sql(`SELECT i.sop_instance_uid, encode(i.sha256, 'hex') FROM instance i JOIN series USING (series_id) JOIN study USING (study_id) WHERE study_instance_uid = '${uid}' ORDER BY 1`)

const push = (name, more = {}) => installation.push('dr-chest', { name, sex: 'M', birth: '19570312', size: 64, ...more })

async function openStudy(one, study) {
  await one.goto(`/township?study=${study}`)
  await drawerOf(one).getByRole('button', { name: /^(更正|Correct) ▾$/ }).waitFor()
}

/* By keys alone: the menu, then the item. */
async function correct(one, word) {
  await drawerOf(one).getByRole('button', { name: /^(更正|Correct) ▾$/ }).focus()
  await one.page.keyboard.press('Enter')
  const item = one.page.getByRole('menuitem', { name: word, exact: true })
  await item.waitFor()
  for (let turn = 0; turn < 6 && !(await item.evaluate((element) => element === globalThis.document.activeElement)); turn++) await one.page.keyboard.press('ArrowDown')
  await one.page.keyboard.press('Enter')
  const dialog = one.page.getByRole('dialog', { name: word })
  await dialog.waitFor()
  return dialog
}

const look = (dialog) => dialog.getByRole('button', { name: '下一步：查看将有什么变化' }).click()

async function confirm(dialog, action, reason) {
  const button = dialog.getByRole('button', { name: action, exact: true })
  assert.equal(await button.isDisabled(), true, 'it can be done without a reason')
  await dialog.getByLabel('原因（必填）').fill(reason)
  await button.click()
}

async function undo(one, kind, reason) {
  await drawerOf(one).getByRole('button', { name: `撤销这次${kind}`, exact: true }).first().click()
  const dialog = one.page.getByRole('dialog', { name: '撤销更正' })
  await confirm(dialog, '确认撤销', reason)
  await dialog.waitFor({ state: 'detached' })
}

world.test('patient data are edited by keys after a look at what changes, and taken back', async ({ person }) => {
  const pushed = await push('WANG^WU=王^五')
  const [study, before] = [await studyOf(pushed), await digests(pushed)]
  const li = await person('radiographer')
  await openStudy(li, study)
  await drawerOf(li).getByText('还没有更正').waitFor()
  const dialog = await correct(li, '改患者信息')
  await until(() => dialog.getByLabel('姓名').evaluate((input) => input === globalThis.document.activeElement), 'the name has no focus')
  await li.page.keyboard.press('Control+a')
  await li.page.keyboard.type('王武')
  await dialog.getByText('原为：王五').waitFor()
  await dialog.getByLabel('身份证号').fill('110105194912310021')
  await li.page.keyboard.press('Enter')
  await dialog.getByText('身份证号的校验位不对').waitFor()
  await dialog.getByLabel('身份证号').fill('')
  await li.page.keyboard.press('Enter')
  await dialog.getByRole('cell', { name: '王武' }).first().waitFor()
  await dialog.getByRole('cell', { name: '王五' }).first().waitFor()
  await dialog.getByText('待诊断').waitFor()
  await li.checkAccessible('.el-dialog')
  await li.shot('edit-preview')
  await confirm(dialog, '确认更改', '登记时录入有误')
  await dialog.getByText('患者信息已更正').waitFor()
  await dialog.getByRole('button', { name: '关闭', exact: true }).last().click()
  await drawerOf(li).getByRole('heading', { name: '王武' }).waitFor()
  const entry = drawerOf(li).locator('.history > li').first()
  await entry.getByText('登记时录入有误').waitFor()
  assert.match(await entry.innerText(), /李秀兰[\s\S]*姓名 王五 → 王武/)
  await drawerOf(li).locator('.line').getByText('更正患者信息').waitFor()
  await li.shot('history')
  await undo(li, '改患者信息', '改错了人')
  await drawerOf(li).getByRole('heading', { name: '王五' }).waitFor()
  await drawerOf(li).locator('.history').getByText('已撤销').waitFor()
  await drawerOf(li).locator('.history').getByText('撤销：改患者信息').waitFor()
  await li.page.keyboard.press('Escape')
  await rowOf(li, '王五').first().waitFor()
  assert.deepEqual(await digests(pushed), before, 'the bytes changed')
})

world.test('images of somebody else are split off, opened as an examination of their own, and put back', async ({ person }) => {
  const pushed = await push('QIAN^QI=钱^七')
  const study = await studyOf(pushed)
  const li = await person('radiographer')
  await openStudy(li, study)
  const dialog = await correct(li, '拆分')
  await look(dialog)
  await dialog.getByText('请先选择图像').waitFor()
  for (const fold of await dialog.getByRole('button', { name: '逐幅选择' }).all()) await fold.click()
  const boxes = dialog.locator('.picker input[type=checkbox]')
  for (const box of await boxes.all()) await box.check()
  await dialog.getByLabel('没有登记').check()
  await dialog.getByLabel(/^姓名/).fill('孙八')
  await look(dialog)
  await dialog.getByText('不能把图像全部拆出去').waitFor()
  await boxes.last().uncheck()
  await dialog.getByText('已选 1 幅，共 2 幅').waitFor()
  await dialog.getByLabel('性别').selectOption('F')
  await until(() => li.page.evaluate(() => [...globalThis.document.querySelectorAll('.el-dialog img')].every((one) => one.complete && one.naturalWidth > 0)), 'pictures do not come')
  await li.checkAccessible('.el-dialog')
  await li.shot('split')
  await look(dialog)
  await dialog.getByText('移动 1 幅（1 个序列').waitFor()
  await dialog.getByRole('row').filter({ hasText: '新的检查' }).getByText('孙八').waitFor()
  await li.shot('split-preview')
  await confirm(dialog, '确认拆分', '拍片时没有切换患者')
  await dialog.getByRole('button', { name: '打开拆出的检查' }).click()
  await drawerOf(li).getByRole('heading', { name: '孙八' }).waitFor()
  await drawerOf(li).getByText('1 幅').first().waitFor()
  await until(() => li.page.evaluate(() => [...globalThis.document.querySelectorAll('.el-drawer .strip img')].every((one) => one.complete && one.naturalWidth > 0)), 'the picture is not with its new examination')
  await drawerOf(li).locator('.history').getByText('拆分', { exact: true }).waitFor()
  await li.shot('split-new')
  await undo(li, '拆分', '还是同一个人')
  await openStudy(li, study)
  await drawerOf(li).getByText('2 幅').first().waitFor()
  await li.page.keyboard.press('Escape')
  await until(async () => (await rowOf(li, '孙八').count()) === 0, 'the examination that was split off is still in the list')
})

world.test('images that belong to a registration go to it', async ({ person }) => {
  const pushed = await push('LV^ER=吕^二')
  const li = await person('radiographer')
  const api = await Api.as(li)
  const request = await api.post('/api/v1/requests', { name: '施三', sex: 'F', birth_date: '1970-05-06', patient_class: 'outpatient', modality: 'DX', body_part: 'CHEST', history: '咳嗽' })
  await openStudy(li, await studyOf(pushed))
  const dialog = await correct(li, '拆分')
  await dialog.getByRole('button', { name: '逐幅选择' }).first().click()
  await dialog.locator('.images input').first().check()
  await dialog.getByLabel('搜索姓名、检查号').fill('施三')
  await dialog.getByRole('radio', { name: new RegExp(request.accession_number) }).check()
  await look(dialog)
  await dialog.getByRole('row').filter({ hasText: '新的检查' }).getByText(request.accession_number).waitFor()
  await confirm(dialog, '确认拆分', '拍片时没有切换患者')
  await dialog.getByRole('button', { name: '打开拆出的检查' }).click()
  await drawerOf(li).getByRole('heading', { name: '施三' }).waitFor()
  await drawerOf(li).getByText('咳嗽').waitFor()
  assert.equal((await api.get(`/api/v1/requests?q=${encodeURIComponent('施三')}`)).requests[0].state, 'matched')
})

world.test('images are moved to another patient only after each contradiction was ticked; then the rest is merged', async ({ person }) => {
  const from = await push('ZHOU^JIU=周^九', { patient_id: 'MOVE-1' })
  await push('WU^SHI=吴^十', { patient_id: 'MOVE-2', sex: 'F', birth: '19620101' })
  const li = await person('radiographer')
  await openStudy(li, await studyOf(from))
  let dialog = await correct(li, '移动图像')
  await dialog.getByRole('button', { name: '逐幅选择' }).first().click()
  await dialog.locator('.images input').first().check()
  await dialog.getByLabel('搜索姓名').fill('吴十')
  await dialog.getByRole('radio').first().check()
  await look(dialog)
  await dialog.getByText('两边的患者信息有矛盾').waitFor()
  await dialog.getByLabel('原因（必填）').fill('设备上选错了患者')
  const move = dialog.getByRole('button', { name: '确认移动' })
  const ticks = await dialog.locator('.seen input').all()
  assert.ok(ticks.length >= 2)
  for (const tick of ticks) {
    assert.equal(await move.isDisabled(), true, 'a contradiction was not ticked')
    await tick.check()
  }
  await li.shot('move-preview')
  await move.click()
  await dialog.getByRole('button', { name: '打开那次检查' }).click()
  await drawerOf(li).getByRole('heading', { name: '吴十' }).waitFor()
  await drawerOf(li).getByText('3 幅').first().waitFor()

  await openStudy(li, await studyOf(from))
  dialog = await correct(li, '合并')
  await dialog.getByLabel('搜索姓名').fill('吴十')
  await dialog.getByRole('radio').first().check()
  await look(dialog)
  await dialog.getByText('诊断任务将取消').waitFor()
  await dialog.getByText('已合并').waitFor()
  for (const tick of await dialog.locator('.seen input').all()) await tick.check()
  await confirm(dialog, '确认合并', '同一次检查分两次传来')
  await dialog.getByText('撤销').first().waitFor()
  await dialog.getByRole('button', { name: '关闭', exact: true }).last().click()
  await drawerOf(li).getByText('这次检查已合并到另一次检查').waitFor()
  await drawerOf(li).locator('.history > li').first().getByText('合并', { exact: true }).waitFor()
  assert.equal(await drawerOf(li).getByRole('button', { name: '匹配' }).count(), 0)
  await li.shot('merged')
  await drawerOf(li).getByRole('button', { name: '打开那次检查' }).click()
  await drawerOf(li).getByText('4 幅').first().waitFor()
  await li.page.keyboard.press('Escape')
  await until(async () => (await rowOf(li, '周九').count()) === 0, 'the empty examination is still in the list')
})

world.test('two at once: one is told who was faster, keeps what was typed, and neither is lost; what builds on it goes first', async ({ person }) => {
  const study = await studyOf(await push('ZHENG^YI=郑^一'))
  const [li, zhou] = [await person('radiographer'), await person('leader')]
  await openStudy(li, study)
  let dialog = await correct(li, '改患者信息')
  await dialog.getByLabel(/^姓名/).fill('郑义')
  await look(dialog)
  await dialog.getByLabel('原因（必填）').fill('同音字录错')

  await openStudy(zhou, study)
  const other = await correct(zhou, '改患者信息')
  await other.getByLabel('出生日期').fill('1957-03-13')
  await look(other)
  await confirm(other, '确认更改', '身份证上是 13 日')
  await other.getByText('患者信息已更正').waitFor()

  await li.expecting(/^status 409: POST .*\/corrections$/, () => dialog.getByRole('button', { name: '确认更改', exact: true }).click())
  await dialog.getByText('您的更正没有执行').waitFor()
  await dialog.locator('.stale').getByText(zhou.name).waitFor()
  assert.equal(await dialog.getByLabel('原因（必填）').inputValue(), '同音字录错')
  await li.checkAccessible('.el-dialog')
  await li.shot('stale')
  await li.page.keyboard.press('Enter') // the button that has the focus
  await dialog.locator('.stale').waitFor({ state: 'detached' })
  assert.equal(await dialog.getByLabel('原因（必填）').inputValue(), '同音字录错')
  await dialog.getByRole('button', { name: '确认更改', exact: true }).click()
  await dialog.getByText('患者信息已更正').waitFor()
  await dialog.getByRole('button', { name: '关闭', exact: true }).last().click()
  await drawerOf(li).getByRole('heading', { name: '郑义' }).waitFor()
  await drawerOf(li).locator('.patient').getByText('1957-03-13').waitFor() // what the other one put right
  await until(async () => (await drawerOf(li).locator('.history > li').count()) === 2, 'a correction is not in the history')

  await drawerOf(li).locator('.history > li').last().getByRole('button').click()
  dialog = li.page.getByRole('dialog', { name: '撤销更正' })
  await dialog.getByText('现在不能撤销').waitFor()
  await dialog.locator('.blocked li').getByText('改患者信息').waitFor()
  await li.shot('blocked')
})

async function doubt(id, ...names) {
  for (const [index, name] of names.entries()) await push(name, { patient_id: id, sex: index % 2 === 0 ? 'M' : 'F', size: 64 })
}

world.test('a doubtful identity is settled with every contradiction ticked, told to whom was slower, and taken back', async ({ person }) => {
  await doubt('SHARED-1', 'FENG^ER=冯^二', 'CHEN^SAN=陈^三')
  const [li, zhou] = [await person('radiographer'), await person('leader')]
  for (const one of [li, zhou]) {
    await one.goto('/township?tab=identity')
    await rowOf(one, '冯二').click()
  }
  const [dialog, other] = [dialogOf(li), dialogOf(zhou)]
  await dialog.getByRole('row').filter({ hasText: '姓名' }).getByText('✗ 不同').waitFor()
  await dialog.getByRole('row').filter({ hasText: '患者编号' }).getByText('✓ 相同').waitFor()
  await dialog.getByLabel('同一人', { exact: true }).check()
  await dialog.getByLabel('依据（必填）').fill('已核对身份证')
  const settle = dialog.getByRole('button', { name: '确认', exact: true })
  for (const tick of await dialog.locator('.seen input').all()) {
    assert.equal(await settle.isDisabled(), true, 'a contradiction was not ticked')
    await tick.check()
  }
  await li.checkAccessible('.el-dialog')
  await li.shot('identity')

  await other.getByLabel('不是同一人').check()
  await other.getByLabel('依据（必填）').fill('电话询问过')
  await other.getByRole('button', { name: '确认', exact: true }).click()
  await other.waitFor({ state: 'detached' })

  await li.expecting(/^status 409: POST .*\/settle$/, () => settle.click())
  await dialog.getByText('已先核对').waitFor()
  assert.match(await dialog.locator('.faster').innerText(), new RegExp(`${zhou.name}.*不是同一人`))
  assert.equal(await dialog.getByLabel('依据（必填）').inputValue(), '已核对身份证')
  await li.shot('identity-faster')
  await dialog.getByRole('button', { name: '查看现在的情况' }).click()
  await until(async () => (await rowOf(li, '冯二').count()) === 0, 'what is settled still waits')

  await li.page.getByRole('button', { name: '已核对', exact: true }).click()
  await rowOf(li, '冯二').getByText('不是同一人').waitFor()
  await li.shot('identity-settled')
  await rowOf(li, '冯二').click()
  await dialogOf(li).getByText('电话询问过').waitFor()
  await dialogOf(li).getByLabel('原因（必填）').fill('需要再核对')
  await dialogOf(li).getByRole('button', { name: '撤销核对' }).click()
  await until(async () => (await rowOf(li, '冯二').count()) === 0, 'what was taken back is still settled')
  await li.page.getByRole('button', { name: '待核对', exact: true }).click()
  await rowOf(li, '冯二').getByText('待核对').waitFor()
})

const findings = (page) => page.locator('#field-findings')

async function signIn(one, go) {
  const dialog = one.page.getByRole('dialog')
  await dialog.locator('#sign-password').fill(one.password)
  await one.page.getByText('正在读取…').waitFor({ state: 'detached' })
  for (const box of await dialog.locator('.el-checkbox').all()) await box.click()
  await dialog.getByRole('button', { name: go }).click()
}

world.test('a doctor who writes sees what was corrected and confirms it before 提交; an issued report is judged by its signer', async ({ person }) => {
  const pushed = await push('CHU^SI=褚^四')
  const [study, task] = [await studyOf(pushed), await taskOf(pushed)]
  const li = await Api.as(await person('radiographer', { via: 'api' }))
  const [wang, zhao] = [await person('reporter'), await person('reviewer')]
  await wang.goto(`/reading/${task}`)
  await wang.page.getByRole('button', { name: /^领取/ }).waitFor()
  await wang.page.keyboard.press('t')
  await wang.page.locator('#field-method').fill('胸部正侧位数字化X线摄影（DR）。')
  await findings(wang.page).fill('双肺纹理清晰。')
  await wang.page.locator('#field-impression').fill('心、肺、膈未见明显异常。')
  await wang.page.keyboard.press('Alt+n')
  assert.equal(await wang.page.locator('.corrected').count(), 0)

  await li.editPatient(study, { name: '褚思' }, '登记时录入有误')
  const mark = wang.page.locator('.corrected')
  await mark.getByText('登记时录入有误').waitFor()
  await mark.getByText('褚思').waitFor()
  await wang.page.locator('.request .who').getByText('褚思').waitFor()
  assert.equal(await findings(wang.page).inputValue(), '双肺纹理清晰。')
  await wang.page.keyboard.press('Alt+Enter')
  await mark.getByText('请先核对更正，再提交').waitFor()
  assert.equal(await wang.page.getByRole('dialog').count(), 0, 'the report can be submitted before the correction was confirmed')
  await wang.checkAccessible()
  await wang.shot('marked')
  await wang.page.keyboard.press('Enter') // 已核对更正 has the focus
  await mark.waitFor({ state: 'detached' })
  await wang.page.keyboard.press('Alt+Enter')
  await signIn(wang, '提交审核')
  await wang.page.getByText('已提交审核').waitFor()

  await zhao.goto(`/reading/${task}`)
  await zhao.page.getByRole('button', { name: /^领取审核/ }).waitFor()
  await zhao.page.keyboard.press('t')
  await zhao.page.getByRole('button', { name: /^签名发布/ }).waitFor()
  assert.equal(await zhao.page.locator('.corrected').count(), 0, 'what the author has confirmed is asked again')
  await li.editPatient(study, { birth_date: '1957-03-13' }, '身份证上是 13 日')
  await zhao.page.locator('.corrected').getByText('提交之后有更正').waitFor()
  await zhao.page.getByRole('button', { name: /^签名发布/ }).click()
  await zhao.expecting(/^status 409: POST .*\/sign$/, () => signIn(zhao, '签名发布'))
  await zhao.page.getByRole('dialog').getByText('患者信息有更正').waitFor()
  await zhao.shot('marked-review')
  await zhao.page.keyboard.press('Escape')
  await zhao.page.getByRole('dialog').waitFor({ state: 'detached' })
  await zhao.page.keyboard.press('Alt+r')
  await zhao.page.getByRole('dialog').locator('textarea').fill('出生日期有更正，请核对')
  await zhao.page.getByRole('dialog').getByRole('button', { name: '退回修改' }).click()
  await zhao.page.locator('.finished').waitFor()

  await wang.goto('/reading')
  await wang.goto(`/reading/${task}`)
  await mark.getByText('身份证上是 13 日').waitFor()
  await mark.getByRole('button', { name: '已核对更正' }).click()
  await wang.page.keyboard.press('Alt+Enter')
  await signIn(wang, '提交审核')
  await wang.page.getByText('已提交审核').waitFor()
  await zhao.goto(`/reading/${task}`)
  await zhao.page.getByRole('button', { name: /^领取审核/ }).waitFor()
  await zhao.page.keyboard.press('t')
  await zhao.page.getByRole('button', { name: /^签名发布/ }).click()
  await signIn(zhao, '签名发布')
  await zhao.page.getByText('已签名发布').waitFor()

  await li.editPatient(study, { name: '褚嗣' }, '身份证上是另一个字')
  await zhao.goto('/reading')
  await zhao.page.getByRole('button', { name: '需更正 1' }).click()
  const drawer = drawerOf(zhao)
  await drawer.getByText('身份证上是另一个字').waitFor()
  await drawer.getByText('您发布的报告').waitFor()
  await zhao.checkAccessible()
  await zhao.shot('proposals')
  await drawer.getByRole('button', { name: '无影响' }).click()
  const dialog = zhao.page.getByRole('dialog', { name: '报告不受影响' })
  await dialog.getByLabel('原因（必填）').fill('同音字，图像和诊断不变')
  await dialog.getByRole('button', { name: '无影响' }).click()
  await drawer.getByText('没有需要处理的报告').waitFor()
  await drawer.getByRole('button', { name: '已处理' }).click()
  await drawer.getByText('同音字，图像和诊断不变').waitFor()
  await zhao.page.keyboard.press('Escape')
  await until(async () => (await zhao.page.getByRole('button', { name: /需更正/ }).count()) === 0, 'the queue still asks for it')
})

world.test('a signer corrects an issued report, another signs it, and the site calls the old paper back', async ({ person }) => {
  const pushed = await push('WEI^QI=卫^七')
  const [study, task] = [await studyOf(pushed), await taskOf(pushed)]
  const [wang, zhao, li] = [await person('reporter'), await person('reviewer'), await person('radiographer')]
  const doctor = await Api.as(wang)
  const lease = await doctor.post(`/api/v1/tasks/${task}/take`)
  const body = { method: '数字化X线摄影。', findings: '右肺上野见结节影。', impression: '右肺上野结节。', recommendation: '', result: 'positive', is_critical: false, quality_grade: '甲', quality_reason: '' }
  const { revision } = await doctor.send('PUT', `/api/v1/tasks/${task}/draft`, { lease_token: lease.lease_token, revision: 0, body })
  await doctor.post(`/api/v1/tasks/${task}/submit`, { lease_token: lease.lease_token, revision, study_version: lease.study_version, password: wang.password })
  const signer = await Api.as(zhao)
  const review = await signer.post(`/api/v1/tasks/${task}/review`)
  await signer.post(`/api/v1/tasks/${task}/sign`, { lease_token: review.lease_token, password: zhao.password })
  await (await Api.as(li)).editPatient(study, { name: '魏七' }, '登记录入有误')

  await zhao.goto('/reading')
  await zhao.page.getByRole('button', { name: /需更正/ }).click()
  const drawer = drawerOf(zhao)
  const entry = drawer.getByRole('listitem').filter({ hasText: '登记录入有误' })
  await entry.getByRole('button', { name: '更正报告' }).click()
  const dialog = zhao.page.getByRole('dialog', { name: '更正报告' })
  await dialog.getByLabel('原因（必填，印在报告上）').fill('姓名更正，侧别写错')
  await zhao.shot('follow')
  await dialog.getByRole('button', { name: '更正报告' }).click()
  await zhao.page.waitForURL(/\/reading\/[0-9a-f-]{36}/)
  await zhao.page.locator('.banner').getByText('姓名更正，侧别写错').waitFor()
  await zhao.page.getByRole('button', { name: /^领取/ }).click()
  await until(async () => (await findings(zhao.page).inputValue()) === '右肺上野见结节影。', 'the text of version 1 is not there')
  await findings(zhao.page).fill('左肺上野见结节影。')
  await zhao.page.locator('#field-impression').fill('左肺上野结节。')
  await zhao.checkAccessible()
  await zhao.page.keyboard.press('Alt+Enter')
  await signIn(zhao, '提交审核')
  await zhao.page.getByText('已提交审核').waitFor()

  const follow = zhao.page.url().split('/').pop()
  await installation.yqctl('account', 'grant', 'leader', '--role', 'reviewer', '--scope', '台山市人民医院医疗卫生共同体')
  await installation.yqctl('qualification', 'grant', 'leader', '--kind', 'review', '--scope', '台山市人民医院医疗卫生共同体')
  await installation.yqctl('account', 'certify', 'leader')
  const leader = await person('leader')
  await leader.goto(`/reading/${follow}`)
  await leader.page.getByRole('button', { name: /^领取审核/ }).click()
  await leader.page.getByRole('button', { name: /^签名发布/ }).click()
  await signIn(leader, '签名发布')
  await leader.page.getByText('已签名发布').waitFor()
  await zhao.goto(`/reading/${follow}`)
  await zhao.page.locator('.versions').getByText('姓名更正，侧别写错').waitFor()
  await zhao.page.getByRole('button', { name: '补充报告' }).waitFor()

  await li.goto(`/township?study=${study}`)
  const recall = drawerOf(li).locator('.recall')
  await recall.getByText('第 1 版报告已被更正').waitFor()
  await drawerOf(li).getByText('姓名更正，侧别写错').waitFor()
  await li.checkAccessible()
  await li.shot('recall')
  await recall.getByRole('button', { name: '已收回' }).click()
  await recall.waitFor({ state: 'detached' })
})

world.test('in English, in the dark on a zoomed page, and for those who may only look', async ({ person }) => {
  await doubt('SHARED-2', 'JIANG^WU=蒋^五', 'SHEN^LIU=沈^六')
  const study = await studyOf(await push('HAN^QI=韩^七'))
  const li = await person('radiographer', { language: 'en', dark: true, viewport: [1093, 614], scale: 1.25 })
  const data = ['蒋五', '沈六', '韩七', '王五', '冯二', '陈三', '台山市人民医院医疗卫生共同体', '水步镇卫生院', '李秀兰', '影桥', '胸部正位', '胸部侧位', '胸部正侧位']
  await (await Api.as(li)).editPatient(study, { name: '韩齐' }, 'mistyped')
  await openStudy(li, study)
  await drawerOf(li).locator('.history > li').first().waitFor()
  await checkLanguage(li.page, 'en', [...data, '韩齐', ...(await names())])
  for (const word of ['Edit patient data', 'Split', 'Merge', 'Move images']) {
    const dialog = await correct(li, word)
    await dialog.locator('form').waitFor()
    await checkLanguage(li.page, 'en', [...data, '韩齐', ...(await names())])
    await li.checkAccessible('.el-dialog')
    await li.shot(`en-${word.split(' ')[0].toLowerCase()}`)
    await li.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  }
  await li.goto('/township?tab=identity')
  await rowOf(li, '蒋五').click()
  await dialogOf(li).getByRole('table').waitFor()
  await checkLanguage(li.page, 'en', [...data, '韩齐', ...(await names())])
  await li.checkAccessible('.el-dialog')
  await li.shot('en-identity')

  const chen = await person('clinician')
  await chen.goto(`/township?study=${study}`)
  await drawerOf(chen).getByRole('heading', { name: '韩齐' }).waitFor()
  assert.equal(await drawerOf(chen).getByRole('button', { name: /^更正/ }).count(), 0)
  assert.equal(await chen.page.getByRole('tab', { name: '待核对' }).count(), 0)
})

/* Whatever the pushed studies are called: data in every language. */
const names = async () => (await installation.sql('SELECT DISTINCT yq_display_name(name) FROM identity_claim')).map(([name]) => name)
