/* The door: what somebody sees who is nobody yet. */
import assert from 'node:assert/strict'
import { openWorld } from './support/web.mjs'

const world = await openWorld()
const { origin } = world.installation

const WORDS = {
  'zh-CN': { title: '影桥', account: '帐号', password: '密码', go: '登录', wrong: '帐号或密码不正确' },
  en: { title: 'Yingqiao', account: 'Account', password: 'Password', go: 'Log in', wrong: 'Account or password is wrong' },
}

for (const [language, words] of Object.entries(WORDS)) {
  world.test(`the login page in ${language}`, async ({ visitor }) => {
    const somebody = await visitor({ language })
    await somebody.goto('/')
    await somebody.page.getByRole('heading', { name: words.title }).waitFor()
    assert.equal(new URL(somebody.page.url()).pathname, '/login')
    assert.equal(await somebody.page.locator('html').getAttribute('lang'), language)
    await somebody.page.getByLabel(words.account).waitFor()
    await somebody.page.getByRole('button', { name: words.go }).waitFor()
    if (language === 'en') assert.doesNotMatch((await somebody.page.locator('form').innerText()).replace('中文', ''), /\p{Script=Han}/u)
    await somebody.checkAccessible()
    await somebody.shot(`empty-${language}`)
  })

  world.test(`a wrong password says so in ${language} and keeps the account`, async ({ visitor }) => {
    const somebody = await visitor({ language })
    await somebody.goto('/login')
    await somebody.page.getByLabel(words.account).fill('reporter')
    await somebody.page.getByLabel(words.password, { exact: true }).fill('not the password')
    await somebody.expecting(/^status 401: POST \/api\/v1\/login$/, async () => {
      await somebody.page.keyboard.press('Enter')
      await somebody.page.getByRole('alert').getByText(words.wrong).waitFor()
    })
    assert.equal(await somebody.page.getByLabel(words.account).inputValue(), 'reporter')
    assert.equal(await somebody.page.getByLabel(words.password, { exact: true }).inputValue(), '')
    await somebody.shot(`wrong-${language}`)
  })
}

world.test('everybody gets in, to the page of the own work', async ({ person }) => {
  const pages = { radiographer: '/township', reporter: '/reading', leader: '/reading', county: '/cockpit', operator: '/cockpit' }
  for (const [account, path] of Object.entries(pages)) {
    const one = await person(account)
    assert.equal(new URL(one.page.url()).pathname, path, account)
    await one.page.getByText(one.name).waitFor()
    await one.page.reload()
    await one.page.getByText(one.name).waitFor()
    assert.equal(new URL(one.page.url()).pathname, path, `${account} after a reload`)
  }
})

world.test('one leaves and another comes, in the same page', async ({ person }) => {
  const one = await person('radiographer')
  const { page } = one
  await page.getByRole('button', { name: '登记' }).first().click()
  await page.getByRole('dialog').getByLabel('姓名').first().fill('不给别人看')
  await page.keyboard.press('Escape')
  for (const [account, path] of [['leader', '/reading'], ['radiographer', '/township']]) {
    await page.locator('.who').click()
    await page.getByRole('menuitem', { name: '退出' }).click()
    await page.getByLabel('帐号').waitFor()
    assert.equal(await page.locator('.frame').count(), 0, 'the page of who left')
    await one.logIn(world.installation.accounts[account])
    await page.getByText(world.installation.accounts[account].name).waitFor()
    assert.equal(new URL(page.url()).pathname, path)
    assert.equal(await page.getByRole('dialog').count(), 0, 'nobody is asked to log in again')
  }
  await page.getByRole('button', { name: '登记' }).first().click()
  assert.equal(await page.getByRole('dialog').getByLabel('姓名').first().inputValue(), '')
})

world.test('the page comes with its policy, and what the policy refuses is noticed', async ({ visitor }) => {
  const somebody = await visitor()
  const answer = await somebody.page.goto(`${origin}/login`)
  const headers = answer.headers()
  assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'; /)
  assert.equal(headers['x-frame-options'], 'DENY')
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  await somebody.page.getByRole('heading').waitFor()
  assert.deepEqual(somebody.problems, [])
  await somebody.expecting(/^policy: script-src-elem inline/, () => somebody.page.evaluate(() => {
    const script = globalThis.document.createElement('script')
    script.textContent = 'globalThis.wasRun = true'
    globalThis.document.body.append(script)
  }))
  assert.equal(await somebody.page.evaluate(() => globalThis.wasRun), undefined)
  somebody.allow(/^console: .*Content Security Policy/)
  assert.deepEqual(somebody.problems, [])
})

world.test('a request to another host is noticed and goes nowhere', async ({ visitor }) => {
  const somebody = await visitor()
  await somebody.expecting(/^foreign: GET http:\/\/example\.test\/$/, () => somebody.expecting(/^failed: GET http:\/\/example\.test\/: net::ERR_NAME_NOT_RESOLVED$/,
    () => assert.rejects(somebody.page.goto('http://example.test/'))))
})
