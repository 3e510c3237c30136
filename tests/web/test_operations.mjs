/* The operator's pages: what runs, queues that are held, released, tested and retried, lists that wait for a person, the audit. */
import assert from 'node:assert/strict'
import { openWorld, until } from './support/web.mjs'

const world = await openWorld({ YQ_QUIET_DEFAULT: '1 s' })
const { installation } = world

const WORDS = {
  'zh-CN': { hosts: '接收主机', reporting: '正常', tabs: ['状态', '发送队列', '路由规则', '设备', '身份核对', '图像冲突与异常数据', '存储承诺与检查步骤', '审计'], store: '图像存储', running: '运行中', idle: '空闲', none: '没有待核对的身份。', search: '搜索', look: '查看检查' },
  en: { hosts: 'Receiving hosts', reporting: 'Reporting', tabs: ['State', 'Queues', 'Routing rules', 'Devices', 'Identity', 'Conflicts and quarantine', 'Commitments and steps', 'Audit'], store: 'Image store', running: 'Running', idle: 'Idle', none: 'No identity waits to be checked.', search: 'Search', look: 'See an examination' },
}
const SLUGS = ['state', 'queues', 'rules', 'devices', 'identity', 'doubts', 'completion', 'audit']
const NASTY = '<img src=x onerror=alert(1)>\u202Eאבג𠮷'.padEnd(60, '长')

/* A report that has come back to its site. */
await installation.walk()
/* And what waits: a device of another make, two identities under one number. */
await installation.push('dr-chest', { name: 'WANG^WU=王^五', patient_id: 'P77001' })
await installation.push('dr-chest', { name: 'LI^SI=李^四', patient_id: 'P77001' })

for (const [language, words] of Object.entries(WORDS)) {
  world.test(`every tab in ${language}, by keyboard`, async ({ person }) => {
    const one = await person('operator', { language, via: 'api' })
    await one.goto('/operations')
    await one.page.getByRole('heading', { name: words.store }).waitFor()
    await until(async () => (await one.page.locator('td .tag', { hasText: words.running }).count()) === 3, 'three programs run')
    await one.page.getByRole('table', { name: words.hosts }).locator('.tag', { hasText: words.reporting }).waitFor()
    await one.page.getByRole('tab', { name: words.tabs[0] }).focus()
    for (const [index, slug] of SLUGS.entries()) {
      if (index > 0) await one.page.keyboard.press('ArrowRight')
      await one.page.getByRole('tab', { name: words.tabs[index], exact: true, selected: true }).waitFor()
      if (index > 0) assert.match(one.page.url(), new RegExp(`tab=${slug}`))
      await settled(one.page)
      await one.checkAccessible()
      if (language === 'en') assert.doesNotMatch((await chromeOf(one.page)).replace('中文', ''), /\p{Script=Han}/u, slug)
      await one.shot(`${slug}-${language}`)
    }
  })
}

/* Nothing is being read any more. */
async function settled(page) {
  await page.locator('#pane > *').first().waitFor()
  for (const word of ['正在读取…', 'Loading…']) await until(async () => (await page.locator('#pane').getByText(word).count()) === 0, `still: ${word}`)
}

/* What the page says, without what is data (isolated as such). */
function chromeOf(page) {
  return page.evaluate(() => {
    const copy = globalThis.document.querySelector('#pane').cloneNode(true)
    for (const data of copy.querySelectorAll('bdi, option, .patient')) data.remove()
    return copy.innerText
  })
}

world.test('commitments with what went wrong, and the steps of modalities', async ({ person }) => {
  const [[device]] = await installation.sql("SELECT device_id FROM device WHERE calling_ae = 'DEMO_DR'")
  await installation.sql(`INSERT INTO commitment (site_id, device_id, transaction_uid, list_sha256, calling_ae, called_ae, address, instances, linger_until, deadline_at, next_try_at, last_error)
    SELECT site_id, device_id, '2.25.77', sha256('x'), 'DEMO_DR', 'YINGQIAO', '127.0.0.1', 3, yq_now(), yq_now() + interval '1 h', yq_now() + interval '1 h', 'could not reach 10.0.0.9: refused' FROM device WHERE device_id = ${device}`)
  await installation.sql(`INSERT INTO mpps (site_id, device_id, sop_instance_uid, state, modality, study_instance_uid)
    SELECT e.site_id, ${device}, '2.25.78', 'in_progress', 'DX', s.study_instance_uid FROM device e JOIN study s USING (site_id) WHERE e.device_id = ${device} ORDER BY s.study_id LIMIT 1`)
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=completion')
  const row = one.page.getByRole('grid', { name: '存储承诺' }).locator('[data-id]').first()
  await row.getByText('could not reach 10.0.0.9: refused').waitFor()
  await row.getByText('待核对').waitFor()
  await one.checkAccessible()
  await one.shot('commitments')
  await one.page.getByRole('combobox').selectOption('dead')
  await one.page.getByText('没有存储承诺。').waitFor()
  await one.page.getByRole('button', { name: '设备检查步骤（MPPS）' }).click()
  await one.page.getByRole('grid', { name: '设备检查步骤（MPPS）' }).locator('[data-id]').first().getByText('检查中').waitFor()
  await one.shot('steps')
  const [[study]] = await installation.sql('SELECT s.public_id FROM study s JOIN mpps m USING (site_id, study_instance_uid) LIMIT 1')
  const li = await person('radiographer', { via: 'api' })
  await li.goto(`/township?study=${study}`)
  await li.page.locator('.el-drawer').getByText('检查中').waitFor()
  await installation.sql('DELETE FROM commitment') /* or everybody waits until it is judged */
})

world.test('a held destination keeps the reports until it is released', async ({ person }) => {
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=queues')
  const row = one.page.getByRole('grid', { name: '目的地' }).locator('[data-id]').first()
  await row.getByText('空闲').waitFor()
  await row.getByRole('button', { name: '暂停发送' }).click()
  const dialog = one.page.getByRole('dialog', { name: '暂停发送' })
  assert.ok(await dialog.getByRole('button', { name: '暂停发送' }).isDisabled(), 'without a reason')
  await dialog.getByRole('textbox').fill(NASTY)
  await one.shot('hold')
  await one.checkAccessible('.el-dialog')
  await dialog.getByRole('button', { name: '暂停发送' }).click()
  await row.locator('.tag', { hasText: '暂停发送' }).waitFor()
  await row.getByText('<img src=x onerror').waitFor()
  await installation.walk().catch(() => undefined)
  await row.getByRole('gridcell', { name: /^1 条/ }).waitFor()
  const listed = one.page.getByRole('grid', { name: '发送记录' })
  await listed.locator('[data-id]').filter({ hasText: '待发送' }).first().waitFor()
  await one.shot('held')
  await row.getByRole('button', { name: '恢复发送' }).click()
  await one.page.getByRole('dialog').getByRole('button', { name: '恢复发送' }).click()
  await row.getByText('空闲').waitFor()
  await until(async () => (await listed.locator('[data-id]').filter({ hasText: '已送达' }).count()) >= 2, 'the held report does not arrive')
})

world.test('a destination is tested while it is there and while it is away', async ({ person }) => {
  const one = await person('operator', { via: 'api', language: 'en' })
  await one.goto('/operations?tab=queues')
  const row = one.page.getByRole('grid', { name: 'Destinations' }).locator('[data-id]').first()
  await row.getByRole('button', { name: 'Test' }).click()
  const dialog = one.page.getByRole('dialog')
  await dialog.getByText('The peer is there and answers.').waitFor()
  assert.equal(await dialog.locator('.tag', { hasText: 'Good' }).count(), 7)
  await installation.stopSite()
  try {
    await dialog.getByRole('button', { name: 'Test again' }).click()
    await dialog.locator('.tag', { hasText: 'Failed' }).waitFor()
    assert.equal(await dialog.locator('.tag', { hasText: 'Not tried' }).count(), 2)
    await one.checkAccessible('.el-dialog')
    await one.shot('test-away')
  } finally {
    await installation.startSite()
  }
})

world.test('what failed is found by its state and sent again', async ({ person }) => {
  await installation.stopSite()
  const rows = await installation.sql("SELECT public_id FROM delivery ORDER BY delivery_id DESC LIMIT 1")
  const one = await person('operator', { via: 'api' })
  /* A delivery cannot leave `delivered`, so a new one dies: the destination is away and its time is over. */
  await installation.sql(`BEGIN; INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
    SELECT site_id, destination_id, 'recall', report_version_id, yq_now() + interval '1 day' FROM delivery WHERE public_id = '${rows[0][0]}';
    INSERT INTO delivery_item (delivery_id, site_id, instance_id)
    SELECT n.delivery_id, n.site_id, i.instance_id FROM delivery n JOIN delivery o ON o.public_id = '${rows[0][0]}' JOIN delivery_item i ON i.delivery_id = o.delivery_id
    WHERE n.purpose = 'recall'; COMMIT`)
  await one.goto('/operations?tab=queues')
  const listed = one.page.getByRole('grid', { name: '发送记录' })
  await listed.locator('[data-id]').filter({ hasText: '等待重发' }).waitFor()
  /* It may be tried again just now, and waits again then. */
  await until(async () => (await installation.sql("UPDATE delivery SET state = 'dead' WHERE purpose = 'recall' AND state = 'waiting' RETURNING 1")).length === 1, 'it never waits')
  await one.page.getByRole('button', { name: '发送失败待处理' }).click()
  await one.page.waitForURL(/state=dead/)
  await until(async () => {
    await one.page.reload()
    await listed.waitFor()
    await settled(one.page)
    return (await listed.locator('[data-id]').filter({ hasText: '发送失败待处理' }).count()) === 1
  }, 'the dead one is not listed')
  await one.shot('failed')
  await installation.startSite()
  await listed.locator('[data-id]').getByRole('button', { name: '重试' }).click()
  await one.page.getByRole('dialog').getByRole('button', { name: '重试' }).click()
  await one.page.getByText('没有符合筛选条件的发送记录。').waitFor()
  await one.page.getByRole('button', { name: '显示全部' }).click()
  await listed.locator('[data-id]').filter({ hasText: '收回旧报告' }).filter({ hasText: '已送达' }).waitFor()
})

world.test('a destination is added, corrected and removed at the page', async ({ person }) => {
  await installation.yqctl('ca', 'init')
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=queues')
  await one.page.getByRole('button', { name: '添加目的地' }).click()
  const dialog = one.page.getByRole('dialog', { name: '添加目的地' })
  await dialog.getByLabel('协议').selectOption('stow')
  await dialog.getByLabel('名称').fill(NASTY)
  await dialog.getByLabel('URL').fill('https://someone:secret@pacs.example/dicom-web')
  await dialog.getByRole('button', { name: '保存' }).click()
  await dialog.getByText('用户名和密码请填在下面，不要写在 URL 里').waitFor()
  await dialog.getByLabel('URL').fill('https://pacs.example/dicom-web')
  await dialog.getByText('用户名、密码与令牌').click()
  await dialog.getByLabel('用户名').fill('yq')
  await dialog.getByLabel('密码').fill('tell nobody')
  await dialog.getByText('时段、速率与重试').click()
  await dialog.getByLabel('发送时段').fill('20:00-06:00')
  await dialog.getByLabel('应答超时（秒）').fill('2.5')
  await one.checkAccessible('.el-dialog')
  await one.shot('form-zh-CN')
  await dialog.getByRole('button', { name: '保存' }).click()
  const edit = one.page.getByRole('dialog', { name: /^目的地：/ }).or(dialog)
  await edit.getByPlaceholder('已设置，留空则不变').first().waitFor()
  const stored = await installation.sql("SELECT public_id, url, tls, answer_timeout_ms, secret_names FROM destination WHERE protocol = 'stow'")
  assert.deepEqual(stored[0].slice(1), ['https://pacs.example/dicom-web', 'server', '2500', '{user,password}'])
  /* Somebody else is faster. */
  await installation.yqctl('destination', 'edit', stored[0][0], '--notes', 'by night')
  await edit.getByLabel('备注').fill('mine')
  await one.expecting(/^status 409: PATCH /, () => edit.getByRole('button', { name: '保存' }).click())
  await edit.getByText('您填写的内容还在').waitFor()
  assert.equal(await edit.getByLabel('备注').inputValue(), 'mine')
  await one.shot('form-stale')
  await edit.getByRole('button', { name: '载入最新设置' }).click()
  await until(async () => (await edit.getByLabel('备注').inputValue()) === 'by night', 'not loaded anew')
  await edit.getByRole('button', { name: '删除' }).click()
  await one.page.getByRole('dialog', { name: '删除' }).getByRole('button', { name: '删除' }).click()
  await until(async () => (await installation.sql("SELECT count(*) FROM destination WHERE protocol = 'stow'"))[0][0] === '0', 'it is still there')
})

world.test('a webhook is told the events that are chosen at the page', async ({ person }) => {
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=queues')
  await one.page.getByRole('button', { name: '添加目的地' }).click()
  const dialog = one.page.getByRole('dialog', { name: '添加目的地' })
  await dialog.getByLabel('协议').selectOption('webhook')
  await dialog.getByLabel('URL').fill('https://his.example/hook')
  assert.equal(await dialog.getByLabel('安全连接（TLS）').inputValue(), 'server', 'the box follows the URL')
  assert.equal(await dialog.getByText('回传已发布的报告').count(), 0, 'a webhook takes no reports')
  await dialog.getByRole('button', { name: '保存' }).click()
  await dialog.getByText('请至少选择一种事件').waitFor()
  await dialog.getByText('用户名、密码与令牌').click()
  await dialog.getByLabel('签名密钥').fill('sixteen letters!')
  await dialog.getByRole('group', { name: /通知的事件/ }).getByLabel('报告发布').check()
  await dialog.getByRole('group', { name: /通知的事件/ }).getByLabel('退回', { exact: true }).check()
  await one.checkAccessible('.el-dialog')
  await one.shot('webhook')
  await dialog.getByRole('button', { name: '保存' }).click()
  await one.page.getByRole('dialog', { name: /^目的地：/ }).waitFor()
  assert.deepEqual(await installation.sql("SELECT webhook_events, tls FROM destination WHERE protocol = 'webhook'"), [['{task.return,report.issue}', 'server']])
  await installation.sql("DELETE FROM destination WHERE protocol = 'webhook'")
})

world.test('one delivery is seen with its objects and tries, and many are cancelled', async ({ person }) => {
  for (const language of ['zh-CN', 'en']) {
    const one = await person('operator', { via: 'api', language })
    await one.goto('/operations?tab=queues&state=delivered')
    const listed = one.page.getByRole('grid', { name: language === 'en' ? 'Deliveries' : '发送记录' })
    await listed.locator('[data-id]').first().focus()
    await one.page.keyboard.press('Enter')
    await one.page.waitForURL(/delivery=/)
    const dialog = one.page.getByRole('dialog', { name: language === 'en' ? 'Delivery' : '发送详情' })
    await dialog.locator('.tag', { hasText: language === 'en' ? 'Success' : '成功' }).first().waitFor()
    await dialog.getByText('2 / 2').first().waitFor()
    await one.checkAccessible('.el-dialog')
    await one.shot(`delivery-${language}`)
    await dialog.getByRole('button', { name: language === 'en' ? 'Close' : '关闭', exact: true }).last().click()
    await one.page.getByRole('button', { name: language === 'en' ? 'States and what to do' : '状态与处理说明' }).click()
    await one.page.getByRole('dialog').getByText('docs/runbook-deliveries.md').waitFor()
    await one.checkAccessible('.el-dialog')
    await one.shot(`help-${language}`)
  }
  await installation.stopSite()
  await installation.sql("UPDATE destination SET held_at = yq_now(), held_reason = '检修'")
  await installation.sql(`INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at, rank)
    SELECT site_id, destination_id, 'notify', jsonb_build_object('n', n), yq_now() + interval '1 day', n % 4 FROM destination, generate_series(1, 3) n WHERE is_enabled AND protocol = 'dicom'`)
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=queues&study=1.2.3')
  await one.page.getByText('没有符合筛选条件的发送记录。').waitFor()
  await one.page.getByRole('search').getByRole('button', { name: '清空条件' }).click()
  const marks = one.page.getByRole('grid', { name: '发送记录' }).getByRole('checkbox')
  await until(async () => (await marks.count()) === 3, 'three can be marked')
  await one.page.getByLabel('全选（3）').check()
  await one.shot('marked')
  await one.page.getByRole('button', { name: '取消所选（3）' }).click()
  await one.page.getByRole('dialog').getByRole('button', { name: '取消所选（3）' }).click()
  await until(async () => (await installation.sql("SELECT count(*) FROM delivery WHERE state = 'cancelled'"))[0][0] === '3', 'not cancelled')
  await installation.sql("UPDATE destination SET held_at = NULL, held_reason = ''")
  await installation.startSite()
})

world.test('a failed look says so, keeps the filter and can be tried again', async ({ person }) => {
  const one = await person('operator', { via: 'api' })
  await one.goto('/operations?tab=audit')
  await one.page.getByLabel('操作').fill('study.')
  await installation.stopLedger()
  try {
    await one.expecting(/^status 503: GET \/api\/v1\/audit/, () => one.page.getByRole('button', { name: '搜索' }).click())
    await one.page.getByRole('alert').getByText('没有完成：审计').waitFor()
  } finally {
    await installation.startLedger()
  }
  one.allow(/^status 503: GET/)
  await until(async () => {
    await one.page.getByRole('alert').getByRole('button', { name: '重试' }).click({ timeout: 500 }).catch(() => undefined)
    return (await one.page.getByRole('grid', { name: '审计' }).locator('[data-id]').count()) > 0
  }, 'the search does not come back')
  assert.equal(await one.page.getByLabel('操作').inputValue(), 'study.')
})

world.test('the audit finds a look and shows it', async ({ person }) => {
  const reader = await person('reporter', { via: 'api' })
  const study = (await installation.sql('SELECT public_id FROM study ORDER BY study_id LIMIT 1'))[0][0]
  const answer = await reader.context.request.get(`${installation.origin}/api/v1/studies/${study}`)
  assert.equal(answer.status(), 200)
  const one = await person('operator', { via: 'api', language: 'en' })
  await one.goto(`/operations?tab=audit&action=study.&subject=${study}`)
  const row = one.page.getByRole('grid', { name: 'Audit' }).locator('[data-id]').filter({ hasText: WORDS.en.look }).first()
  await row.filter({ hasText: installation.accounts.reporter.name }).waitFor()
  await row.focus()
  await one.page.keyboard.press('Enter')
  const dialog = one.page.getByRole('dialog', { name: 'Audit record' })
  await dialog.getByText(study).waitFor()
  await one.checkAccessible('.el-dialog')
  await one.shot('audit-entry')
})

world.test('an administrator looks and does nothing', async ({ person }) => {
  const one = await person('county', { via: 'api' })
  await one.goto('/operations?tab=queues')
  await one.page.getByRole('grid', { name: '目的地' }).locator('[data-id]').first().waitFor()
  assert.deepEqual(await one.page.getByRole('tab').allInnerTexts(), ['状态', '发送队列', '路由规则', '设备', '存储承诺与检查步骤', '审计'])
  assert.equal(await one.page.getByRole('button', { name: '暂停发送' }).count(), 0)
})

world.test('a room that runs out and images that only a silent host has are shown before anything else', async ({ person }) => {
  await installation.sql(`INSERT INTO host (host_id, name, home, program, version, reported_at, slots, unplaced_objects, unplaced_bytes, waiting_objects, waiting_bytes,
      waiting_peak, oldest_at, quarantined_objects, store_path, store_total_bytes, store_free_bytes, store_state, journal_total_bytes, journal_free_bytes, journal_state)
    VALUES (gen_random_uuid(), '镇东机房<b>', '/srv/far', 'yq-storescp', '1', yq_now() - interval '2 days', 1, 7, 7000000, 12, 12000000, 40, yq_now() - interval '3 days', 0,
      '/srv/store', 1000000000000, 20000000000, 'low', 1000000000, 1000000, 'full')`)
  await installation.restart('yq-gateway', { YQ_STORE_WARN: '1000000 TiB' })
  for (const [language, words] of Object.entries({
    'zh-CN': { alarm: /镇东机房<b> 没有报到，已收妥的图像（至少 12 个对象）/, low: '空间偏低', stranded: '没有报到，存有图像', full: '正在拒收' },
    en: { alarm: /not report: 镇东机房<b> \(at least 12 objects\)/, low: 'Low', stranded: 'Silent, has images', full: 'Refusing' },
  })) {
    const one = await person('operator', { language, via: 'api' })
    await one.goto('/operations')
    await one.page.getByRole('alert').filter({ hasText: words.alarm }).waitFor()
    await one.page.locator('.card').first().locator('.tag', { hasText: words.low }).waitFor()
    const row = one.page.getByRole('row').filter({ hasText: '/srv/far' })
    await row.locator('.tag', { hasText: words.stranded }).waitFor()
    await row.locator('.tag', { hasText: words.full }).waitFor()
    await row.getByRole('cell', { name: '12 / 40' }).waitFor()
    await one.checkAccessible()
    await one.shot(`room-${language}`)
  }
  await installation.sql("DELETE FROM host WHERE home = '/srv/far'")
  await installation.restart('yq-gateway')
})

world.test('dark, large, and 4K', async ({ person }) => {
  const one = await person('operator', { via: 'api', dark: true, large: true, viewport: [1920, 1080], scale: 2 })
  for (const slug of ['state', 'queues']) {
    await one.goto(`/operations?tab=${slug}`)
    await settled(one.page)
    await one.checkAccessible()
    await one.shot(`${slug}-dark`)
  }
})
