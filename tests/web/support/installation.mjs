/* The installation of a test file; see the program beside this file for what it can be asked. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./installation', import.meta.url))

class Installation {
  #process
  #waiting = new Map()
  #next = 1
  #ended

  constructor(process, lines, ended) {
    this.#process = process
    this.#ended = ended
    lines.on('line', (line) => {
      const answer = JSON.parse(line)
      const one = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === undefined) one.resolve(answer.result)
      else one.reject(new Error(answer.error))
    })
    ended.then((status) => {
      for (const one of this.#waiting.values()) one.reject(new Error(`the installation ended with status ${status}`))
    })
  }

  #ask(what, values) {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.stdin.write(`${JSON.stringify({ id, do: what, with: values })}\n`)
    })
  }

  /* Rows of text, as the superuser: for preparing and looking. */
  sql(text) { return this.#ask('sql', { text }) }
  yqctl(...words) { return this.#ask('yqctl', { arguments: words }) }
  yqctlJson(...words) { return this.#ask('yqctl', { arguments: words, json: true }) }
  settle() { return this.#ask('settle', {}) }
  /* kind: a kind of tests/support/dicomgen.py ('dr-chest', 'ct-chest' ...); more: its arguments, e.g. { name: 'ZHANG^SAN=张^三', size: 256 }. */
  push(kind, more = {}) { return this.#ask('push', { kind, ...more }) }
  /* A study with a series for each way of coding, named after it. */
  pushCoded(about) { return this.#ask('push_coded', about) }
  pushFilms(about) { return this.#ask('push_films', about) }
  /* 'conflict' or 'apart'; the SOP Instance UID of what is in doubt then. */
  doubt(what) { return this.#ask('doubt', { what }) }
  walk() { return this.#ask('walk', {}) }
  /* The demonstration's site, which takes reports back. */
  startSite() { return this.#ask('start_site', {}) }
  stopSite() { return this.#ask('stop_site', {}) }
  start(name, settings) { return this.#ask('start', { name, settings }) }
  stop(name) { return this.#ask('stop', { name }) }
  kill(name) { return this.#ask('kill', { name }) }
  restart(name, settings) { return this.#ask('restart', { name, settings }) }
  stopLedger() { return this.#ask('stop_ledger', {}) }
  startLedger() { return this.#ask('start_ledger', {}) }
  log(name) { return this.#ask('log', { name }) }

  async close() {
    this.#process.stdin.end()
    await this.#ended
  }
}

export async function startInstallation(settings = {}) {
  const process = spawn(PROGRAM, [JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => process.on('close', resolve))
  const lines = createInterface({ input: process.stdout })
  const first = await Promise.race([
    new Promise((resolve) => lines.once('line', resolve)),
    ended.then((status) => Promise.reject(new Error(`the installation does not start: status ${status}`))),
  ])
  const installation = new Installation(process, lines, ended)
  return Object.assign(installation, JSON.parse(first), { origin: `http://127.0.0.1:${JSON.parse(first).http_port}` })
}
