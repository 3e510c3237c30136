/* npm dicomweb-client, which others wrote and most viewers use, over every verb that it has, by a workstation's token. Its XMLHttpRequest is that of jsdom. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startInstallation } from './support/installation.mjs'
import { until } from './support/web.mjs'

const require = createRequire(path.join(fileURLToPath(new URL('../../gateway/web/', import.meta.url)), 'package.json'))
const { JSDOM } = require('jsdom')
const { api } = require('dicomweb-client')

const installation = await startInstallation()
after(() => installation.close())
const { window } = new JSDOM('', { url: installation.origin })
globalThis.XMLHttpRequest = window.XMLHttpRequest

const NAME = '李𠮷祥'
const IMAGES = 3
const SIZE = 32
const { study_instance_uid: studyInstanceUID } = await installation.push('ct-chest', { name: `LI^JIXIANG=${NAME}`, images: IMAGES, size: SIZE })
const loop = (await installation.push('us', { submit: false })).study_instance_uid

async function clientOf(account, may) {
  const lastDay = new Date(Date.now() + 9 * 86_400_000).toISOString().slice(0, 10)
  const { token } = await installation.yqctlJson('token', 'add', account, '--workstation', 'dicomweb-client', '--until', lastDay, '--may', may)
  return new api.DICOMwebClient({ url: `${installation.origin}/dicom-web`, headers: { Authorization: `Bearer ${token}` }, verbose: false })
}

const client = await clientOf('radiographer', 'read,store')
const walked = new Set()
/* What is called is noted, so that no verb is forgotten. */
function ask(verb, options) {
  walked.add(verb)
  return client[verb](options)
}

const value = (attributes, tag) => attributes[tag]?.Value?.[0]
const bytes = (buffer) => Buffer.from(buffer)
const uidOf = (file) => /\x02\x00\x03\x00UI..([0-9.]+)/s.exec(bytes(file).toString('latin1'))[1]

const series = value((await ask('searchForSeries', { studyInstanceUID }))[0], '0020000E')
const place = { studyInstanceUID, seriesInstanceUID: series }
const found = await ask('searchForInstances', place)
const uids = found.map((one) => value(one, '00080018')).sort()
const first = { ...place, sopInstanceUID: uids[0] }

test('it finds', async () => {
  const studies = await ask('searchForStudies', { queryParams: { PatientName: `${NAME}*`, ModalitiesInStudy: 'CT', limit: 5 } })
  assert.deepEqual(studies.map((one) => value(one, '0020000D')), [studyInstanceUID])
  assert.equal(value(studies[0], '00100010').Ideographic, NAME)
  assert.equal(uids.length, IMAGES)
  assert.deepEqual(await client.searchForStudies({ queryParams: { PatientID: 'nobody has this' } }), [])
  assert.equal((await client.searchForSeries({ queryParams: { SeriesInstanceUID: series } })).length, 1)
})

test('it reads metadata of each level', async () => {
  for (const [verb, options, count] of [['retrieveStudyMetadata', { studyInstanceUID }, IMAGES], ['retrieveSeriesMetadata', place, IMAGES], ['retrieveInstanceMetadata', first, 1]]) {
    const metadata = await ask(verb, options)
    assert.equal(metadata.length, count, verb)
    assert.equal(value(metadata[0], '00100010').Ideographic, NAME, verb)
    assert.equal(value(metadata[0], '00280010'), SIZE, verb)
  }
})

test('it retrieves objects, frames and bulk data, and they agree', async () => {
  for (const [verb, options] of [['retrieveStudy', { studyInstanceUID }], ['retrieveSeries', place]]) {
    const files = await ask(verb, options)
    assert.deepEqual(files.map(uidOf).sort(), uids, verb)
  }
  const file = bytes(await ask('retrieveInstance', first))
  assert.equal(uidOf(file), first.sopInstanceUID)
  const [frame] = await ask('retrieveInstanceFrames', { ...first, frameNumbers: [1] })
  assert.equal(frame.byteLength, SIZE * SIZE * 2)
  assert.ok(file.includes(bytes(frame)), 'the frame is that of the file')
  const [metadata] = await client.retrieveInstanceMetadata(first)
  const [bulk] = await ask('retrieveBulkData', { BulkDataURI: metadata['7FE00010'].BulkDataURI })
  assert.ok(bytes(bulk).equals(bytes(frame)))
  const single = new api.DICOMwebClient({ url: client.baseURL, headers: client.headers, singlepart: 'bulkdata' })
  const wanted = { BulkDataURI: metadata['7FE00010'].BulkDataURI, headers: { Accept: 'application/octet-stream', Range: 'bytes=16-47' } }
  assert.ok(bytes((await single.retrieveBulkData(wanted))[0]).equals(bytes(frame).subarray(16, 48)), 'a range of it')

  const [cine] = await client.searchForInstances({ studyInstanceUID: loop })
  const where = { studyInstanceUID: loop, seriesInstanceUID: value(cine, '0020000E'), sopInstanceUID: value(cine, '00080018') }
  const frames = await client.retrieveInstanceFrames({ ...where, frameNumbers: [4, 2] })
  const one = await client.retrieveInstanceFrames({ ...where, frameNumbers: [2] })
  assert.equal(frames.length, 2)
  assert.ok(bytes(frames[1]).equals(bytes(one[0])), 'in the order that was asked for')
})

test('it shows pictures', async () => {
  const JPEG = [0xff, 0xd8, 0xff]
  const PNG = [0x89, 0x50, 0x4e]
  const frames = { ...first, frameNumbers: [1] }
  for (const [verb, options, mediaType, magic] of [
    ['retrieveInstanceRendered', first, 'image/jpeg', JPEG], ['retrieveInstanceRendered', first, 'image/png', PNG],
    ['retrieveInstanceFramesRendered', frames, 'image/jpeg', JPEG], ['retrieveInstanceThumbnail', first, 'image/jpeg', JPEG],
    ['retrieveInstanceFramesThumbnail', frames, 'image/jpeg', JPEG],
  ]) {
    const picture = bytes([await ask(verb, { ...options, mediaTypes: [{ mediaType }] })].flat()[0])
    assert.deepEqual([...picture.subarray(0, 3)], magic, `${verb} ${mediaType}`)
  }
})

test('it stores, and finds what it stored', async () => {
  const text = bytes(await client.retrieveInstance(first)).toString('latin1')
  const fresh = `${first.sopInstanceUID.slice(0, -4)}${first.sopInstanceUID.slice(-4) === '7531' ? '7532' : '7531'}`
  const file = Buffer.from(text.replaceAll(first.sopInstanceUID, fresh), 'latin1')
  const answer = JSON.parse(await ask('storeInstances', { studyInstanceUID, datasets: [file.buffer.slice(file.byteOffset, file.byteOffset + file.length)] }))
  assert.deepEqual(answer['00081199'].Value.map((one) => value(one, '00081155')), [fresh])
  await until(async () => (await client.searchForInstances(place)).length === IMAGES + 1, 'what was stored is not found')
  const [frame] = await client.retrieveInstanceFrames({ ...place, sopInstanceUID: fresh, frameNumbers: [1] })
  assert.ok(file.includes(bytes(frame)))
})

test('what the token is not for is refused, and so is nobody', async () => {
  const reader = await clientOf('clinician', 'read')
  await assert.rejects(reader.storeInstances({ datasets: [new ArrayBuffer(8)] }), { status: 403 })
  assert.equal((await reader.searchForStudies({ queryParams: { StudyInstanceUID: studyInstanceUID } })).length, 1)
  const nobody = new api.DICOMwebClient({ url: `${installation.origin}/dicom-web`, headers: {}, verbose: false })
  await assert.rejects(nobody.searchForStudies(), { status: 401 })
})

test('no verb of it is left out', () => {
  const verbs = Object.getOwnPropertyNames(api.DICOMwebClient.prototype).filter((name) => /^(searchFor|retrieve|store)/.test(name))
  assert.deepEqual([...walked].sort(), verbs.sort())
})
