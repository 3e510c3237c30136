/* Is a page in one language? Its words are the texts and the names of controls; what is data (names, texts that people typed) is taken out first. */
import assert from 'node:assert/strict'

/* All the text of the page, seen and only read aloud; in the browser. What people wrote for others to compare is data through and through. */
function wordsOfPage() {
  const { document, NodeFilter } = globalThis
  const words = []
  const isData = (element) => element.closest('script, style, noscript, .report p, textarea') !== null
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) if (walker.currentNode.data.trim() !== '' && !isData(walker.currentNode.parentElement)) words.push(walker.currentNode.data.trim())
  for (const element of document.querySelectorAll('[title], [aria-label], [placeholder], [alt]')) {
    for (const name of ['title', 'aria-label', 'placeholder', 'alt']) if (element.getAttribute(name)) words.push(element.getAttribute(name))
  }
  return words
}

const KEY = /\b(?:common|states|frame|township|reading|cockpit|operations)\.[a-z_]+(?:\.[a-z_0-9]+)*/
const ENGLISH = /\b[A-Za-z]{2,}(?: [a-z]{2,}){2,}/
const UNTRANSLATED_EVENT = /其他记录|Other entry/

/* What stands on the page in the wrong language, or is no language at all: lines. `data`: words that may stand there in any language. */
export async function foreignWords(page, language, data) {
  const longestFirst = [...new Set(['中文', 'English', ...data])].filter((one) => one !== '').sort((a, b) => b.length - a.length)
  const found = []
  for (const text of await page.evaluate(wordsOfPage)) {
    let rest = text
    for (const one of longestFirst) rest = rest.replaceAll(one, ' ')
    const isForeign = language === 'en' ? /\p{Script=Han}/u.test(rest) : ENGLISH.test(rest)
    if (isForeign || KEY.test(rest) || UNTRANSLATED_EVENT.test(rest)) found.push(text)
  }
  return [...new Set(found)]
}

export async function checkLanguage(page, language, data) {
  assert.deepEqual(await foreignWords(page, language, data), [], `foreign words on a page in ${language}`)
}
