/* 图像冲突 and 异常数据 as an operator works with them: seen side by side, decided and undone, corrected, brought in one by one and many at once. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '1 h', YQ_POLL_INTERVAL: '200 ms' })
const { installation } = world

const WORDS = {
  'zh-CN': { conflicts: '图像冲突', title: '图像冲突', stored: '原图（正在使用）', other: '新图（后到或替换下来的）', replace: '改用新图', undo: '撤销决定', replaced: '改用新图', open: '待处理', back: '返回列表' },
  en: { conflicts: 'Image conflicts', title: 'Image conflict', stored: 'First one (in use)', other: 'Other one (came later, or was replaced)', replace: 'Use the other one', undo: 'Undo the decision', replaced: 'Other one used', open: 'Open', back: 'Back to the list' },
}

/* Both pictures are there, and which they are. */
async function pictures(dialog) {
  const images = dialog.locator('.picture img')
  await until(async () => (await images.evaluateAll((all) => all.length === 2 && all.every((one) => one.complete && one.naturalWidth > 0))), 'both pictures')
  return images.evaluateAll((all) => all.map((one) => one.src))
}

for (const [language, words] of Object.entries(WORDS)) {
  world.test(`a conflict is seen side by side, decided and undone, in ${language}`, async ({ person }) => {
    const uid = await installation.doubt('conflict')
    const one = await person('operator', { language, via: 'api' })
    await one.goto('/operations?tab=doubts')
    const row = one.page.getByRole('grid', { name: words.conflicts }).locator('[data-id]').filter({ hasText: uid })
    await row.locator('.chip', { hasText: words.open }).waitFor()
    await one.checkAccessible()
    await row.click()
    const dialog = one.page.getByRole('dialog', { name: words.title, exact: true })
    await dialog.getByRole('region', { name: words.stored }).waitFor()
    const before = await pictures(dialog)
    assert.notEqual(before[0], before[1])
    const difference = dialog.locator('tr', { hasText: 'BodyPartExamined' })
    assert.match(await difference.innerText(), /CHEST[^]*ABDOMEN/)
    await one.checkAccessible('.el-dialog')
    await one.shot(`conflict-${language}`)
    if (language === 'en') {
      const chrome = await dialog.evaluate((element) => {
        const copy = element.cloneNode(true)
        for (const data of copy.querySelectorAll('bdi')) data.remove()
        return copy.innerText
      })
      assert.doesNotMatch(chrome, /\p{Script=Han}/u)
    }
    await dialog.getByRole('button', { name: words.replace }).click()
    const ask = one.page.getByRole('dialog', { name: words.replace })
    assert.ok(await ask.getByRole('button', { name: words.replace }).isDisabled(), 'without a reason')
    await ask.getByRole('textbox').fill('<img src=x onerror=alert(1)> 部位以新图为准')
    await ask.getByRole('button', { name: words.replace }).click()
    await dialog.locator('.chip', { hasText: words.replaced }).waitFor()
    await until(async () => (await pictures(dialog))[0] !== before[0], 'the picture in use is the other one')
    assert.match(await dialog.locator('tr', { hasText: 'BodyPartExamined' }).innerText(), /ABDOMEN[^]*CHEST/)
    await dialog.locator('.history').getByText('<img src=x onerror=alert(1)> 部位以新图为准').waitFor()
    await dialog.getByRole('button', { name: words.undo }).click()
    const undo = one.page.getByRole('dialog', { name: words.undo })
    await undo.getByRole('textbox').fill('看错了')
    await undo.getByRole('button', { name: words.undo }).click()
    await dialog.locator('.chip', { hasText: words.open }).waitFor()
    await dialog.getByRole('button', { name: words.back }).click()
    await dialog.waitFor({ state: 'detached' })
  })
}

world.test('an object without a study UID is corrected and brought in', async ({ person }) => {
  const uid = await installation.doubt('apart')
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=doubts&list=quarantine')
  const row = one.page.getByRole('grid', { name: '异常数据' }).locator('[data-id]').first()
  await row.getByText('检查或序列标识（UID）缺失或不合规范').waitFor()
  await one.shot('quarantine')
  await row.click()
  const dialog = one.page.getByRole('dialog', { name: '异常数据' })
  await dialog.getByText('张^三').first().waitFor()
  await until(async () => dialog.locator('.picture img').evaluate((image) => image.naturalWidth > 0), 'its picture')
  await one.checkAccessible('.el-dialog')
  await dialog.getByRole('button', { name: '重新入库' }).click()
  await dialog.getByRole('alert').getByText('检查或序列标识（UID）缺失或不合规范，请先更正。').waitFor()
  await dialog.getByRole('button', { name: '生成 检查 UID' }).click()
  await dialog.getByLabel('患者姓名').fill('WANG^WU=王^五')
  await dialog.getByLabel('原因').fill('设备未写检查标识，按申请单更正')
  await one.shot('quarantine-correct')
  await dialog.getByRole('button', { name: '保存更正' }).click()
  await dialog.locator('.history').getByText('设备未写检查标识，按申请单更正').waitFor()
  await dialog.getByRole('button', { name: '重新入库' }).click()
  await dialog.locator('.chip', { hasText: '已入库' }).waitFor()
  const rows = await installation.sql(`SELECT k.name FROM instance i JOIN series USING (series_id) JOIN study USING (study_id) JOIN identity_claim k USING (claim_id) WHERE i.sop_instance_uid = '${uid}'`)
  assert.deepEqual(rows, [['WANG^WU=王^五']])
})

world.test('many are brought in at once, each with its outcome, and one is closed', async ({ person }) => {
  for (let count = 0; count < 3; count++) await installation.doubt('apart')
  const ids = (await installation.sql("SELECT public_id FROM quarantine WHERE state = 'open' ORDER BY quarantine_id")).map((row) => row[0])
  assert.equal(ids.length, 3)
  for (const id of ids.slice(1)) await installation.yqctl('quarantine', 'correct', id, '--new-uids', '--reason', 'none was sent')
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=doubts&list=quarantine')
  const listed = one.page.getByRole('grid', { name: '异常数据' })
  await until(async () => (await listed.locator('[data-id]').count()) === 3, 'three are open')
  for (const id of ids) await listed.locator(`[data-id="${id}"]`).getByRole('checkbox').check()
  await one.page.getByRole('button', { name: '重新入库所选（3）' }).click()
  await one.page.getByRole('status').getByText('完成：2 项已入库，1 项未能入库').waitFor()
  await until(async () => (await listed.locator('[data-id]').count()) === 1, 'what came in left the list')
  const left = listed.locator(`[data-id="${ids[0]}"]`)
  await left.getByText('检查或序列标识（UID）缺失或不合规范，请先更正。').waitFor()
  await one.shot('quarantine-many')
  await left.click()
  const dialog = one.page.getByRole('dialog', { name: '异常数据' })
  await dialog.getByRole('button', { name: '关闭不再处理' }).click()
  const ask = one.page.getByRole('dialog', { name: '关闭不再处理' })
  await ask.getByRole('textbox').fill('厂家测试图像')
  await ask.getByRole('button', { name: '关闭不再处理' }).click()
  await dialog.locator('.chip', { hasText: '已关闭' }).waitFor()
  await dialog.getByRole('button', { name: '返回列表' }).click()
  await one.page.getByText('没有待处理的。').waitFor()
  await one.page.getByLabel('显示').selectOption('no')
  await listed.locator(`[data-id="${ids[0]}"]`).locator('.chip', { hasText: '已关闭' }).waitFor()
})
