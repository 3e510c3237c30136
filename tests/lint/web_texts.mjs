/*
 * The words of the browser application: both languages have the same keys, what is used is there and what is there is used, no Chinese
 * stands in the code, and no text becomes HTML.
 *
 * usage: node tests/lint/web_texts.mjs [APPLICATION]        (default gateway/web; its src/ is read). Prints FILE:LINE: FINDING lines.
 *
 * Keys are those of the object that src/i18n/zh-CN/index.ts exports. A key is used when a string or template of the code
 * spells it; what is put together in another way cannot be decided and is not complained about. Regular expressions may recognise Chinese data.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const TREE = fileURLToPath(new URL('../../', import.meta.url))
const require = createRequire(path.join(TREE, 'gateway/web/package.json'))
const ts = require('typescript')
const { parse } = require('vue/compiler-sfc')

const HAN = /\p{Script=Han}/u
/* The switch is written in the language that it leads to. */
const MAY_BE_CHINESE = new Set(['frame.language'])
/* Words of programmers, not of the field. */
const FORBIDDEN = ['入队', '签发', '驳回', '死信']
const MAKES_HTML = /\b(v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser)\b|\beval\s*\(|\bnew Function\b/
const TRANSLATES = new Set(['t', '$t', 'translate', 'te'])

const app = path.resolve(process.argv[2] ?? path.join(TREE, 'gateway/web'))
const findings = []

function report(file, line, text) {
  findings.push(`${path.relative(app, file)}:${line}: ${text}`)
}

function filesUnder(folder, wanted) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name)
    if (entry.isDirectory()) return filesUnder(place, wanted)
    return wanted.test(entry.name) ? [place] : []
  })
}

const sourceOf = (file, text) => ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
const lineOf = (source, node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1

// --- texts ------------------------------------------------------------------------------------------------------------

function bare(node) {
  while (ts.isAsExpression(node) || ts.isSatisfiesExpression(node) || ts.isParenthesizedExpression(node)) node = node.expression
  return node
}

/* file: { source, imports: name -> file }. Members are texts, objects of texts, or the texts of an imported file. */
function readObject(file, object, before, into) {
  for (const member of object.properties) {
    const line = lineOf(file.source, member)
    const isShort = ts.isShorthandPropertyAssignment(member)
    if (!isShort && !ts.isPropertyAssignment(member)) {
      report(file.name, line, 'texts are written as NAME: \'...\', so that they can be compared')
      continue
    }
    const key = before === '' ? member.name.text : `${before}.${member.name.text}`
    const value = isShort ? member.name : bare(member.initializer)
    if (ts.isObjectLiteralExpression(value)) readObject(file, value, key, into)
    else if (ts.isStringLiteral(value) || ts.isNoSubstitutionTemplateLiteral(value)) into.set(key, { file: file.name, line, text: value.text })
    else if (ts.isIdentifier(value) && file.imports.has(value.text)) readTexts(file.imports.get(value.text), key, into)
    else report(file.name, line, `the text of ${key} is no string`)
  }
}

function readTexts(name, before, into) {
  const source = sourceOf(name, readFileSync(name, 'utf8'))
  const imports = new Map(source.statements.filter((one) => ts.isImportDeclaration(one) && one.importClause?.name)
    .map((one) => [one.importClause.name.text, path.resolve(path.dirname(name), `${one.moduleSpecifier.text}.ts`)]))
  const exported = source.statements.find(ts.isExportAssignment)
  const object = exported && bare(exported.expression)
  if (object && ts.isObjectLiteralExpression(object)) readObject({ name, source, imports }, object, before, into)
  else report(name, 1, 'a file of texts exports one object')
  return into
}

const readLanguage = (language) => readTexts(path.join(app, 'src/i18n', language, 'index.ts'), '', new Map())

const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().filter((name, i, all) => name !== all[i - 1]).join(' ')

function compare(chinese, english) {
  for (const [key, { file, line, text }] of chinese) {
    const other = english.get(key)
    if (other === undefined) report(file, line, `${key} has no English text`)
    else if (placeholders(text) !== placeholders(other.text)) report(other.file, other.line, `${key} does not fill in what the Chinese text does: ${placeholders(text)}`)
    for (const word of FORBIDDEN) if (text.includes(word)) report(file, line, `${key} says ${word}, which is no word for the screen`)
  }
  for (const [key, { file, line, text }] of english) {
    if (!chinese.has(key)) report(file, line, `${key} has no Chinese text`)
    if (HAN.test(text) && !MAY_BE_CHINESE.has(key)) report(file, line, `the English text of ${key} has Chinese in it`)
  }
  for (const texts of [chinese, english]) for (const [key, { file, line, text }] of texts) if (text.trim() === '') report(file, line, `${key} is empty`)
}

// --- code -------------------------------------------------------------------------------------------------------------

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/* What a string, template or sum of them spells, as a pattern; '' for what stands in no string. */
function patternOf(node) {
  node = bare(node)
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return escaped(node.text)
  if (ts.isTemplateExpression(node)) return escaped(node.head.text) + node.templateSpans.map((span) => `[^.]+${escaped(span.literal.text)}`).join('')
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [patternOf(node.left), patternOf(node.right)]
    return left === '' && right === '' ? '' : (left || '[^.]+') + (right || '[^.]+')
  }
  return ''
}

/* The pieces of a first argument that may become the key: both branches of a choice, too. */
function choices(node) {
  node = bare(node)
  if (ts.isConditionalExpression(node)) return [...choices(node.whenTrue), ...choices(node.whenFalse)]
  if (ts.isBinaryExpression(node) && [ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.BarBarToken].includes(node.operatorToken.kind)) return [...choices(node.left), ...choices(node.right)]
  return [node]
}

class Code {
  used = [] /* patterns of keys that are looked up */
  spelt = [] /* patterns of everything that may be a key */

  /* offset: the line of the file on which the text begins, less one. */
  script(file, text, offset) {
    const source = sourceOf(file, text)
    const visit = (node) => {
      const line = lineOf(source, node) + offset
      if (ts.isCallExpression(node) && this.#isLookup(node.expression) && node.arguments.length > 0) {
        for (const one of choices(node.arguments[0])) if (patternOf(one) !== '') this.used.push({ file, line, pattern: patternOf(one) })
      }
      const pattern = ts.isExpression(node) ? patternOf(node) : ''
      if (pattern !== '') this.spelt.push(pattern)
      const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node) || ts.isIdentifier(node)
      if (isText && HAN.test(node.text)) report(file, line, `Chinese in the code: ${node.text.slice(0, 30)}`)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }

  #isLookup(node) {
    return (ts.isIdentifier(node) && TRANSLATES.has(node.text)) || (ts.isPropertyAccessExpression(node) && TRANSLATES.has(node.name.text))
  }

  /* Expressions of a template, read as scripts; its texts and attributes. */
  template(file, node) {
    const line = node.loc?.start.line ?? 1
    if (node.type === 3) return // a comment
    if (node.type === 2 && HAN.test(node.content)) report(file, line, `Chinese in the template: ${node.content.trim().slice(0, 30)}`)
    if (node.type === 5) this.script(file, `(${node.content.loc.source})`, node.content.loc.start.line - 1)
    for (const property of node.props ?? []) {
      if (property.type === 6 && HAN.test(property.value?.content ?? '')) report(file, property.loc.start.line, `Chinese in the template: ${property.value.content.slice(0, 30)}`)
      if (property.type === 6 && property.value?.content) this.spelt.push(escaped(property.value.content))
      for (const expression of [property.exp, property.type === 7 && property.arg?.isStatic === false ? property.arg : undefined]) {
        if (expression?.loc) this.script(file, `(${expression.loc.source})`, expression.loc.start.line - 1)
      }
    }
    for (const child of node.children ?? []) this.template(file, child)
  }

  component(file, text) {
    const { descriptor, errors } = parse(text, { filename: file })
    for (const error of errors) report(file, error.loc?.start.line ?? 1, String(error.message))
    for (const script of [descriptor.script, descriptor.scriptSetup]) if (script) this.script(file, script.content, script.loc.start.line - 1)
    if (descriptor.template?.ast) this.template(file, descriptor.template.ast)
    for (const style of descriptor.styles) if (HAN.test(style.content.replace(/\/\*.*?\*\//gs, ''))) report(file, style.loc.start.line, 'Chinese in a style')
  }

  file(file) {
    const text = readFileSync(file, 'utf8')
    if (file.endsWith('.vue')) this.component(file, text)
    else this.script(file, text, 0)
    text.split('\n').forEach((line, index) => {
      const found = MAKES_HTML.exec(line)
      if (found) report(file, index + 1, `${found[0]} makes code or HTML of a text`)
    })
  }
}

function lookUp(code, keys) {
  const all = [...keys.keys()]
  for (const { file, line, pattern } of code.used) {
    const wanted = new RegExp(`^${pattern}$`)
    if (!all.some((key) => wanted.test(key))) report(file, line, `there is no text ${pattern.replaceAll('\\', '').replaceAll('[^.]+', '*')}`)
  }
  const literals = new Set()
  const patterns = []
  for (const pattern of new Set(code.spelt)) {
    if (!pattern.includes('[^.]+')) literals.add(pattern.replaceAll('\\', ''))
    else if (/^\w+\\\./.test(pattern)) patterns.push(new RegExp(`^${pattern}$`)) // begins with a file of texts
  }
  for (const [key, { file, line }] of keys) if (!literals.has(key) && !patterns.some((one) => one.test(key))) report(file, line, `nothing uses ${key}`)
}

const chinese = readLanguage('zh-CN')
const english = readLanguage('en')
compare(chinese, english)
const code = new Code()
for (const file of filesUnder(path.join(app, 'src'), /\.(vue|ts)$/)) if (!/[/\\]i18n[/\\](zh-CN|en)[/\\]/.test(file)) code.file(file)
lookUp(code, chinese)
for (const line of findings) console.log(line)
process.exitCode = findings.length > 0 ? 1 : 0
