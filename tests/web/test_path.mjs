/*
 * The whole path, clicked by three people at once in three browsers' contexts (then by the county): registered, examined, submitted, taken, asked back,
 * written, sent back, signed, printed; a critical value until it is closed; and the site counted as served. Once in Chinese, once in English.
 */
import assert from 'node:assert/strict'
import { foreignWords } from './support/language.mjs'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_LEASE: '15 min' }, { whole: true })
const { installation } = world

const WORDS = {
  'zh-CN': {
    register: '登记', name: '姓名', sex: '性别', male: '男', birth: '出生日期', patient_id: '患者编号', patient_class: '患者类别', inpatient: '住院', department: '申请科室', doctor: '申请医师', item_name: '检查项目', body_part: '部位',
    history: '病史', diagnosis: '临床诊断', save_label: '保存并显示标签', print_label: '打印标签', label: '检查号标签', close: '关闭',
    step: { receiving: '上传中', awaiting: '待诊断', writing: '书写中', awaiting_review: '待审核', issued: '已发布', printed: '已打印' },
    submit: '提交诊断', all_sent: '设备已全部发完', next: '下一例', template: '模板', ask: '追问病史', question: '要问的问题', ask_go: '发出追问', answer: '答复', answer_do: '提交答复', paused: '追问未回答，计时暂停。',
    saved: /^已保存 \d\d:\d\d$/, positive: '阳性', submit_review: '提交审核', fine: '检查通过，未发现问题。', password: '的密码', submitted: '已提交审核', next_review: '下一例审核',
    send_back: '退回修改', remark: '修改意见', sent_back: '已退回修改', back: '回到列表', open: '打开', take: '领取', take_review: '领取审核', sign: '签名发布', issued: '已签名发布',
    compare: '对比', two: '双窗', lung: '肺窗', show_report: '查看报告', print: '打印报告', print_again: '再次打印（已打印 1 次）', raise: '上报危急值', item: '危急值内容', strip: '危急值待处理：1 例', handle_it: '查看并处理',
    read_back: '复述内容', physician: '接收医师姓名', read_back_do: '确认复述', handling: '处置情况', handle_do: '记录处置', close_it: '结束危急值', none_open: '没有未结束的危急值。',
    served: '有服务', numerator: '分子', denominator: '分母', delivered: '已送达', asked_mark: '追问病史',
  },
  en: {
    register: 'Register', name: 'Name', sex: 'Sex', male: 'male', birth: 'Birth date', patient_id: 'Patient ID', patient_class: 'Patient class', inpatient: 'Inpatient', department: 'Department', doctor: 'Requesting doctor', item_name: 'Item', body_part: 'Body part',
    history: 'History', diagnosis: 'Clinical diagnosis', save_label: 'Save and show the label', print_label: 'Print the label', label: 'Label with the accession number', close: 'Close',
    step: { receiving: 'Receiving', awaiting: 'Awaiting reading', writing: 'Being written', awaiting_review: 'Awaiting review', issued: 'Issued', printed: 'Printed' },
    submit: 'Submit for reading', all_sent: 'The device has sent everything', next: 'Next', template: 'Template', ask: 'Ask for history', question: 'Question', ask_go: 'Send the question', answer: 'Answer', answer_do: 'Send the answer', paused: 'A question is open: the clock is paused.',
    saved: /^Saved \d\d:\d\d$/, positive: 'Positive', submit_review: 'Submit for review', fine: 'The checks found nothing.', password: 'Password of', submitted: 'Submitted for review', next_review: 'Next to review',
    send_back: 'Send back', remark: 'What to change', sent_back: 'Sent back', back: 'Back to the list', open: 'Open', take: 'Take', take_review: 'Take for review', sign: 'Sign and issue', issued: 'Signed and issued',
    compare: 'Compare with', two: 'Two panes', lung: 'Lung', show_report: 'Show the report', print: 'Print the report', print_again: 'Print again (printed 1 times)', raise: 'Raise critical value', item: 'What is critical', strip: '1 critical value(s) waiting', handle_it: 'Open and handle',
    read_back: 'Read-back', physician: 'Name of the receiving physician', read_back_do: 'Confirm read-back', handling: 'Handling', handle_do: 'Record handling', close_it: 'Close the critical value', none_open: 'No critical value is open.',
    served: 'served', numerator: 'Numerator', denominator: 'Denominator', delivered: 'Delivered', asked_mark: 'History asked for',
  },
}

const PATIENTS = { 'zh-CN': { dicom: 'LIN^MEIYU=林^美玉', name: '林美玉', id: 'YQ20260311' }, en: { dicom: 'CHEN^YUQI=陈^雨琪', name: '陈雨琪', id: 'YQ20260312' } }
const SECOND = { 'zh-CN': { dicom: 'HUANG^DAMING=黄^大明', name: '黄大明', id: 'YQ20260313' }, en: { dicom: 'WU^XIAOFENG=吴^晓峰', name: '吴晓峰', id: 'YQ20260314' } }
const TYPED = {
  history: '咳嗽、咳痰一周，伴低热。', diagnosis: '肺部感染？', department: '内科', question: '有无结核病接触史？', answer: '否认结核病接触史，血沉正常。', added: '右肺下叶见小结节影，直径约5mm。', remark: '请补充结节随访建议。', followed: '建议3个月后复查胸部CT。', impression: '右肺下叶小结节，考虑炎性结节可能。',
  critical: '左侧张力性气胸', read_back: '左侧张力性气胸，立即处理', handling: '已行胸腔闭式引流，患者平稳',
}
const ITEM = '胸部CT平扫'

/* As the report keeps them, in any language. */
const GRADES = ['优', '良', '合格', '不合格', '甲', '乙', '丙', '废']
const TEXTS = ['method', 'findings', 'impression', 'recommendation']

/* Names that people, places and items have, and the shipped templates: data in any language. */
async function dataWords() {
  const names = await installation.sql('SELECT name FROM scope UNION SELECT name FROM person UNION SELECT title FROM person UNION SELECT name FROM item_code UNION SELECT name FROM report_template UNION SELECT source FROM coverage_target')
  const texts = await installation.sql(TEXTS.map((field) => `SELECT ${field} FROM report_template`).join(' UNION '))
  const patients = [...Object.values(PATIENTS), ...Object.values(SECOND)].flatMap((one) => [one.name, one.dicom])
  return [...names.flat(), ...texts.flat(), ...patients, ...Object.values(TYPED), ...GRADES, '演示设备', 'CT胸部平扫', '胸部正位', '胸部平扫 5mm', 'YINGQIAO', 'DEMO_DR', 'DEMOSITE', 'Code']
}

/* Instead of a printer, in every frame: what would come out. */
function countPrints() {
  globalThis.print = () => {
    const what = globalThis.document.querySelectorAll('.label-print .code rect').length > 20 ? 'label' : globalThis.location.pathname
    globalThis.top.prints = [...(globalThis.top.prints ?? []), what]
  }
}

class Path {
  constructor(language, people, data) {
    Object.assign(this, { language, ...people, data, words: WORDS[language], patient: PATIENTS[language], second: SECOND[language], shots: 0, faults: [] /* of looks; told at the end, all of them */ })
  }

  /* Looked at as a picky person does: a picture, nothing in another language, nothing that cannot be used without eyes or mouse, nothing sticking out. */
  async look(one, name) {
    const { page } = one
    await page.locator('.yq-opening').waitFor({ state: 'detached' }) // says in both languages that it opens
    await one.shot(`${this.language}-${String(++this.shots).padStart(2, '0')}-${name}`)
    const [wide, room] = await page.evaluate(() => [globalThis.document.documentElement.scrollWidth, globalThis.innerWidth])
    const found = [...(await foreignWords(page, this.language, this.data)), ...(await one.accessibilityFaults()), ...(wide > room ? [`${wide} wide in a window of ${room}`] : [])]
    this.faults.push(...found.map((fault) => `${name}: ${fault}`))
  }

  row(one, name = this.patient.name) { return one.page.getByRole('row').filter({ hasText: name }) }
  async rowSays(step, name) { await this.row(this.li, name).locator('.chip').filter({ hasText: this.words.step[step] }).waitFor() }

  async register() {
    const { words, patient } = this
    const { page } = this.li
    await page.getByRole('button', { name: words.register, exact: true }).first().click()
    const form = page.getByRole('dialog')
    const fill = (label, value) => form.getByLabel(new RegExp(`^${label}( \\*)?$`)).fill(value)
    await fill(words.name, patient.name)
    await form.getByLabel(new RegExp(`^${words.sex}`)).selectOption('F')
    await fill(words.birth, '19790522')
    await fill(words.patient_id, patient.id)
    await fill(words.item_name, ITEM)
    await until(async () => (await form.getByLabel(words.body_part).inputValue()) === 'CHEST', 'the item is not known')
    for (const [field, value] of [['department', TYPED.department], ['doctor', '陈国强'], ['history', TYPED.history], ['diagnosis', TYPED.diagnosis]]) await fill(words[field], value)
    await this.look(this.li, 'register')
    await form.getByRole('button', { name: words.save_label }).click()
    const label = page.getByRole('dialog', { name: words.label })
    this.accession = await label.locator('.number').innerText()
    assert.match(this.accession, /^SHUIBU\d+$/)
    assert.ok(await label.getByRole('img', { name: this.accession }).locator('rect').count() > 20, 'the label has no bars')
    await this.look(this.li, 'label')
    await label.getByRole('button', { name: words.print_label }).click()
    await until(() => page.evaluate(() => globalThis.prints?.[0] === 'label'), 'the label is not printed')
    await label.getByRole('button', { name: words.close, exact: true }).last().click()
    await label.waitFor({ state: 'hidden' })
  }

  /* Two series of one study come from the device; nobody touches the page. */
  async examine() {
    const study = { name: this.patient.dicom, patient_id: this.patient.id, sex: 'F', birth: '19790522', accession: this.accession, study_uid: `2.25.${Date.now()}${this.shots}`, submit: false, size: 256 }
    await installation.push('ct-chest', { ...study, images: 6 })
    await this.rowSays('receiving')
    await installation.push('ct-chest', { ...study, images: 4 })
    const row = this.row(this.li)
    await row.getByText(ITEM).waitFor()
    await row.getByText(this.accession).waitFor()
    await row.getByText('10').first().waitFor()
    await this.look(this.li, 'arrived')
  }

  async submitStudy(name = this.patient.name) {
    const { words } = this
    const dialog = this.li.page.getByRole('dialog')
    await this.row(this.li, name).getByRole('button', { name: words.submit }).click()
    await dialog.getByLabel(words.all_sent).check()
    await this.look(this.li, 'submit')
    await dialog.getByRole('button', { name: words.submit }).click()
    await this.rowSays('awaiting', name)
    await this.look(this.li, 'awaiting')
  }

  async readImages() {
    const { words } = this
    const { page } = this.wang
    await this.row(this.wang).waitFor()
    await this.look(this.wang, 'queue')
    await page.getByRole('button', { name: `${words.next} N`, exact: true }).click()
    await page.getByText(TYPED.history).waitFor()
    await page.locator('.tile').nth(1).waitFor()
    assert.equal(await page.locator('.tile').count(), 2)
    await page.getByRole('button', { name: words.two, exact: true }).click()
    await until(() => page.evaluate(() => {
      const panes = [...globalThis.document.querySelectorAll('canvas')]
      return panes.length === 2 && panes.every((pane) => pane.width > 150 && pane.checkVisibility())
    }), 'the two series are not shown')
    await page.getByRole('radio', { name: words.lung }).click()
    await this.look(this.wang, 'images')
    await this.rowSays('writing')
  }

  async write() {
    const { words } = this
    const { page } = this.wang
    const template = page.getByLabel(new RegExp(`^${words.template}`))
    await template.locator('option').nth(1).waitFor({ state: 'attached' })
    await template.selectOption({ index: 1 })
    const findings = page.locator('#field-findings')
    await until(async () => (await findings.inputValue()) !== '', 'the template writes nothing')
    await findings.press('End')
    await findings.press('Control+End')
    await findings.pressSequentially(TYPED.added)
    await page.locator('#field-impression').fill(TYPED.impression)
    await page.keyboard.press('Alt+p')
    await page.locator('#flag-quality_grade').click()
    await page.getByText(words.saved).waitFor()
    await this.look(this.wang, 'written')
  }

  async askHistory() {
    const { words } = this
    const { page } = this.wang
    await page.getByRole('button', { name: words.ask, exact: true }).click()
    await page.getByRole('dialog').getByLabel(words.question).fill(TYPED.question)
    await this.look(this.wang, 'ask')
    await page.getByRole('button', { name: words.ask_go }).click()
    await page.getByText(words.paused).waitFor()
    await this.row(this.li).getByText(words.asked_mark).waitFor()
    await this.row(this.li).click()
    const drawer = this.li.page.getByRole('dialog')
    await drawer.getByText(TYPED.question).waitFor()
    await drawer.getByLabel(words.answer, { exact: true }).fill(TYPED.answer)
    await this.look(this.li, 'question')
    await drawer.getByRole('button', { name: words.answer_do }).click()
    await page.getByText(TYPED.answer).waitFor()
    await until(async () => (await page.getByText(words.paused).count()) === 0, 'the clock still stands')
    await this.look(this.wang, 'answered')
    await drawer.getByRole('button', { name: words.answer_do }).waitFor({ state: 'hidden' })
    await this.li.page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'hidden' })
  }

  async submitReport(name) {
    const { words } = this
    const { page } = this.wang
    await page.keyboard.press('Alt+Enter')
    const dialog = page.getByRole('dialog')
    await dialog.locator('.fine, li').first().waitFor()
    for (const tick of await dialog.getByRole('checkbox').all()) await tick.locator('xpath=ancestor::label[1]').click()
    await dialog.locator('#sign-password').fill(this.wang.password)
    await this.look(this.wang, name)
    await dialog.getByRole('button', { name: words.submit_review, exact: true }).click()
    await page.getByText(words.submitted).waitFor()
    await this.rowSays('awaiting_review')
  }

  async sendBack() {
    const { words } = this
    const { page } = this.zhao
    await page.getByRole('button', { name: `${words.next_review} R`, exact: true }).click()
    await page.getByText(TYPED.added).waitFor()
    await this.look(this.zhao, 'review')
    await page.getByRole('button', { name: new RegExp(`^${words.send_back}`) }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel(words.remark).fill(TYPED.remark)
    await this.look(this.zhao, 'send-back')
    await dialog.getByRole('button', { name: words.send_back, exact: true }).click()
    await page.getByText(words.sent_back).last().waitFor()
    await page.getByRole('link', { name: words.back }).click()
  }

  async edit() {
    const { words } = this
    const { page } = this.wang
    await page.getByRole('link', { name: words.back }).click()
await page.getByRole('button', { name: new RegExp(`^${words.step.writing}`) }).click()
    await this.openAgain()
    await page.getByText(TYPED.remark).waitFor()
    const recommendation = page.locator('#field-recommendation')
    await recommendation.press('Control+End')
    await recommendation.pressSequentially(TYPED.followed)
    await page.getByText(words.saved).waitFor()
    await this.look(this.wang, 'edited')
  }

  /* What was sent back stands where its author finds it. */
  async openAgain() {
    const { page } = this.wang
    const row = this.row(this.wang)
    await row.waitFor()
    await this.look(this.wang, 'sent-back-queue')
    await row.click()
    await page.locator('#field-findings').waitFor()
  }

  async sign() {
    const { words } = this
    const { page } = this.zhao
    await page.getByRole('button', { name: `${words.next_review} R`, exact: true }).click()
    await page.locator('ins').filter({ hasText: TYPED.followed }).waitFor()
    await this.look(this.zhao, 'difference')
    await page.keyboard.press('Alt+Enter')
    await page.locator('#sign-password').fill(this.zhao.password)
    await this.look(this.zhao, 'sign')
    await page.getByRole('dialog').getByRole('button', { name: words.sign, exact: true }).click()
    await page.getByText(words.issued).waitFor()
    await page.getByRole('link', { name: words.back }).click()
  }

  async paper() {
    const { words } = this
    const { page } = this.li
    await this.rowSays('issued')
    await this.look(this.li, 'issued')
    await this.row(this.li).click()
    const drawer = page.getByRole('dialog')
    await drawer.locator('.chip').filter({ hasText: words.delivered }).waitFor()
    await drawer.getByRole('button', { name: words.show_report }).click()
    await this.li.paper()
    await drawer.locator('iframe.paper').scrollIntoViewIfNeeded()
    await this.look(this.li, 'paper')
    await drawer.getByRole('button', { name: words.print, exact: true }).click()
    await drawer.getByRole('button', { name: words.print_again }).waitFor()
    assert.deepEqual(await installation.sql(`SELECT count(*) FROM receipt c JOIN report_version v USING (report_version_id) JOIN report r USING (report_id) JOIN reading_task t USING (task_id)
      JOIN study s ON s.study_id = t.study_id WHERE c.kind = 'printed' AND s.accession_number = '${this.accession}'`), [['1']])
    await until(() => page.evaluate(() => globalThis.prints.length === 2), 'the paper is not printed')
    assert.match(await page.evaluate(() => globalThis.prints[1]), /^\/api\/v1\/reports\/[0-9a-f-]+\/pdf$/)
    await this.rowSays('printed')
    await this.look(this.li, 'printed')
    await page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'hidden' })
  }

  async criticalValue() {
    const { words, second } = this
    await installation.push('dr-chest', { name: second.dicom, patient_id: second.id, submit: false, size: 256 })
    await this.submitStudy(second.name)
    const { page } = this.wang
    await page.getByRole('link', { name: words.back }).click()
    await this.row(this.wang, second.name).click()
    await page.getByRole('button', { name: `${words.take} T`, exact: true }).waitFor()
    await page.keyboard.press('t')
    await page.locator('#field-findings').waitFor()
    await page.keyboard.press('Alt+c')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel(words.item).fill(TYPED.critical)
    await this.look(this.wang, 'raise')
    await dialog.getByRole('button', { name: words.raise, exact: true }).click()
    await dialog.waitFor({ state: 'hidden' })

    await this.li.page.getByRole('alert').getByText(words.strip).waitFor()
    await this.row(this.li, second.name).waitFor()
    await this.look(this.li, 'strip')
    await this.li.page.getByRole('button', { name: words.handle_it }).click()
    const panel = this.li.page.getByRole('dialog')
    await panel.getByLabel(words.read_back, { exact: true }).fill(TYPED.read_back)
    await panel.getByLabel(words.physician).fill('陈国强')
    await this.look(this.li, 'read-back')
    await panel.getByRole('button', { name: words.read_back_do }).click()
    await panel.getByLabel(words.handling, { exact: true }).fill(TYPED.handling)
    await panel.getByRole('button', { name: words.handle_do }).click()
    await panel.getByRole('button', { name: words.close_it }).waitFor()
    await this.look(this.li, 'handled')
    await panel.getByRole('button', { name: words.close_it }).click()
    await panel.getByText(words.none_open).waitFor()
    await this.li.page.keyboard.press('Escape')
    await this.li.page.getByRole('alert').waitFor({ state: 'hidden' })
  }

  async counted(he) {
    const { words } = this
    const { page } = he
    const served = page.locator('[data-basis="served"]')
    await served.getByText(/1\/\d+/).waitFor()
    await this.look(he, 'cockpit')
    await page.locator('[data-figure="coverage_rate"]').first().click()
    const drawer = page.getByRole('dialog')
    await drawer.getByText(words.numerator, { exact: true }).waitFor()
    await drawer.getByText(words.denominator, { exact: true }).waitFor()
    await drawer.locator('[data-table="rows"]').getByText('水步镇卫生院').waitFor()
    await this.look(he, 'figure')
  }
}

for (const language of ['zh-CN', 'en']) {
  world.test(`the whole path in ${language}`, async ({ person }) => {
    const data = await dataWords()
    const [li, wang, zhao] = [await person('radiographer', { language }), await person('reporter', { language }), await person('reviewer', { language })]
    await li.context.addInitScript(countPrints)
    await li.page.reload()
    const path = new Path(language, { li, wang, zhao }, data)
    await path.look(li, 'township-empty')
    await path.register()
    await path.examine()
    await path.submitStudy()
    await path.readImages()
    await path.write()
    await path.askHistory()
    await path.submitReport('checks')
    await path.sendBack()
    await path.edit()
    await path.submitReport('checks-again')
    await path.sign()
    await path.paper()
    await path.criticalValue()
    await path.counted(await person('county', { language }))
    assert.deepEqual(path.faults, [])
  })
}
