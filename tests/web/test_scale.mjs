/*
 * The pages of a county at full size: a day of 5,000 examinations, a queue of 30,000, a slow link, and many people at once. What is asserted is what
 * people see and how much is asked for, never how long it takes; that is measured into build/results/web/scale.json (docs/measured/pages.md).
 */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'
import { drag, fill, memory, note, requestsOf, rowCount, scrollThrough, seen, watchRow } from './support/scale.mjs'

const STUDIES = 5_000
const AWAITING = 30_000
const DAY = '2026-11-18'
const ROWS_MAX = 70 /* of a table in the document, at 1366 x 768 */
const ROW_PX = 44
const LONG_MS = 60_000 /* of patience, where a slow link or the gentleness of a page lies between */

/* A month of 35,000 studies is ten times a county's: the cockpit's figures take their time on two busy cores. */
const world = await openWorld({ YQ_QUIET_DEFAULT: '300 ms', YQ_LEDGER_TIMEOUT: '60 s' })
const { installation } = world
await fill(installation, { studies: STUDIES, tasks: AWAITING - (STUDIES * 3) / 10, day: DAY })

async function get(one, path) {
  const answer = await one.context.request.get(installation.origin + path)
  assert.equal(answer.status(), 200, path)
  return answer.json()
}

async function idsOfDay(one) {
  const ids = []
  for (let next = ''; next !== null;) {
    const page = await get(one, `/api/v1/studies?day=${DAY}&limit=500${next && `&after=${next}`}`)
    ids.push(...page.studies.map((row) => row.id))
    next = page.next
  }
  return ids
}

const queueAt = async (one, offset, more = '') => (await get(one, `/api/v1/queue?state=awaiting&offset=${offset}&limit=100${more}`)).tasks.map((task) => task.id)

/* Waits until what is seen is what the gateway says stands there. */
async function shows(page, idAt, isThere = () => true) {
  let rows
  await until(async () => {
    rows = await seen(page)
    return rows.length > 5 && isThere(rows) && rows.every((row) => row.id === idAt(row.index))
  }, 'the rows in view are not those that the gateway has there')
  return rows
}

const isMiddle = (total) => (rows) => Math.abs(rows[0].index - total / 2) < 30

const chip = (page, word) => page.locator('.chips button', { hasText: word }).locator('b')
const wholeDay = (page, n = STUDIES) => chip(page, '全部').getByText(String(n), { exact: true }).waitFor({ timeout: LONG_MS })
const focused = (page) => page.evaluate(() => Number(globalThis.document.activeElement?.dataset.index ?? -1))

async function keys(one, last) {
  const { page } = one
  await drag(page, 0)
  await page.locator('[data-index="0"]').focus()
  await page.keyboard.press('PageDown')
  await until(async () => (await focused(page)) > 5, 'PageDown goes a page down')
  await page.keyboard.press('End')
  await until(async () => (await focused(page)) === last && (await seen(page)).at(-1)?.index === last, 'End goes to the last row')
  await page.keyboard.press('ArrowUp')
  await until(async () => (await focused(page)) === last - 1, 'ArrowUp goes a row up')
  await page.keyboard.press('Home')
  await until(async () => (await focused(page)) === 0 && (await seen(page))[0]?.index === 0, 'Home goes to the first row')
}

/* New examinations of the day behind all others, as they come in: row and event. The ids. */
async function arrive(count) {
  const rows = await installation.sql(`SET session_replication_role = replica; SET TimeZone = 'Asia/Shanghai';
    WITH c AS (
        INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
        SELECT site_id, patient_id, 'image', 'N' || gen_random_uuid(), 'NEW^ONE=新^来', sha256(convert_to(gen_random_uuid()::text, 'UTF8'))
        FROM (SELECT c.site_id, c.patient_id FROM identity_claim c WHERE c.typed_id = 'S0000001') x, generate_series(1, ${count})
        RETURNING claim_id, site_id
    ) INSERT INTO study (site_id, study_instance_uid, claim_id, state, modality, description, instance_count, first_arrival_at, last_arrival_at)
      SELECT site_id, '2.25.9' || lpad(claim_id::text, 12, '0'), claim_id, 'receiving', 'DX', 'new', 1, '${DAY} 23:30'::timestamptz + claim_id * interval '1 ms', '${DAY} 23:31'
      FROM c RETURNING public_id;`)
  const ids = rows.map(([id]) => id)
  await tell('study.first_image', ids)
  return ids
}

const tell = (kind, ids) => installation.sql(`INSERT INTO event (kind, subject_id, site_id) SELECT '${kind}', st.public_id, st.site_id FROM study st
  WHERE st.public_id = ANY ('{${ids.join(',')}}')`)

world.test('a day of 5,000 examinations', async ({ t, person }) => {
  const li = await person('radiographer', { via: 'api' })
  const ids = await idsOfDay(li)
  assert.equal(ids.length, STUDIES)
  const before = Date.now()
  await li.goto(`/township?day=${DAY}`)
  await li.page.locator('[data-index="0"]').waitFor()
  const first = Date.now() - before
  await wholeDay(li.page)
  note(t, 'township_5000', { first_rows_ms: first, whole_day_ms: Date.now() - before, ...(await memory(li)) })

  /* Counts of the chips, as the rows were made. */
  for (const [word, n] of [['上传中', 500], ['待诊断', 1500], ['书写中', 500], ['待审核', 500], ['已发布', 2000], ['危急值', 0], ['待匹配', 1666]])
    assert.equal(await chip(li.page, word).innerText(), String(n), word)
  const slow = await scrollThrough(li.page, { pixels: ROW_PX, steps: 150 })
  const fast = await scrollThrough(li.page, { pixels: (ROW_PX * STUDIES) / 200, steps: 200 })
  note(t, 'township_scroll', { row_a_frame: slow, whole_day_in_200_frames: fast })
  assert.ok(slow.most <= ROWS_MAX && fast.most <= ROWS_MAX, `${slow.most} and ${fast.most} rows were in the document`)

  await drag(li.page, 1)
  await shows(li.page, (index) => ids[index], (rows) => rows.at(-1).index === STUDIES - 1)
  await drag(li.page, 0.5)
  const middle = await shows(li.page, (index) => ids[index], isMiddle(STUDIES))

  /* New ones above: what is looked at stays. */
  const moved = await watchRow(li.page, middle[2].id)
  ids.unshift(...(await arrive(50)).reverse())
  await wholeDay(li.page, STUDIES + 50)
  assert.equal(await moved(), 0, 'the row under the eye moved')
  const after = await shows(li.page, (index) => ids[index])
  assert.equal(after.find((row) => row.id === middle[2].id)?.top, middle[2].top)
  await li.shot('township-middle')

  await keys(li, STUDIES + 49)

  await chip(li.page, '书写中').click()
  await until(async () => (await rowCount(li.page)) === 500, 'the filter leaves 500')
  await drag(li.page, 1)
  await until(async () => (await seen(li.page)).at(-1)?.index === 499, 'the last of the filtered')
  await chip(li.page, '全部').click()
  await li.page.locator('input[type=search]').fill('S0002500')
  await until(async () => (await rowCount(li.page)) === 1, 'one is found')
  await li.page.locator('input[type=search]').fill('')
  await until(async () => (await rowCount(li.page)) === STUDIES + 50, 'all again')
  note(t, 'township_after', await memory(li))
})

world.test('a queue of 30,000 tasks', async ({ t, person }) => {
  const zhou = await person('leader', { via: 'api' })
  const asked = requestsOf(zhou)
  const { page } = zhou
  const before = Date.now()
  await zhou.goto('/reading')
  await page.locator('[data-index="0"]').waitFor()
  note(t, 'queue_30000', { first_rows_ms: Date.now() - before, ...(await memory(zhou)) })
  assert.equal(await rowCount(page), AWAITING)
  assert.match(await page.locator('.tabs button').first().innerText(), /30000/)

  const slow = await scrollThrough(page, { pixels: ROW_PX, steps: 150 })
  const from = asked.length
  const fast = await scrollThrough(page, { pixels: (ROW_PX * AWAITING) / 200, steps: 200 })
  note(t, 'queue_scroll', { row_a_frame: slow, whole_queue_in_200_frames: fast })
  assert.ok(slow.most <= ROWS_MAX && fast.most <= ROWS_MAX, `${slow.most} and ${fast.most} rows were in the document`)
  await drag(page, 1)
  const tail = await queueAt(zhou, AWAITING - 100)
  await shows(page, (index) => tail[index - (AWAITING - 100)], (rows) => rows.at(-1).index === AWAITING - 1)
  const flown = asked.slice(from).filter((one) => one.path === '/api/v1/queue').length
  note(t, 'queue_requests_while_flying', flown)
  assert.ok(flown <= 60, `${flown} requests while flying over the queue`)

  await drag(page, 0.5)
  const offset = AWAITING / 2 - 100
  const around = [...(await queueAt(zhou, offset)), ...(await queueAt(zhou, offset + 100))]
  const middle = await shows(page, (index) => around[index - offset], isMiddle(AWAITING))

  /* Emergencies come in at the top of the queue: the row in the middle stays, its number grows. */
  const moved = await watchRow(page, middle[2].id)
  const made = await installation.sql(`UPDATE reading_task SET patient_class = 'emergency', priority = 9 WHERE task_id IN (
      SELECT task_id FROM reading_task WHERE state = 'awaiting' AND patient_class = 'health_check' ORDER BY due_at DESC LIMIT 20) RETURNING public_id`)
  assert.equal(made.length, 20)
  await installation.sql(`INSERT INTO event (kind, subject_id, site_id) SELECT 'task.open', public_id, site_id FROM reading_task WHERE public_id = ANY ('{${made.flat().join(',')}}')`)
  await until(async () => (await seen(page)).find((row) => row.id === middle[2].id)?.index === middle[2].index + 20, 'the row did not get its new number', LONG_MS)
  assert.equal(await moved(), 0, 'the row under the eye moved')
  assert.equal((await seen(page)).find((row) => row.id === middle[2].id)?.top, middle[2].top)
  const later = [...(await queueAt(zhou, offset)), ...(await queueAt(zhou, offset + 100))]
  await shows(page, (index) => later[index - offset])
  await zhou.shot('queue-middle')

  await keys(zhou, AWAITING - 1)
  for (let share = 0; share <= 1; share += 0.05) {
    await drag(page, share)
    await until(async () => (await seen(page)).length > 5, 'rows come where the eye rests')
  }
  note(t, 'queue_after', await memory(zhou))

  await page.locator('select').filter({ hasText: 'CT' }).selectOption('CT')
  const ct = await get(zhou, '/api/v1/queue?state=awaiting&modality=CT&limit=100')
  await until(async () => (await rowCount(page)) === ct.total, 'as many CT as the gateway counts')
  await shows(page, (index) => ct.tasks[index]?.id)
  await page.locator('input[type=search]').fill('S0012346')
  await until(async () => (await rowCount(page)) === 1, 'one is found')
})

world.test('a slow link: the door, the pages, and what they need', async ({ t, visitor }) => {
  const charts = /charts|echarts/
  const PARTS = { // account, what is seen when it is there, what has no business there, bytes at most
    township: ['radiographer', '.holder .head', [charts, /barcode|ImagePane|Cockpit|Workspace|Operations/], 90_000],
    reading: ['reporter', '[data-index="0"]', [charts, /barcode|ImagePane|Cockpit|Workspace|Operations/], 100_000],
    operations: ['operator', '#pane td .tag', [charts, /barcode|ImagePane|Workspace|Township|Cockpit/], 100_000],
  }
  for (const [name, [account, there, unwanted, most]] of Object.entries(PARTS)) {
    const one = await visitor({ slow: true })
    const asked = requestsOf(one)
    const before = Date.now()
    await one.goto(`/login?next=/${name}`)
    await one.page.locator('#account').waitFor({ timeout: LONG_MS })
    const usable = Date.now() - before
    const atDoor = sum(asked)
    const asWasAtDoor = asked.length
    await one.logIn(installation.accounts[account])
    const entered = Date.now()
    await one.page.locator(there).first().waitFor({ timeout: LONG_MS })
    const shown = Date.now() - entered
    const since = asked.slice(asWasAtDoor)
    const files = sum(since.filter((entry) => !entry.path.startsWith('/api/')))
    note(t, `slow_${name}`, { login_usable_ms: usable, page_usable_ms: shown, login_bytes: atDoor, page_files_bytes: files, page_answers_bytes: sum(since) - files, page_files: since.filter((entry) => !entry.path.startsWith('/api/')).length })
    const paths = asked.map((entry) => entry.path)
    assert.deepEqual(paths.filter((path) => [...unwanted, /\.(woff2?|ttf|otf)$/].some((pattern) => pattern.test(path))), [])
    assert.ok(atDoor > 0 && atDoor < 200_000, `${atDoor} bytes before one can log in`)
    assert.ok(files > 0 && files < most, `${files} bytes of files for ${name}`)
    await one.page.context().close()
  }
})

const sum = (entries) => entries.reduce((total, entry) => total + entry.bytes, 0)

world.test('a slow link: first rows before the whole day', async ({ t, person }) => {
  const li = await person('radiographer', { via: 'api', slow: true })
  const asked = requestsOf(li)
  await li.goto(`/township?day=${DAY}`)
  await li.page.locator('[data-index="0"]').waitFor({ timeout: LONG_MS })
  const soon = await rowCount(li.page)
  note(t, 'slow_day', { rows_at_first: soon, bytes_of_first_page: asked.find((entry) => entry.path === '/api/v1/studies')?.bytes ?? null })
  assert.ok(soon < 1_000, `${soon} rows were fetched before the first one was shown`)
  await li.page.locator('[data-index="1"]').click()
  await until(() => li.page.url().includes('study='), 'a row is opened while others come')
})

world.test('a slow link: typing is never held up, pictures come small first', async ({ t, person }) => {
  const study = await installation.push('dr-chest', { name: 'SLOW^LINK=慢^线', submit: false })
  let id
  await until(async () => ((id = (await installation.sql(`SELECT t.public_id FROM reading_task t JOIN study USING (study_id) WHERE study_instance_uid = '${study.study_instance_uid}'`))[0]?.[0]) !== undefined), 'the study does not become a task')
  const wang = await person('reporter', { via: 'api', slow: true })
  const asked = requestsOf(wang)
  await wang.goto(`/reading/${id}`)
  await wang.page.locator('.acts').waitFor({ timeout: LONG_MS })
  await wang.page.getByRole('button', { name: /^领取|^Take/ }).waitFor({ timeout: LONG_MS })
  await wang.page.keyboard.press('t')
  const text = '双肺纹理增多，右下肺见片状模糊影，边缘不清。'
  const field = wang.page.locator('#field-findings')
  await field.waitFor({ timeout: LONG_MS })
  await field.pressSequentially(text)
  assert.equal(await field.inputValue(), text)
  await until(async () => (await installation.sql(`SELECT v.body->>'findings' FROM report_version v JOIN report r USING (report_id) JOIN reading_task t USING (task_id) WHERE t.public_id = '${id}'`))[0]?.[0] === text, 'what was typed is not saved')
  const pictures = () => asked.filter((entry) => /rendered/.test(entry.path))
  await until(() => pictures().length > 1 && pictures().every((entry) => entry.bytes > 0), 'no sharp picture after the small one') // how large one is, is known a moment behind its end
  note(t, 'slow_pictures', pictures().map((entry) => ({ query: entry.query, bytes: entry.bytes })))
  assert.ok(pictures()[0].bytes < pictures().at(-1).bytes, 'the first picture is not the small one')
})

world.test('a burst of 500 events and twenty people', async ({ t, person, visitor }) => {
  const li = await person('radiographer', { via: 'api' })
  const zhou = await person('leader', { via: 'api' })
  const he = await person('county', { via: 'api' })
  const pages = { township: [li, `/township?day=${DAY}`], reading: [zhou, '/reading'], cockpit: [he, '/cockpit'] }
  for (const [one, address] of Object.values(pages)) await one.goto(address)
  const all = await idsOfDay(li)
  await wholeDay(li.page, all.length)
  await zhou.page.locator('[data-index="0"]').waitFor()
  await he.page.locator('.cards').waitFor({ timeout: LONG_MS })

  /* Streams of seventeen more. */
  const crowd = []
  for (const account of ['radiographer', 'clinician', 'reporter', 'reviewer', 'leader'].flatMap((name) => Array(4).fill(name)).slice(0, 17)) crowd.push(await listen(account))

  const lists = Object.fromEntries(Object.entries(pages).map(([name, [one]]) => [name, requestsOf(one)]))
  const ids = all.slice(100, 600)
  const waits = []
  for (let from = 0; from < ids.length; from += 50) {
    await tell('study.received', ids.slice(from, from + 50))
    const begin = performance.now()
    await get(li, '/api/v1/me')
    waits.push(Math.round(performance.now() - begin))
  }
  await until(() => crowd.every((one) => one.heard() >= ids.length), 'somebody did not hear all')
  const answered = (list) => list.filter((entry) => entry.path.startsWith('/api/')).length
  await until(() => lists.township.filter((entry) => entry.path === '/api/v1/studies').length >= ids.length / 100, 'the page does not fetch what changed')
  const counts = Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, answered(list)]))
  waits.sort((a, b) => a - b)
  note(t, 'burst', { requests: counts, me_ms: { median: waits[waits.length >> 1], max: waits.at(-1) } })
  assert.ok(counts.township <= 20, `${counts.township} requests of the township's page`)
  assert.ok(counts.reading <= 10, `${counts.reading} requests of the queue`)
  assert.ok(counts.cockpit <= 10, `${counts.cockpit} requests of the cockpit`)
  for (const one of crowd) one.close()
})

/* An event stream of an account, without a browser. */
async function listen(account) {
  const login = await fetch(`${installation.origin}/api/v1/login`, { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: installation.origin }, body: JSON.stringify({ account, password: installation.accounts[account].password }) })
  assert.equal(login.status, 200)
  const cookie = login.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ')
  const controller = new AbortController()
  const answer = await fetch(`${installation.origin}/api/v1/events`, { headers: { Cookie: cookie }, signal: controller.signal })
  assert.equal(answer.status, 200)
  let count = 0
  const reading = (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of answer.body) count += decoder.decode(chunk, { stream: true }).split('study.received').length - 1
  })().catch(() => undefined)
  return { heard: () => count, close: () => (controller.abort(), reading) }
}
