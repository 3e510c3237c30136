import { readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '@/api/client'
import { useLanguage } from '@/i18n'
import { REASONS, reasonText } from '@/state/reasons'
import { failureText } from '@/state/words'

const tree = path.resolve(__dirname, '../../..')

/* What the gateway can say, as far as it stands in its code and in the ledger's functions: sentences with something for each blank. */
function sentences(): string[] {
  const files = ['gateway', 'lib/domain', 'lib/intake'].flatMap((folder) => readdirSync(path.join(tree, folder)).filter((name) => name.endsWith('.c')).map((name) => path.join(tree, folder, name)))
  const raised = readdirSync(path.join(tree, 'schema/migrations')).flatMap((name) => [...readFileSync(path.join(tree, 'schema/migrations', name), 'utf8').matchAll(/RAISE EXCEPTION '([^']*)'/g)])
    .flatMap((match) => [match[1]!.replace(/%/g, 'awaiting'), 'could not index: ' + match[1]!])
  return raised.concat(files.flatMap((file) => [...readFileSync(file, 'utf8').replace(/"\s+"/g, '').matchAll(/"((?:[^"\\\n]|\\.)*)"/g)])
    .map((match) => match[1]!.replace(/%(?:lld|zu|d)/g, '30')
      .replace('report: %s is %s', 'report: findings is empty').replace(/%[.\d]*s/g, 'awaiting')))
}

beforeEach(() => useLanguage('zh-CN'))

describe('reasons of the gateway', () => {
  const said = sentences()
  it.each(REASONS.map((one) => [one[1], one[0]] as const))('%s is still said: %s', (_, pattern) => expect(said.some((sentence) => pattern.test(sentence))).toBe(true))

  it.each([
    ['cannot go on: this task is not yours any more, 王建华 holds it now', '这份检查已不在您名下，现由 王建华 处理。'],
    ['cannot take this task: it is awaiting_review', '这份检查现在是“待审核”，不能这样做。请刷新后再看。'],
    ['cannot cancel this request: it is matched', '这张申请单现在是“已匹配”，不能取消。'],
    ['cannot submit the report: findings is empty', '不能提交：影像学表现未填。'],
    ['cannot take this task: it is something_new', '这份检查现在是“something_new”，不能这样做。请刷新后再看。'],
  ])('%s', (detail, words) => expect(reasonText(detail)).toBe(words))

  it('a wrong password says so, in both languages', () => {
    const failure = new Failure(403, 'refused', 'the password is wrong', '1')
    expect(failureText(failure)).toBe('密码不正确，请重新输入。')
    useLanguage('en')
    expect(failureText(failure)).toBe('The password is wrong. Type it again.')
  })
  it('what is not known comes as it is, behind our words for its kind', () => {
    expect(failureText(new Failure(409, 'conflict', 'something else', '1'))).toBe('别人已先一步处理，请刷新后再看。 something else')
  })
})
