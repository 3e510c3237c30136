import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, type App } from 'vue'
import type { KeyImage, ViewerStudy } from '@/api/types'
import { useLanguage } from '@/i18n'
import { keyOf, useKeyImages, type KeyBook } from '@/pages/reading/viewer/keyImages'
import { failureText } from '@/state/words'

const STUDY = '2.25.1'
const image = (instance: string, frame = 1): KeyImage => ({ series: '2.25.2', instance, frame, frames: 1, series_number: 1, number: 1 })
const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })

/* A gateway with one study; each answer waits until it is let go. */
let told: ViewerStudy
let refuses = ''
let held: (() => void)[] = []
let isHolding = false
const asked: string[] = []
async function gateway(target: string, options: RequestInit = {}): Promise<Response> {
  asked.push(`${options.method ?? 'GET'} ${target}`)
  const seen = structuredClone(told)
  let status = 200
  if (options.method === 'POST' && refuses !== '') status = 409
  else if (options.method === 'POST') {
    const { instance, frame, is_key } = JSON.parse(String(options.body)) as { instance: string; frame: number; is_key: boolean }
    told.key_images = told.key_images.filter((one) => keyOf(one.instance, one.frame) !== keyOf(instance, frame)).concat(is_key ? [image(instance, frame)] : [])
  }
  if (isHolding) await new Promise<void>((go) => held.push(go))
  return status === 409 ? answer(409, { kind: 'conflict', detail: refuses }) : answer(200, options.method === 'POST' ? told : seen)
}

const apps: App[] = []
function show(study = STUDY): () => KeyBook {
  let book: KeyBook | null = null
  const app = createApp({
    setup() {
      const found = useKeyImages(() => study)
      return () => {
        book = found.value
        return h('p')
      }
    },
  })
  app.mount(document.createElement('div'))
  apps.push(app)
  return () => book!
}
const settled = async (book: KeyBook, want: string[]) => vi.waitFor(() => expect([...book.keys.value]).toEqual(want))

beforeEach(() => {
  useLanguage('zh-CN')
  told = { study: 's', task: 't', is_writing: true, key_images: [image('a')] }
  refuses = ''
  held = []
  isHolding = false
  asked.length = 0
  vi.stubGlobal('fetch', gateway)
})
afterEach(() => {
  for (const app of apps.splice(0)) app.unmount()
  vi.unstubAllGlobals()
})

describe('key images', () => {
  it('are one truth for all that show them in a window, asked for once', async () => {
    const [pane, desk] = [show(), show()]
    await settled(desk(), ['a#1'])
    expect(pane()).toBe(desk())
    await pane().mark('b', 2, true)
    expect([...desk().keys.value]).toEqual(['a#1', 'b#2'])
    await desk().mark('a', 1, false)
    expect([...pane().keys.value]).toEqual(['b#2'])
    expect(asked).toEqual([`GET /api/v1/viewer/${STUDY}`, `POST /api/v1/viewer/${STUDY}/key-images`, `POST /api/v1/viewer/${STUDY}/key-images`])
  })

  it('are read anew when another window tells of this study, and told to it', async () => {
    const heard: string[] = []
    const other = new BroadcastChannel('yq-key-images')
    other.onmessage = (message: MessageEvent<string>) => { heard.push(message.data) }
    const desk = show()
    await settled(desk(), ['a#1'])
    told.key_images = [image('c')]
    other.postMessage('2.25.9')
    other.postMessage(STUDY)
    await settled(desk(), ['c#1'])
    expect(asked).toHaveLength(2)
    await desk().mark('d', 1, true)
    await vi.waitFor(() => expect(heard).toEqual([STUDY]))
    other.close()
  })

  it('an answer from before a mark does not come behind it', async () => {
    const desk = show()
    await settled(desk(), ['a#1'])
    isHolding = true
    const reading = desk().load()
    const marking = desk().mark('b', 1, true)
    await vi.waitFor(() => expect(held).toHaveLength(1))
    expect(asked.at(-1)).toMatch(/^GET/)
    held[0]!()
    await reading
    await vi.waitFor(() => expect(held).toHaveLength(2))
    held[1]!()
    await marking
    expect([...desk().keys.value]).toEqual(['a#1', 'b#1'])
  })

  it.each([
    ['cannot mark a key image: there are 20 already', '关键图像已有 20 幅', 'There are 20 key images already'],
    ['cannot mark a key image: the study has no such image', '找不到这张图像', 'This image is not here any more'],
    ['cannot mark a key image: you are not writing the report of this study', '请先领取', 'take it first'],
  ])('%s: said in both languages, and who may mark is asked again', async (detail, zh, en) => {
    const desk = show()
    await settled(desk(), ['a#1'])
    refuses = detail
    told.is_writing = false
    await desk().mark('b', 1, true)
    expect(failureText(desk().refusal.value)).toContain(zh)
    useLanguage('en')
    expect(failureText(desk().refusal.value)).toContain(en)
    await vi.waitFor(() => expect(desk().isWriting.value).toBe(false))
    expect([...desk().keys.value]).toEqual(['a#1'])
    expect(desk().isBusy.value).toBe(false)
    refuses = ''
    await desk().mark('b', 1, true)
    expect(desk().refusal.value).toBeNull()
  })

  it('are forgotten when nobody shows them', async () => {
    const desk = show()
    await settled(desk(), ['a#1'])
    for (const app of apps.splice(0)) app.unmount()
    await nextTick()
    told.key_images = []
    const again = show()
    await settled(again(), [])
    expect(asked).toHaveLength(2)
    window.dispatchEvent(new Event('focus'))
    await vi.waitFor(() => expect(asked).toHaveLength(3))
  })
})
