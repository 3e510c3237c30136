/* Every act that a program writes into the audit has a word on the page, in both languages, and every word has its act. The acts are read out of the programs. */
import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import en from '@/i18n/en/operations'
import zh from '@/i18n/zh-CN/operations'
import { ACTION_BEGINNINGS, actionKey } from '@/pages/operations/state'

const tree = path.resolve(__dirname, '../../..')
const read = (name: string): string => readFileSync(path.join(tree, name), 'utf8')

function filesUnder(folder: string, wanted: RegExp): string[] {
  return readdirSync(path.join(tree, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) return name === 'gateway/web' ? [] : filesUnder(name, wanted)
    return wanted.test(entry.name) ? [name] : []
  })
}

/* Texts of the same form that are no acts. */
const OTHERS: Record<string, string> = {
  'conflict.settle': 'event', 'critical_value.overdue': 'event', 'device.silence_ended': 'event', 'device.silent': 'event', 'quarantine.change': 'event',
  'report.printed': 'event', 'report.proposal_settled': 'event', 'report.recalled': 'event', 'workitem.cancel_asked': 'event', 'workitem.progress': 'event',
  'workitem.subscribed': 'event', 'dcmtk.dcmnet': 'logger', 'devices.snapshot': 'file',
}

const names = (file: string, pattern: RegExp): string[] => [...read(file).matchAll(pattern)].map((match) => match[1]!)

/* Acts that are put together, by how they begin: what may stand behind. */
const COMPOSED: Record<string, () => string[]> = {
  'task.': () => names('lib/domain/task.def', /X\(TASK_EVENT_\w+, "(\w+)"\)/g),
  'conflict.': () => names('lib/domain/conflict.def', /X\(CONFLICT_EVENT_\w+, "(\w+)"\)/g),
  'critical_value.': () => names('lib/domain/critical_value.def', /X\(CRITICAL_VALUE_EVENT_\w+, "(\w+)"\)/g),
  'delivery.': () => [...names('lib/domain/delivery.def', /X\(DELIVERY_(?:DELIVERED|QUARANTINED|DEAD), "(\w+)"/g), ...names('lib/domain/delivery.c', /record_rows\(db, rows, "(\w+)"/g)],
  'correction.': () => [...names('lib/domain/correction_form.c', /kind is none of: ([\w ]+)"/g).flatMap((list) => list.split(' ')), ...names('lib/domain/correction.c', /finish\(db, call, "(\w+)"/g)],
  'study.': () => names('lib/domain/reroute.c', /signal\(db, reroute, "(\w+)"/g),
}

const sources = ['lib', 'gateway', 'router', 'storescp'].flatMap((folder) => filesUnder(folder, /\.(c|cc|h)$/)).map((name) => read(name).replace(/\/\*[\s\S]*?\*\//g, ''))
const found = (pattern: RegExp): string[] => [...new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1]!)))]
const written = found(/"([a-z_]+\.[a-z_]+)"/g)
const acts = [...new Set([...written.filter((one) => !(one in OTHERS)), ...Object.entries(COMPOSED).flatMap(([beginning, ends]) => ends().map((end) => beginning + end))])].sort()

describe('acts of the audit', () => {
  it.each(acts)('%s has a word', (act) => {
    expect(zh.action).toHaveProperty(actionKey(act), expect.stringMatching(/\p{Script=Han}/u))
    expect(en.action).toHaveProperty(actionKey(act), expect.stringMatching(/^[A-Z][^\p{Script=Han}]+$/u))
  })

  it('every word has its act', () => expect(Object.keys(zh.action).sort()).toEqual(acts.map(actionKey).sort()))

  it('nothing is composed that is not known here', () => {
    expect(found(/(?:sizeof[ (]\w+\)?, |char \w+\[\d+\] = )"([a-z_]+\.)(?:%s)?"/g).sort()).toEqual(Object.keys(COMPOSED).sort())
    for (const ends of Object.values(COMPOSED)) expect(ends().length).toBeGreaterThan(1)
  })

  it('what is no act is still written', () => expect(Object.keys(OTHERS).filter((one) => !written.includes(one))).toEqual([]))

  it('the ledger writes none by itself', () => {
    const writers = filesUnder('schema', /\.sql$/).filter((name) => !name.startsWith('schema/tests/') && /INSERT INTO audit\b/i.test(read(name)))
    expect(writers).toEqual(['schema/statements/audit.sql'])
    expect(read(writers[0]!)).toMatch(/VALUES \(\$1::text, \$2::timestamptz, \$3::text/) /* the act is a parameter */
  })

  it.each(ACTION_BEGINNINGS)('an act begins with %s', (beginning) => expect(acts.some((act) => act.startsWith(beginning))).toBe(true))
})
