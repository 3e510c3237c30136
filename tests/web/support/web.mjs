/*
 * Tests in a real browser (Debian's Chromium or its headless shell through playwright-core) against a real installation. A file of tests/web looks like this:
 *
 *     import assert from 'node:assert/strict'
 *     import { openWorld } from './support/web.mjs'
 *
 *     const world = await openWorld({ YQ_LEASE: '15 min' })      // one installation and one browser for the file; settings may be left out
 *
 *     world.test('a study pushed in the township appears', async ({ person }) => {
 *       const li = await person('radiographer', { language: 'zh-CN', viewport: [1366, 768] })      // logged in, a context of its own
 *       await world.installation.push('dr-chest', { name: 'ZHANG^SAN=张^三' })
 *       await li.page.getByText('张三').waitFor()
 *       await li.shot('township')                               // with PICTURES=yes: build/results/web/FILE-township.png
 *       await li.checkAccessible()                              // axe-core: nothing serious
 *       await li.paper()                                        // a PDF in a frame is there, whole; openWorld({}, { whole: true })
 *     })
 *
 * Accounts are those of the demonstration: radiographer, clinician, reporter, reviewer, leader, county, operator (world.installation.accounts).
 * person() logs in, the first time in a file through the login page; visitor() opens a context in which nobody is logged in. Options of both:
 *     language  'zh-CN' (default) or 'en'          viewport  [width, height], default [1366, 768]
 *     slow      true: 200 kbit/s and 300 ms        scale     device pixels a pixel (2: 4K as hospitals use it)
 *     dark, large, masked                          preferences of the page
 *     via       'page': person() logs in by clicking; 'api': without; default: by clicking whoever does so for the first time in the file
 *
 * What fails a test by itself, at its end, for everybody who was opened in it: an error on the console, an exception of the page, a request
 * that failed or was answered with 400 and more, a violation of the Content-Security-Policy, a request to any host but ours. What is meant to
 * happen is announced: `await li.expecting(/409: POST .*\/take/, async () => { ... })` (it must happen then) or `li.allow(/.../)` (it may).
 * The problems are lines such as "status 409: POST /api/v1/tasks/.../take", "console: ...", "page: ...", "policy: ...", "failed: ...", "foreign: ...".
 *
 * Wait for what is seen (locator.waitFor, expect-like polling with until()), never for time. Nothing here sleeps.
 * Run: tests/run web, or one file: node tests/web/test_login.mjs (builds nothing: make test-programs first).
 */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startInstallation } from './installation.mjs'

const TREE = fileURLToPath(new URL('../../../', import.meta.url))
const require = createRequire(path.join(TREE, 'gateway/web/package.json'))
const { chromium } = require('playwright-core')

const FILE = path.basename(process.argv[1] ?? 'web', '.mjs').replace(/^test_/, '')
const SHOTS = path.join(path.resolve(TREE, process.env.YQ_BUILD ?? 'build'), 'results', 'web')
const ARE_PICTURES_WANTED = process.env.PICTURES === 'yes'
/* The same engine twice: the shell has no windows and no PDF viewer, and needs half as much processor. */
const BROWSER = '/usr/bin/chromium'
const SHELL = '/usr/bin/chromium-headless-shell'
const PATIENCE_MS = 60_000
const SLOW = { offline: false, latency: 300, downloadThroughput: 200_000 / 8, uploadThroughput: 200_000 / 8 }
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1']
const PDF_VIEWER = /^chrome-extension:\/\/mhjfbmdgcfjbbpaeojofohoefgiehjai\//
/* Who is nobody asks once who he is. */
const ALWAYS_ALLOWED = [/^status 401: GET \/api\/v1\/me$/]

class Person {
  #origin
  #problems = []
  #allowed = [...ALWAYS_ALLOWED]

  constructor(origin, context, page, options, account) {
    Object.assign(this, { context, page, account: account?.account ?? '', password: account?.password ?? '', name: account?.name ?? '' })
    this.language = options.language ?? 'zh-CN'
    this.#origin = origin
    context.on('page', (other) => this.#watch(other))
    this.#watch(page)
    context.on('request', (request) => this.#look(request))
    context.on('response', (answer) => this.#hear(answer))
    context.on('requestfailed', (request) => this.#miss(request))
  }

  get problems() { return this.#problems.filter((line) => !this.#allowed.some((pattern) => pattern.test(line))) }
  note(line) { this.#problems.push(line) }
  allow(pattern) { this.#allowed.push(pattern) }

  /* Does what is given; a problem that fits must come of it, and is none then. Its result is that of `doing`. */
  async expecting(pattern, doing) {
    const before = this.#problems.length
    const result = await doing()
    await until(() => this.#problems.slice(before).some((line) => pattern.test(line)), `nothing like ${pattern} happened`)
    this.allow(pattern)
    return result
  }

  async goto(address) { await this.page.goto(this.#origin + address) }

  /* To be looked at by somebody: nothing reads it, and each takes half a second of processor. */
  async shot(name, options = {}) {
    if (ARE_PICTURES_WANTED) await this.picture(name, options)
  }

  async picture(name, options = {}) {
    mkdirSync(SHOTS, { recursive: true })
    await this.page.screenshot({ path: path.join(SHOTS, `${FILE}-${name}.png`), ...options })
  }

  async logIn(account) {
    await this.page.locator('#account').fill(account.account)
    await this.page.locator('#password').fill(account.password)
    await this.page.locator('form button[type=submit]').click()
    /* The door has a content, too, and the page behind it may be loaded anew. */
    await this.page.locator('#account').waitFor({ state: 'detached' })
    await this.page.locator('#content > *').first().waitFor()
  }

  /* Violations that axe-core calls serious or critical; `within`: a selector, default the page. */
  async accessibilityFaults(within) {
    /* A colour on its way from one to another is neither, and one may set out at any time: while it is looked, colours change at once. */
    await this.page.evaluate(() => {
      const still = new CSSStyleSheet()
      still.replaceSync('*, ::before, ::after { transition: none !important }')
      globalThis.document.adoptedStyleSheets.push(still)
      return Promise.allSettled(globalThis.document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished))
    })
    await this.page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'))
    const found = await this.page.evaluate((selector) => globalThis.axe.run(selector ?? globalThis.document, { resultTypes: ['violations'] }), within)
    await this.page.evaluate(() => globalThis.document.adoptedStyleSheets.pop())
    return found.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .map((one) => `${one.impact} ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 5).join(' ')}`)
  }

  async checkAccessible(within) { assert.deepEqual(await this.accessibilityFaults(within), []) }

  /* Waits until a frame of the page shows a whole PDF in the browser's own viewer; its title. */
  async paper() {
    let viewer
    await until(() => (viewer = this.page.frames().find((frame) => PDF_VIEWER.test(frame.url()))), 'no frame shows a PDF')
    await until(() => viewer.evaluate(() => globalThis.document.querySelector('pdf-viewer')?.loadProgress_ === 100), 'the PDF does not load')
    return viewer.title()
  }

  #watch(page) {
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.note(`page: ${error.stack ?? error}`))
    page.on('crash', () => this.note('page: the page crashed'))
    page.on('console', (message) => {
      /* Those of failed loads come again, with method, by #hear and #miss. */
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.note(`console: ${message.text()}`)
    })
  }

  #target(url) { return url.startsWith(`${this.#origin}/`) ? url.slice(this.#origin.length) : url }

  #look(request) {
    const url = request.url()
    if (!url.startsWith(`${this.#origin}/`) && !/^(data|blob|about|chrome-extension|chrome):/.test(url)) this.note(`foreign: ${request.method()} ${url}`)
  }

  #hear(answer) {
    if (answer.status() >= 400) this.note(`status ${answer.status()}: ${answer.request().method()} ${this.#target(answer.url())}`)
  }

  /* What a page gives up by going away is no failure. */
  #miss(request) {
    const reason = request.failure()?.errorText ?? ''
    if (reason !== 'net::ERR_ABORTED') this.note(`failed: ${request.method()} ${this.#target(request.url())}: ${reason}`)
  }
}

/* Asks again until the answer is true; for what no locator can wait for. */
export async function until(isTrue, otherwise, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs
  while (!(await isTrue())) {
    assert.ok(Date.now() < end, otherwise)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function preferencesOf(options) {
  return { language: options.language ?? 'zh-CN', isDark: options.dark === true, isLarge: options.large === true, isMasked: options.masked === true }
}

/* Once a context, so that a preference changed by clicking stays changed. Only in the page: frames may have no storage. */
function setPreferences(preferences) {
  if (globalThis.self !== globalThis.top || !globalThis.location.protocol.startsWith('http')) return
  if (globalThis.localStorage.getItem('yq.preferences') === null) globalThis.localStorage.setItem('yq.preferences', JSON.stringify(preferences))
}

function tellViolations() {
  globalThis.addEventListener('securitypolicyviolation', (event) => {
    globalThis.yqViolation(`${event.effectiveDirective} ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber} ${event.sample}`)
  }, true)
}

class World {
  #known = new Set()

  constructor(installation, browser) { Object.assign(this, { installation, browser }) }

  async #open(opened, options, account) {
    const [width, height] = options.viewport ?? [1366, 768]
    const context = await this.browser.newContext({
      viewport: { width, height }, deviceScaleFactor: options.scale ?? 1, locale: options.language ?? 'zh-CN', timezoneId: 'Asia/Shanghai', acceptDownloads: true, reducedMotion: 'reduce',
    })
    let person = null
    await context.exposeBinding('yqViolation', (_, line) => person?.note(`policy: ${line}`))
    await context.addInitScript(tellViolations)
    await context.addInitScript(setPreferences, preferencesOf(options))
    const page = await context.newPage()
    person = new Person(this.installation.origin, context, page, options, account)
    opened.push(person)
    if (options.slow) await (await context.newCDPSession(page)).send('Network.emulateNetworkConditions', SLOW)
    return person
  }

  async #person(opened, name, options) {
    const account = this.installation.accounts[name]
    assert.ok(account, `there is no account ${name}`)
    const person = await this.#open(opened, options, account)
    if (options.via === 'api' || (options.via === undefined && this.#known.has(name))) {
      const answer = await person.context.request.post(`${this.installation.origin}/api/v1/login`, { data: { account: name, password: account.password } })
      assert.equal(answer.status(), 200)
      await person.goto('/')
      await person.page.locator('#content > *').first().waitFor()
    } else {
      await person.goto('/login')
      await person.logIn(account)
      this.#known.add(name)
    }
    return person
  }

  /* Fails also for what went wrong beside what the test looks at; leaves a picture of every page then. */
  test(name, run, options = {}) {
    test(name, { timeout: 480_000, ...options }, async (t) => {
      const opened = []
      try {
        await run({
          t,
          person: (account, more = {}) => this.#person(opened, account, more),
          visitor: (more = {}) => this.#open(opened, more),
        })
        assert.deepEqual(opened.flatMap((person) => person.problems.map((line) => `${person.account || 'visitor'}: ${line}`)), [])
      } catch (error) {
        await this.#picture(opened, name, error)
        throw error
      } finally {
        for (const person of opened) await person.context.close()
      }
    })
  }

  async #picture(opened, name, error) {
    const place = name.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)
    for (const [index, person] of opened.entries()) {
      await person.picture(`FAILED-${place}-${index}`).catch(() => undefined)
      error.message += `\n  ${person.account || 'visitor'} was at ${person.page.url()}; problems: ${JSON.stringify(person.problems, null, 1)}`
    }
  }

  async close() {
    await this.browser.close()
    await this.installation.close()
  }
}

/* flags: more for Chromium, such as for a machine that can do less. whole: Chromium itself, which shows PDFs, instead of its shell. */
export async function openWorld(settings = {}, { flags = [], whole = false } = {}) {
  const [installation, browser] = await Promise.all([
    startInstallation(settings),
    chromium.launch({ executablePath: whole ? BROWSER : SHELL, headless: true, args: [...FLAGS, ...flags] }),
  ])
  const world = new World(installation, browser)
  after(() => world.close())
  return world
}
