/* 我的工作站: a token is made, seen once, used by a program, and revoked. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld()
const { origin } = world.installation

const ask = async (token) => (await fetch(`${origin}/dicom-web/studies`, { headers: { Authorization: `Bearer ${token}` } })).status

async function openDialog(page, title) {
  await page.locator('.who').click()
  await page.getByRole('menuitem', { name: title }).click()
  await page.getByRole('dialog', { name: title }).waitFor()
}

world.test('a token is made, used and revoked', async ({ person }) => {
  const one = await person('radiographer')
  const { page } = one
  await openDialog(page, '我的工作站')
  await page.getByText('还没有工作站令牌').waitFor()
  await page.getByLabel('工作站', { exact: true }).fill('CT 工作站 2')
  await page.getByLabel('上传图像').check()
  await page.getByLabel('您的密码').fill('not the password')
  await one.expecting(/^status 403: POST \/api\/v1\/workstations$/, async () => {
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('密码不正确').waitFor()
  })
  await page.getByLabel('您的密码').fill(one.password)
  await page.getByRole('button', { name: '生成令牌' }).click()
  const fresh = page.locator('#fresh-token')
  await fresh.waitFor()
  const token = await fresh.inputValue()
  assert.equal(await ask(token), 204, 'there is no study yet')
  await one.checkAccessible('[role=dialog]')
  await one.shot('made')
  await page.keyboard.press('Escape')

  await openDialog(page, '我的工作站')
  const row = page.getByRole('row', { name: 'CT 工作站 2' })
  await row.getByText('127.0.0.1').waitFor()
  assert.equal(await fresh.count(), 0, 'a token is shown once')
  assert.ok(!(await page.content()).includes(token))
  await row.getByRole('button', { name: '停用' }).click()
  await one.shot('sure')
  await row.getByRole('button', { name: '停用' }).click()
  await row.getByText('已停用').first().waitFor()
  await until(async () => (await ask(token)) === 401, 'the token is still taken')
})

world.test('an operator sees those of others, in English', async ({ person }) => {
  const one = await person('operator', { language: 'en', via: 'api' })
  const { page } = one
  await one.goto('/operations')
  await openDialog(page, 'My workstations')
  await page.getByText('No workstation has a token yet.').waitFor()
  await page.getByLabel('Also those of others whom I am responsible for').check()
  await page.getByRole('row', { name: 'CT 工作站 2' }).getByText('revoked by').waitFor()
  await one.shot('all-en')
})
