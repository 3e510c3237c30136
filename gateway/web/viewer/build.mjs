/*
 * Makes build/viewer of the package that ohif.json pins: checks its digest, leaves out what does not belong here, gives it an address below
 * /viewer/RELEASE/ and a page without inline scripts. It changes text that others wrote: where that is not as expected, the build stops.
 *
 * usage: node build.mjs FOLDER-WITH-THE-TARBALL OUT
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithEsbuild } from 'vite'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const [fetched, out] = process.argv.slice(2)

function check(isRight, otherwise) {
  if (!isRight) throw new Error(otherwise)
}

const own = (name) => readFileSync(path.join(HERE, name))
const pin = JSON.parse(own('ohif.json'))
const [algorithm, digest] = pin.integrity.split(/-(.*)/)

/* ---- what the package is ---- */

function unpack() {
  const tarballs = readdirSync(fetched).filter((name) => name.endsWith('.tgz'))
  check(tarballs.length === 1, `there are ${tarballs.length} packages in ${fetched}`)
  const tarball = path.join(fetched, tarballs[0])
  const found = createHash(algorithm).update(readFileSync(tarball)).digest('base64')
  check(found === digest, `${tarballs[0]} is not what ohif.json pins: its ${algorithm} is ${found}`)
  execFileSync('tar', ['-xzf', tarball, '-C', fetched, '--no-same-owner', '--exclude=*.map', '--exclude=package/dist/ort', 'package/dist', 'package/LICENSE'])
  return path.join(fetched, 'package', 'dist')
}

/* ---- what becomes of it ---- */
/* By path in the distribution. Icons of other platforms, logins elsewhere, the service worker, customizations from the address, configurations of others. */
const LEFT_OUT = new RegExp(`^(${[
  String.raw`assets/(?!images(/|$)).*`, 'ort', 'customizations', String.raw`(app-config|google|init-service-worker|sw|es6-shim\.min|polyfill\.min|oidc-client\.min)\.js`,
  String.raw`(index|silent-refresh)\.html`, String.raw`(manifest|serve)\.json`, String.raw`_(headers|redirects)`, String.raw`.*\.map`,
].join('|')})$`)

/* What the release is called: another one when the version or what is done to it changed, so that browsers may keep every file for good. */
const made = createHash('sha256').update(own('ohif.json')).update(own('app-config.js')).update(own('build.mjs')).digest('hex')
const release = `${pin.version}-${made.slice(0, 8)}`
const base = `/viewer/${release}/`

/* What is changed, in which kind of file, and how often it must be found. */
const CHANGES = [
  { in: '.js', from: '__webpack_require__.p = "/"', to: `__webpack_require__.p = "${base}"`, times: 8 },
  { in: '.css', from: 'url(/', to: `url(${base}`, times: 5 },
  /* A Chinese name in characters: a reading is that of many. */
  { in: '.js', from: 'let nameToUse = name.Alphabetic ?? name;', to: "let nameToUse = name.Ideographic?.replace(/\\^/g, '') || (name.Alphabetic ?? name);", times: 1 },
  /* What is made of measurements and segmentations is stored by app-config.js; the button is there for who may. */
  { in: '.js', from: 'className: "pl-0.5",\n    onClick: e => {\n      e.stopPropagation();\n      if (actions?.createSR)', to: 'className: window.yq.mayKeep ? "pl-0.5" : "hidden",\n    onClick: e => {\n      e.stopPropagation();\n      if (actions?.createSR)', times: 1 },
  { in: '.js', from: 'await wadoDicomWebClient.storeInstances(options);', to: 'await window.yq.keep(options.datasets[0]);', times: 2 },
  /* Made by evaluating text, which the page's policy forbids; workers, which may, have no yq. */
  { in: '.js', from: 'function compileConstructor(dtype, dimension) {', to: 'function compileConstructor(dtype, dimension) {\n  if (globalThis.yq) return globalThis.yq.viewOf(dtype);', times: 4 },
  /* What app-config.js asked before the viewer ran; where that came to nothing it is asked again. */
  { in: '.js', from: "return this._httpRequest(url, 'get', headers, {", to: "const early = globalThis.yq?.early(url);\n      if (early) return early.catch(() => this._httpRequest(url, 'get', headers, { responseType, progressCallback, withCredentials }));\n      return this._httpRequest(url, 'get', headers, {", times: 2 },
  /* One drawing context for all viewports instead of seven that are made at the start: without a graphics card each takes its time. */
  { in: '.js', from: 'webGlContextCount: 7,', to: 'webGlContextCount: 1,', times: 2 },
  /* Whether thousands of images make a volume is asked at each change of a viewport: only where there is something to lay over it. */
  { in: '.js', from: 'const backgroundCanBeVolume = esm.utilities.isValidVolume(viewportDisplaySets[0].imageIds || []);', to: 'const backgroundCanBeVolume = otherDisplaySets.length > 0 && esm.utilities.isValidVolume(viewportDisplaySets[0].imageIds || []);', times: 1 },
  /* Of the kinds of work and their extensions only ours: all of them start with the viewer. */
  ...['extensions.push("@ohif/extension-ultrasound-pleura-bline");', ...['basic', 'tmtv', 'microscopy', 'preclinical-4d', 'ultrasound-pleura-bline'].map((mode) => `modes.push("@ohif/mode-${mode}");`)]
    .map((text) => ({ in: '.js', from: `pluginImports_${text}`, to: '', times: 1 })),
  { in: '.js', from: `const response = await fetch(url, {
                headers,
                signal: undefined,
            });`, to: 'const response = (await globalThis.yq?.early(url)?.catch(() => null)) ?? await fetch(url, { headers });', times: 1 },
  /* An empty viewport is drawn several times before its first image comes: by the canvas alone, without a picture of nothing from the graphics card. */
  { in: '.js', from: `renderWindow.render();
        allRenderers.forEach(({ renderer: r }) => r.setDraw(false));`, to: `const isEmpty = renderer.getViewProps().length === 0 && widgetRenderers.size === 0;
        if (!isEmpty) renderWindow.render();
        allRenderers.forEach(({ renderer: r }) => r.setDraw(false));`, times: 2 },
  { in: '.js', from: 'const eventDetail = this._copyToOnscreenCanvas(viewport, offScreenCanvas);\n        return eventDetail;', to: 'return this._copyToOnscreenCanvas(viewport, isEmpty ? null : offScreenCanvas);', times: 2 },
  { in: '.js', from: 'onScreenContext.drawImage(offScreenCanvas, 0, sourceY, dWidth, dHeight, 0, 0, dWidth, dHeight);',
    to: 'if (offScreenCanvas === null) this.fillCanvasWithBackgroundColor(canvas, viewport.defaultOptions?.background ?? [0, 0, 0]);\n        else onScreenContext.drawImage(offScreenCanvas, 0, sourceY, dWidth, dHeight, 0, 0, dWidth, dHeight);', times: 2 },
  /* Of a film only how large and long it is, until it is played; and who cannot see it hears why. */
  { in: '.js', from: "this.videoElement.preload = 'auto';", to: "this.videoElement.preload = 'metadata';\n            window.yq.sayWhyNoFilm(this.videoElement, this.element, resolve);", times: 2 },
  /* A film is what is coded as one, of ultrasound and angiography, too; a loop of pictures is none, however long it is. */
  { in: '.js', from: 'if (supportedTransferSyntaxUIDs.includes(tsuid)) {', to: 'if (/^1\\.2\\.840\\.10008\\.1\\.2\\.4\\.10[0-8](\\.1)?$/.test(tsuid)) {', times: 1 },
  { in: '.js', from: 'return secondaryCaptureSopClassUids.includes(metadata.SOPClassUID) && metadata.NumberOfFrames >= 90;', to: 'return false;', times: 1 },
  { in: '.js', from: 'const sopClassUids = Object.values(SOP_CLASS_UIDS);\nconst secondary', to: `const sopClassUids = [...Object.values(SOP_CLASS_UIDS), ${['3.1', '12.1', '12.2'].map((one) => `'1.2.840.10008.5.1.4.1.1.${one}'`)}];\nconst secondary`, times: 1 },
  /* Two tools take their model from a place elsewhere, which nothing here does. */
  { in: '.js', from: "LabelMapTools: ['LabelmapSlicePropagation', 'BrushTools', 'MarkerLabelmap', ", to: "LabelMapTools: ['BrushTools', ", times: 1 },
  /* Segmenting has an address below the viewer's. */
  { in: '.js', from: "routeName: 'segmentation',", to: "routeName: 'viewer/segmentation',", times: 1 },
  /* Its words in Chinese, before anything is said with them. */
  { in: '.js', from: 'Tools: zh_Tools_namespaceObject\n  }\n});', to: 'Tools: zh_Tools_namespaceObject\n  }\n});\nwindow.yq.teach(zh.zh);', times: 1 },
  /* Words of these dialogs that the package has in English only. */
  { in: '.js', from: "t('Create SR')", to: "window.yq.say('Create SR')", times: 1 },
  { in: '.js', from: "title: 'Store Segmentation'", to: "title: window.yq.say('Store Segmentation')", times: 1 },
  { in: '.js', from: "defaultSaveTitle = 'Create Report'", to: "defaultSaveTitle = window.yq.say('Create Report')", times: 1 },
  { in: '.js', from: "title: 'Create Report',", to: "title: window.yq.say('Create Report'),", times: 2 },
  { in: '.js', from: 'successMessage ?? `${reportType} saved successfully`', to: "successMessage ?? window.yq.say('Saved')", times: 1 },
  { in: '.js', from: "label: 'Create new series'", to: "label: window.yq.say('Create new series')", times: 1 },
  { in: '.js', from: 'placeholder: "Report name",\n    disabled: !!selectedSeries', to: 'placeholder: window.yq.say("Report name"),\n    disabled: !!selectedSeries', times: 1 },
  { in: '.js', from: 'className: "mb-1 pl-1 text-base"\n  }, "Series")', to: 'className: "mb-1 pl-1 text-base"\n  }, window.yq.say("Series"))', times: 2 },
  { in: '.js', from: 'onClick: handleSave\n  }, "Save")', to: 'onClick: handleSave\n  }, window.yq.say("Save"))', times: 1 },
  { in: '.js', from: 'title: `${type}`,', to: 'title: window.yq.say(type),', times: 1 },
  { in: '.js', from: 'loading: `Computing...`', to: "loading: window.yq.say('Computing...')", times: 1 },
  { in: '.js', from: 'success: `Completed successfully`', to: "success: window.yq.say('Completed successfully')", times: 1 },
  { in: '.js', from: "error: 'Web Worker failed'", to: "error: window.yq.say('Web Worker failed')", times: 1 },
  ...[["label: 'Delete measurement'", 1], ["label: 'Add Label'", 2], ["title: 'Study date'", 1], ["title: 'Series description'", 1], ["title: 'Instance Number'", 1], ["title: 'Window Level'", 1],
    ['"aria-label": "Image navigation scrollbar"', 2], ['"aria-label": "Actions"', 2]].map(([text, times]) => ({ in: '.js', from: text, to: text.replace(/: (.*)/, ': window.yq.say($1)'), times })),
  ...[['Yes', 3], ['No', 1], ['Cancel', 4], ['Save', 1], ['Discard', 1], ['No, discard existing', 1], ['Create new report', 1], ['Add to existing report', 1],
    ['No, discard previously tracked series & measurements', 1]].map(([text, times]) => ({ in: '.js', from: `text: '${text}',`, to: `text: window.yq.say('${text}'),`, times })),
].map((change) => ({ ...change, found: 0 }))

/* Without the blanks and comments that the package has. Names stay: some of its parts are found by theirs. */
const SHORT = { minifyWhitespace: true, minifySyntax: true, minifyIdentifiers: false, legalComments: 'none', sourcemap: false, target: 'chrome109', loader: 'js' }

async function fit(source, target) {
  const extension = path.extname(source)
  const changes = CHANGES.filter((change) => change.in === extension)
  if (changes.length === 0) return copyFileSync(source, target)
  let text = readFileSync(source, 'utf8')
  for (const change of changes) {
    const parts = text.split(change.from)
    change.found += parts.length - 1
    text = parts.join(change.to)
  }
  writeFileSync(target, extension === '.js' ? (await transformWithEsbuild(text, path.basename(source), SHORT)).code : text)
}

async function copy(dist, to, below = '') {
  mkdirSync(path.join(to, below), { recursive: true })
  for (const entry of readdirSync(path.join(dist, below), { withFileTypes: true })) {
    const name = path.posix.join(below, entry.name)
    if (LEFT_OUT.test(name)) continue
    if (entry.isDirectory()) await copy(dist, to, name)
    else await fit(path.join(dist, name), path.join(to, name))
  }
}

/* What a study needs of the scripts that the viewer would ask for one after the other. By number, as the package names them. */
const AT_ONCE = [1673, 6938, 6489, 6495, 8478, 89, 2623, 6749, 5696, 1483, 9383, 7248, 781, 9415, 3500, 5448, 1206]

function atOnce(dist) {
  const names = readdirSync(dist)
  return AT_ONCE.map((number) => {
    const found = names.filter((name) => name.startsWith(`${number}.bundle.`) && name.endsWith('.js'))
    check(found.length === 1, `there are ${found.length} scripts of the number ${number}`)
    return found[0]
  })
}

/* The page anew: of theirs only which scripts and style sheets it starts with. */
function page(theirs) {
  const startWith = (pattern) => [...theirs.matchAll(pattern)].map((found) => found[1]).filter((name) => !LEFT_OUT.test(name)).map((name) => base + name)
  const scripts = startWith(/<script\b[^>]*\bsrc="\/([^"]+)"/g)
  const styles = startWith(/<link\b[^>]*\bhref="\/([^"]+\.css)"/g)
  check(scripts.length === 1 && styles.length === 1, `index.html starts with ${scripts.length} scripts and ${styles.length} style sheets`)
  return `<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>影桥</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${styles[0]}">
${atOnce(dist).map((name) => `<link rel="preload" as="script" href="${base}${name}">\n`).join('')}<script src="${base}app-config.js"></script>
<script defer src="${scripts[0]}"></script>
</head>
<body>
<noscript>请启用 JavaScript。 Please enable JavaScript.</noscript>
<div id="react-portal"></div>
<div id="root"></div>
</body>
</html>
`
}

const dist = unpack()
const below = path.join(out, release)
rmSync(out, { recursive: true, force: true })
await copy(dist, below)
for (const { from, found, times } of CHANGES) check(found === times, `${JSON.stringify(from)} was found ${found} times, not ${times}`)
copyFileSync(path.join(HERE, 'app-config.js'), path.join(below, 'app-config.js'))
copyFileSync(path.join(dist, '../LICENSE'), path.join(below, 'LICENSE.txt'))
writeFileSync(path.join(out, 'index.html'), page(readFileSync(path.join(dist, 'index.html'), 'utf8')))
