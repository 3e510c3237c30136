/* Patients are looked for as people type: Chinese, pinyin, initials; among those of the day while they type, and on request among those of every day. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms', YQ_POLL_INTERVAL: '200 ms' })
const { installation } = world
const PATIENTS = { 李桂英: 'LI^GUIYING=李^桂英', 单雄信: 'SHAN^XIONGXIN=单^雄信', 吕布: 'LYU^BU=吕^布' }

const row = (page, name) => page.getByRole('row').filter({ has: page.locator('bdi.name').getByText(name, { exact: true }) })

async function shows(page, typed, wanted) {
  await page.getByRole('searchbox').fill(typed)
  await until(async () => {
    const names = await page.locator('.row bdi.name').allInnerTexts()
    return names.length === wanted.length && wanted.every((name) => names.includes(name))
  }, `"${typed}" does not show ${wanted.join(' ') || 'nobody'}`)
}

world.test('by pinyin and initials among those of the day, and of every day', async ({ person }) => {
  for (const [shown, dicom] of Object.entries(PATIENTS)) await installation.push('dr-chest', { name: dicom, patient_id: `S-${shown.length}`, size: 64 })
  const li = await person('radiographer', { via: 'api' })
  for (const name of Object.keys(PATIENTS)) await row(li.page, name).waitFor()
  for (const typed of ['lgy', 'li gui ying', 'LiGui', '桂英', 'lǐ guì yīng']) await shows(li.page, typed, ['李桂英'])
  await shows(li.page, 'sxx', ['单雄信'])
  await shows(li.page, 'danxiong', ['单雄信'])
  await shows(li.page, 'lv', ['吕布'])
  await shows(li.page, '%', [])
  await li.page.getByRole('searchbox').fill('lgy')
  await row(li.page, '李桂英').waitFor()
  await li.checkAccessible()
  await li.shot('search')

  /* Of a month ago: not among those of today. */
  await installation.sql("UPDATE study s SET first_arrival_at = first_arrival_at - interval '30 days', last_arrival_at = last_arrival_at - interval '30 days' FROM identity_claim c WHERE c.claim_id = s.claim_id AND c.name LIKE '%单^雄信'")
  await li.goto('/township')
  await row(li.page, '李桂英').waitFor()
  await shows(li.page, 'shanxx', [])
  await li.page.getByLabel('所有日期').check()
  await row(li.page, '单雄信').waitFor()
  await shows(li.page, 'sxx', ['单雄信'])
  await shows(li.page, 'nobody', [])
  await li.page.getByText('所有日期里都没有找到').waitFor()
  await shows(li.page, '李', ['李桂英'])
  /* Whether everything of today is here cannot be seen from what was found. */
  assert.equal(await li.page.getByText('图像已全部传完').count(), 0)
  await li.checkAccessible()
  await li.shot('every day')
  await li.page.getByLabel('所有日期').uncheck()
  await shows(li.page, '李', ['李桂英'])
})

world.test('in the queue and among the registrations', async ({ person }) => {
  const [wang, li] = [await person('reporter', { via: 'api' }), await person('radiographer', { via: 'api' })]
  await wang.goto('/reading')
  await row(wang.page, '李桂英').waitFor()
  await wang.page.getByRole('searchbox').fill('lgy')
  await until(async () => (await wang.page.locator('.row[data-id]').count()) === 1, 'the queue does not find initials')
  await row(wang.page, '李桂英').waitFor()
  await li.goto('/township?tab=requests')
  await li.page.getByRole('searchbox').fill('nobody')
  await li.checkAccessible()
})
