/*
 * What OHIF is here: one viewer over our own DICOMweb, opened on one study. Runs before OHIF, as a script of its own: the policy of the page
 * allows no inline one. Our pages choose the language (yq.preferences), the login is theirs.
 */
(() => {
  const STUDIES = new URLSearchParams(location.search).get('StudyInstanceUIDs') ?? ''
  const SERIES = new URLSearchParams(location.search).get('SeriesInstanceUIDs') ?? ''
  const CHECK_MS = 60_000
  const LOOK_MS = 200
  const LOOKS_MAX = 50
  const EARLY_MS = 30_000
  const EARLY_SERIES = 8
  const BOX = 'yq-told'
  const WEBGL = 'yq.webgl'
  const CHECK_LATER_MS = 5_000
  const FILM = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8]/ // its frames cannot be had alone
  const FRAMES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'

  /* ---- asked before the viewer has started, and before anything else that takes its time ---- */

  /* Priors are of the patient as the ledger knows him: a number alone may be somebody else's at another site. */
  const queryRoot = `/dicom-web/patient-of/${STUDIES.split(',')[0]}`
  const isChosen = /^[0-9.,]+$/.test(STUDIES)

  /*
   * What the viewer asks first is known before it runs: the study, its series, what these are made of, and the image that it shows first. These
   * addresses are as it writes them; what it writes otherwise is asked anew. An answer is given once and is good for as long as a start takes: who
   * asks again wants to know what came since.
   */
  const asked = new Map()
  function ask(address, accept, read, signal) {
    const answer = fetch(address, { headers: { Accept: accept }, signal }).then((given) => {
      if (given.status !== 200) throw new Error(`status ${given.status}`)
      return read(given)
    })
    answer.catch(() => undefined)
    asked.set(address, answer)
    setTimeout(() => asked.delete(address), EARLY_MS)
    return answer
  }
  const askJson = (address) => ask(address, 'application/dicom+json', (given) => given.json())
  const askFrame = (address, signal) => ask(address, FRAMES, async (given) => new Response(await given.arrayBuffer(), { headers: given.headers }), signal)

  /* Nothing when it was not asked; rejects when the answer was no good. */
  function early(address) {
    const answer = asked.get(address)
    asked.delete(address)
    return answer
  }

  /* Of the instances of a series the one that a stack begins with, as the viewer sorts them: along the normal of the first one's plane, or by number. */
  function firstOf(instances) {
    const values = (one, tag) => (one[tag]?.Value ?? []).map(Number)
    const pictures = instances.filter((one) => one['00280010'] !== undefined && !FILM.test(one['00083002']?.Value?.[0]))
    const [a, b, c, d, e, f] = pictures.length === 0 ? [] : values(pictures[0], '00200037')
    const isPlaced = f !== undefined && pictures.every((one) => values(one, '00200032').length === 3)
    const rank = (one) => {
      if (!isPlaced) return -(values(one, '00200013')[0] ?? 0)
      const [x, y, z] = values(one, '00200032')
      return x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d)
    }
    return pictures.map((one) => ({ one, rank: rank(one) })).reduce((best, next) => (best === null || next.rank > best.rank ? next : best), null)?.one
  }

  let guess = null
  function guessFirst(study, series, instances) {
    const first = firstOf(instances)
    if (first === undefined || guess !== null) return
    guess = { address: `/dicom-web/studies/${study}/series/${series}/instances/${first['00080018'].Value[0]}/frames/1`, stop: new AbortController() }
    askFrame(guess.address, guess.stop.signal)
  }

  async function askEarly() {
    const uid = STUDIES.split(',')[0]
    askJson(`${queryRoot}/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030&StudyInstanceUID=${uid}`)
    /* Of series that are named in the address it asks for each alone. */
    const listed = `/dicom-web/studies/${uid}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011`
    const named = SERIES.split(',').filter((one) => /^[0-9.]+$/.test(one)).slice(0, EARLY_SERIES)
    for (const one of named) askJson(`${listed}&SeriesInstanceUID=${one}`)
    const series = named.length > 0 ? named : (await askJson(listed)).map((one) => one['0020000E'].Value[0])
    const metadata = series.slice(0, EARLY_SERIES).map((one) => [one, askJson(`/dicom-web/studies/${uid}/series/${one}/metadata`)])
    for (const [one, answer] of metadata) guessFirst(uid, one, await answer)
  }
  if (isChosen) askEarly().catch(() => undefined) // whoever asks then hears why

  /* Where the image that is shown first is another one it is asked for when that is known; its viewport, which takes a while to make, then finds it on its way. */
  function hasten() {
    const { displaySetService } = services
    const { unsubscribe } = displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, ({ displaySetsAdded }) => {
      const [, address] = /^wadors:(.*)$/.exec(displaySetsAdded.map((one) => one.images?.[0]).find((image) => image?.Rows > 0 && !FILM.test(image.AvailableTransferSyntaxUID))?.imageId ?? '') ?? []
      if (address === undefined) return
      unsubscribe()
      if (address === guess?.address) return
      guess?.stop.abort()
      askFrame(address)
    })
  }

  function preferences() {
    try {
      return JSON.parse(localStorage.getItem('yq.preferences')) ?? {}
    } catch {
      return {}
    }
  }
  const { language, isMasked } = preferences()
  const isEnglish = (language ?? navigator.language).startsWith('en')
  const WORDS = isEnglish
    ? { title: 'Viewer · Yingqiao', ended: 'Your login has ended.', again: 'Log in again', nothing: 'No study was chosen. Open one from the queue or from a report.', gone: 'This study is not here any more, or you may not see it.', pages: 'To the pages', no_webgl: 'The browser of this computer has no WebGL: this viewer would show black. The plain page shows the same images.', broken: 'The viewer cannot start in this browser. The plain page shows the same images.', plain: 'Open the plain page', segment: 'Segmentation', read: 'Reading', key: 'Key image', keyed: 'Is a key image of the report now.', unkeyed: 'Is no key image any more.', noKey: 'Mark it where a single image is shown.', notKeyed: 'Not marked: take the reading task of this study first; at most 20.', notKept: 'Not stored: ', why: { 403: 'take the reading task of this study first.', 404: 'the study is not here any more.', 507: 'the store is full.', 290: 'objects of this kind are not stored here.', 41217: 'it is of another study than the one that was opened.', 41218: 'the patient was corrected meanwhile: open the study anew.', 41219: 'it refers to images of another study.', 292: 'you do not hold the reading task any more.' }, other: 'try again.', film: 'This film cannot be played in a browser: only MPEG-4 and HEVC in an MP4 file can be. The original is safely stored.', filmAway: 'The film cannot be fetched now. Open it again.' }
    : { title: '阅片器 · 影桥', ended: '登录已失效，图像不再更新。', again: '重新登录', nothing: '没有选择检查。请从待诊断队列或报告旁打开。', gone: '找不到这个检查，可能已被合并，或您无权查看。', pages: '返回影桥', no_webgl: '这台电脑的浏览器不支持 WebGL，完整阅片器只会显示黑屏。简易阅片页可以显示同样的图像。', broken: '完整阅片器无法在这个浏览器中启动。简易阅片页可以显示同样的图像。', plain: '打开简易阅片页', segment: '分割', read: '阅片', key: '关键图像', keyed: '已标为报告的关键图像。', unkeyed: '已取消关键图像。', noKey: '请在显示单幅图像的视窗中标记。', notKeyed: '未能标记：请先领取这个检查的诊断任务；最多 20 幅。', notKept: '未能保存：', why: { 403: '请先领取这个检查的诊断任务。', 404: '找不到这个检查。', 507: '存储空间不足。', 290: '这里不保存这类对象。', 41217: '它属于另一个检查，不是打开的这个。', 41218: '患者信息已更正，请重新打开检查。', 41219: '它引用了其他检查的图像。', 292: '您已不再持有这个检查的诊断任务。' }, other: '请重试。', film: '这段视频浏览器不能播放：只有 MP4 文件中的 MPEG-4 和 HEVC 可以播放。原始视频已完整保存。', filmAway: '现在无法读取这段视频，请重新打开。' }
  /* What OHIF has in English only, by its own words. */
  const SAID = {
    'Create SR': '保存测量 (SR)', 'Create Report': '测量', 'Store Segmentation': '分割 (SEG)', Saved: '已保存', 'Create new series': '新序列', 'Report name': '名称', Series: '序列', Save: '保存',
    Yes: '是', No: '否', Cancel: '取消', Discard: '放弃', 'No, discard existing': '否，放弃已有测量', 'Create new report': '新建测量报告', 'Add to existing report': '加入已有测量报告',
    'No, discard previously tracked series & measurements': '否，放弃之前跟踪的序列和测量',
    'Delete measurement': '删除测量', 'Add Label': '添加标注', 'Study date': '检查日期', 'Series description': '序列描述', 'Instance Number': '图像号', 'Window Level': '窗宽窗位', Actions: '操作', 'Image navigation scrollbar': '图像滚动条',
    'Interpolating Labelmap': '标签图插值', 'Computing Largest Bidirectional': '计算最大双径线', 'Computing...': '正在计算…', 'Completed successfully': '已完成', 'Web Worker failed': '计算失败',
  }
  /* What the package has not in Chinese, by its namespaces. */
  const NAMESPACES = {
    SegmentationPanel: {
      'Add segmentation': '新建分割', 'Add new segmentation': '新建分割', 'Add Segment': '新建区域', 'Add segment': '新建区域', Segmentation: '分割', Segmentations: '分割', Labelmap: '标签图', 'Labelmap tools': '标签图工具', 'Labelmap Segmentations': '标签图分割', Contour: '轮廓', 'Contour tools': '轮廓工具', 'Contour Segmentations': '轮廓分割',
      Export: '保存与导出', 'DICOM SEG': '保存分割 (SEG)', 'DICOM RTSS': 'RT 结构集', 'CSV Report': 'CSV', 'Download & Export': '下载与导出', Download: '下载', 'Create New Segmentation': '新建分割', 'Manage Current Segmentation': '管理当前分割', 'Remove from Viewport': '从视窗移除', Rename: '重命名', Delete: '删除',
      Opacity: '不透明度', Border: '边线', Show: '显示', Fill: '填充', Outline: '轮廓', 'Fill & Outline': '填充和轮廓', 'Outline Only': '仅轮廓', 'Fill Only': '仅填充', Size: '大小', 'Display inactive segmentations': '显示非当前分割', Active: '当前', 'Inactive segmentations': '非当前分割', 'Segmentation not supported': '不支持这种分割',
      'Preview edits before creating': '先预览再生成', 'Use center as segment index': '以中心处的区域为准', 'Hover on segment border to activate': '指向边线时激活区域', 'Show segment name on hover': '指向区域时显示名称', 'No segmentations available': '没有分割', 'Add segment to enable this tool': '请先新建区域', 'Not available on the current viewport': '不适用于当前视窗',
      'Segment Bidirectional': '区域双径线', 'Draw a segment before using bidirectional measurement': '请先勾画区域，再测双径线', 'Fill contour holes': '填充轮廓内的孔洞', 'Fill Holes': '填充孔洞', 'Remove Small Contours': '去除小轮廓', 'Area Threshold': '面积阈值', 'Create New Segment from Holes': '由孔洞新建区域',
    },
    Buttons: {
      'Rotate Right +90': '向右旋转 90°', Shape: '形状', Sphere: '球形', 'Radius (mm)': '半径 (mm)', Dynamic: '动态', Range: '范围', 'Click to toggle on or off': '单击开启或关闭', 'Freehand Segmentation': '手绘分割', 'Interpolate Contours': '轮廓插值', 'Livewire Contour': '智能描边轮廓', 'Spline Contour Segmentation Tool': '样条轮廓分割',
      'Spline Type': '样条类型', 'Catmull Rom Spline': 'Catmull-Rom 样条', 'Linear Spline': '线性样条', 'B-Spline': 'B 样条', 'Simplified Spline': '简化样条', 'Sculptor Tool': '轮廓修整', 'Dynamic Cursor Size': '光标大小自动调整',
      'Automatically fill in missing slices between drawn segments. Use brush or threshold tools on at least two slices, then click to interpolate across slices. Works in any direction. Volume must be reconstructable.': '自动填补已勾画层面之间的层面。请先用画笔或阈值工具勾画至少两层，再单击进行插值。任意方向均可，序列须可重建为容积。',
      'The current viewport cannot handle interpolation.': '当前视窗不能插值。', 'Automatically detects the largest length and width across slices for the selected segment and displays a bidirectional measurement.': '自动找出所选区域各层面中的最大长径和短径，并显示双径线测量。', 'Tool not available for this modality': '该工具不适用于此类检查',
      'Labelmap Edit with Contour Tool': '用轮廓工具修改标签图', 'Not available on the current viewport': '不适用于当前视窗',
    },
    Common: { Foreground: '前景', 'SELECT A FOREGROUND': '选择前景', 'SELECT A SEGMENTATION': '选择分割' },
    MeasurementTable: { Yes: '是', No: '否', 'No, do not ask again': '否，不再询问', empty: '（无名称）', Rename: '重命名', Duplicate: '复制', 'Change Color': '更改颜色', Lock: '锁定', Unlock: '解锁', Hide: '隐藏', Show: '显示', 'Create SR': '保存测量 (SR)' },
    WindowLevelActionMenu: { 'Rendering Presets': '渲染预设', 'Search all': '搜索全部', Quality: '质量', Lighting: '光照', Shade: '明暗', Ambient: '环境光', Diffuse: '漫反射', Specular: '镜面反射', Shift: '偏移' },
    ROIThresholdConfiguration: { 'Threshold Tools': '阈值工具', ThresholdRange: '阈值范围' },
    Tools: { 'Edit Segmentation Label': '修改分割名称' },
    Hps: { 'Compare two studies in various layouts': '以多种布局对比两个检查', 'Compare Two Studies': '对比两个检查', 'Mammography Breast Screening': '乳腺筛查' },
    Header: { Appearance: '外观', Logout: '退出登录' },
    AppearanceModal: { Appearance: '外观' },
    AboutModal: {
      'About OHIF Viewer': '关于 OHIF 阅片器', Browser: '浏览器', 'Build number': '构建号', 'Commit hash': '提交', 'Commit Hash': '提交', 'Current Browser & OS': '当前浏览器与操作系统', 'Data citation': '数据引用', 'Important links': '重要链接', 'More details': '更多', Name: '名称', OS: '操作系统', 'Report an issue': '报告问题',
      'Repository URL': '代码库地址', Value: '值', 'Version information': '版本信息', 'Version number': '版本号', 'Visit the forum': '访问论坛',
    },
    ErrorBoundary: { in: '位于', 'Stack Trace': '调用栈' },
    StudyItem: { 'Tracked series': '{{trackedSeries}} 个已跟踪序列' },
    TooltipClipboard: { Copied: '已复制', 'Failed to copy': '未能复制' },
    ThumbnailTracked: { 'Series is tracked': '序列已跟踪', 'Series is untracked': '序列未跟踪', Viewport: '视窗' },
    TrackedCornerstoneViewport: { 'Series is tracked and can be viewed in the measurement panel': '序列已跟踪，可在测量面板中查看', 'Measurements for untracked series will not be shown in the measurements panel': '未跟踪序列的测量不在测量面板中显示' },
    Messages: {
      1: '序列中没有有效的图像。', 2: '缺少位置信息。', 3: '不能重建为三维容积。', 4: '多帧图像缺少像素间距信息。', 5: '多帧图像缺少方向信息。', 6: '多帧图像缺少位置信息。', 7: '缺少图像帧。', 8: '层间距不一致。', 9: '各帧大小不一致。', 10: '各帧分量数不一致。', 11: '各帧方向不一致。', 12: '位置信息不一致。',
      13: '不支持这种图像。', 14: '不支持 SOP Class UID {{ sopClassUid }}。', 15: '缺少 SOP Class UID，请检查文件。', 'Display Set Messages': '序列提示',
    },
  }
  function teach(words) {
    for (const [name, more] of Object.entries(NAMESPACES)) words[name] = { ...words[name], ...more }
  }
  const say = (text) => isEnglish ? text : SAID[text] ?? text

  /* ---- what only this page needs ---- */

  function tell(text, label, address) {
    if (document.getElementById(BOX) !== null) return
    const box = document.createElement('div')
    box.id = BOX
    box.setAttribute('role', 'alertdialog')
    box.setAttribute('aria-label', text)
    box.style.cssText = 'position:fixed;inset:0;z-index:2147483647;display:grid;place-content:center;gap:16px;background:rgb(0 0 0 / 88%);color:#fff;font:18px/1.6 system-ui,sans-serif;text-align:center'
    const words = document.createElement('p')
    words.textContent = text
    const link = document.createElement('a')
    link.href = address
    link.textContent = label
    link.style.cssText = 'justify-self:center;padding:6px 24px;border-radius:4px;background:#1d6fb8;color:#fff;text-decoration:none'
    box.append(words, link)
    document.body.append(box)
    link.focus()
  }
  const askForLogin = () => tell(WORDS.ended, WORDS.again, `/login?next=${encodeURIComponent(`/viewer?StudyInstanceUIDs=${STUDIES}`)}`)

  /* ---- machines and browsers that are too old for it: the plain page is drawn by the gateway ---- */

  const PLAIN = `/images?StudyInstanceUIDs=${STUDIES}`
  const whenReady = (act) => (document.body === null ? document.addEventListener('DOMContentLoaded', act) : act())
  const leadToPlain = (why) => { if (isChosen) whenReady(() => tell(why, WORDS.plain, PLAIN)) }

  function hasWebgl() {
    const canvas = document.createElement('canvas')
    const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl')
    context?.getExtension('WEBGL_lose_context')?.loseContext()
    return context !== null
  }
  function checkWebgl() {
    const has = hasWebgl()
    try {
      if (has) localStorage.setItem(WEBGL, 'yes')
      else localStorage.removeItem(WEBGL)
    } catch {
      /* asked at each start then */
    }
    if (!has) leadToPlain(WORDS.no_webgl)
  }
  /* To ask takes a context of its own, and time before the first image: a browser that had it the last time is asked when that is there. */
  function hadWebgl() {
    try {
      return localStorage.getItem(WEBGL) !== null
    } catch {
      return false
    }
  }
  if (hadWebgl()) setTimeout(checkWebgl, CHECK_LATER_MS)
  else checkWebgl()

  /* A script that does not come, or that this browser cannot read; an error of the running viewer is its own. */
  window.addEventListener('error', (event) => {
    const hasStarted = document.getElementById('root')?.childElementCount > 0
    if (event.target instanceof HTMLScriptElement ? !hasStarted : event instanceof ErrorEvent && !hasStarted) leadToPlain(WORDS.broken)
  }, true)

  /* OHIF tells its error handler of some calls only. */
  if (typeof PerformanceObserver !== 'undefined')
    new PerformanceObserver((list) => {
      if (list.getEntries().some((entry) => entry.responseStatus === 401)) askForLogin()
    }).observe({ type: 'resource', buffered: true })

  /* OHIF goes to a page of its own, in English, when the study is not there. */
  globalThis.navigation?.addEventListener('currententrychange', () => {
    if (!/^\/viewer(\/segmentation)?\/?$/.test(location.pathname)) tell(WORDS.gone, WORDS.pages, '/')
  })

  /* A screen in use asks by itself; one that was left alone is asked about when somebody comes back to it. */
  let checkedAt = performance.now()
  async function check() {
    if (document.visibilityState !== 'visible' || performance.now() - checkedAt < CHECK_MS) return
    checkedAt = performance.now()
    const answer = await fetch('/api/v1/me', { cache: 'no-store' }).catch(() => null)
    if (answer?.status === 401) askForLogin()
  }
  document.addEventListener('visibilitychange', check)
  window.addEventListener('focus', check)

  /* ---- in place of what the package evaluates ---- */

  /* A view of an array with strides, of any number of axes, as the package's ndarray compiles one for each. */
  class View {
    constructor(dtype, data, shape, stride, offset) {
      Object.assign(this, { dtype, data, shape: [...shape], stride: [...stride], offset: offset | 0, dimension: shape.length })
    }
    get size() { return this.shape.reduce((size, length) => size * length, 1) }
    get order() { return this.stride.map((_, axis) => axis).sort((a, b) => Math.abs(this.stride[a]) - Math.abs(this.stride[b])) }
    index(...at) {
      let sum = this.offset
      for (let axis = 0; axis < this.dimension; axis++) sum += this.stride[axis] * at[axis]
      return sum
    }
    get(...at) { return this.dtype === 'generic' ? this.data.get(this.index(...at)) : this.data[this.index(...at)] }
    set(...at) { return this.dtype === 'generic' ? this.data.set(this.index(...at), at[this.dimension]) : (this.data[this.index(...at)] = at[this.dimension]) }
    hi(...to) { return this.#with(this.shape.map((length, axis) => to[axis] >= 0 ? to[axis] | 0 : length)) }
    lo(...from) {
      const first = this.shape.map((_, axis) => from[axis] >= 0 ? from[axis] | 0 : 0)
      return this.#with(this.shape.map((length, axis) => length - first[axis]), this.stride, this.index(...first))
    }
    step(...by) {
      const steps = this.shape.map((_, axis) => typeof by[axis] === 'number' ? by[axis] | 0 : 1)
      return this.#with(this.shape.map((length, axis) => Math.ceil(length / Math.abs(steps[axis]))), this.stride.map((stride, axis) => stride * steps[axis]),
        this.index(...this.shape.map((length, axis) => steps[axis] < 0 ? length - 1 : 0)))
    }
    transpose(...axes) {
      const order = this.shape.map((_, axis) => axes[axis] ?? axis)
      return this.#with(order.map((axis) => this.shape[axis]), order.map((axis) => this.stride[axis]))
    }
    pick(...at) {
      const isKept = (_, axis) => !(at[axis] >= 0)
      return this.#with(this.shape.filter(isKept), this.stride.filter(isKept), this.index(...this.shape.map((length, axis) => at[axis] >= 0 ? at[axis] : 0)))
    }
    #with(shape, stride = this.stride, offset = this.offset) { return new View(this.dtype, this.data, shape, stride, offset) }
  }
  const viewOf = (dtype) => (data, shape = [], stride = [], offset = 0) => new View(dtype, data, shape, stride, offset)

  /* A viewport stays black when the browser cannot play its film: the reason stands in it until it shows something else. done: the viewer waits for no more. */
  function sayWhyNoFilm(video, viewport, done) {
    video.addEventListener('error', async () => {
      const isCut = video.error?.code === MediaError.MEDIA_ERR_NETWORK // by a broken link, though it may be had again by now
      done(false)
      const answer = await fetch(video.src, { headers: { Accept: 'video/mp4', Range: 'bytes=0-0' }, cache: 'no-store' }).catch(() => null)
      answer?.body?.cancel()
      const note = document.createElement('p')
      note.setAttribute('role', 'status')
      note.textContent = !isCut && answer !== null && (answer.ok || [400, 406].includes(answer.status)) ? WORDS.film : WORDS.filmAway
      note.style.cssText = 'position:absolute;inset:0;display:grid;place-content:center;padding:16px;color:#fff;font:16px/1.6 system-ui,sans-serif;text-align:center;pointer-events:none'
      viewport.append(note)
      const changes = new MutationObserver(() => {
        note.remove()
        changes.disconnect()
      })
      changes.observe(viewport, { attributeFilter: ['data-viewport-uid'] })
    }, { once: true })
  }

  /* ---- what a reader makes ---- */

  /* Evidence is stored by who holds a reading task of the study: that may begin and end while the viewer is open. */
  const STUDY = STUDIES.split(',')[0]
  window.yq = { say, teach, viewOf, early, mayKeep: false, keep, sayWhyNoFilm }
  async function look() {
    const answer = STUDY === '' || document.visibilityState !== 'visible' ? null : await fetch(`/api/v1/viewer/${STUDY}`, { cache: 'no-store' }).catch(() => null)
    if (!answer?.ok) return
    window.yq.mayKeep = (await answer.json()).task !== null
    document.dispatchEvent(new Event('yq-may'))
  }
  document.addEventListener('visibilitychange', look)
  window.addEventListener('focus', look)
  look()

  /* It is stored; a moment later it is found, which is what comes next. */
  async function appeared(uid) {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const answer = await fetch(`/dicom-web/studies/${STUDY}/instances?SOPInstanceUID=${uid}`, { headers: { Accept: 'application/dicom+json' }, cache: 'no-store' })
      if (!answer.ok || (answer.status === 200 && (await answer.json()).length > 0)) return
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  /* One object of evidence, as a part 10 file. Throws an Error with words for the person. */
  async function keep(bytes) {
    const me = await fetch('/api/v1/me', { cache: 'no-store' })
    if (me.status === 401) askForLogin()
    const answer = await fetch(`/dicom-web/studies/${STUDY}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/dicom', Accept: 'application/dicom+json', 'X-CSRF-Token': me.ok ? (await me.json()).csrf_token : '' },
      body: bytes,
    })
    const told = await answer.json().catch(() => null)
    if (answer.ok) return await appeared(told?.['00081199']?.Value?.[0]?.['00081155']?.Value?.[0])
    const code = answer.status === 409 ? told?.['00081198']?.Value?.[0]?.['00081197']?.Value?.[0] : answer.status
    throw new Error(WORDS.notKept + (WORDS.why[code] ?? WORDS.other))
  }

  document.documentElement.lang = isEnglish ? 'en' : 'zh-CN'
  document.title = WORDS.title
  document.addEventListener('DOMContentLoaded', () => {
    if (!isChosen) tell(WORDS.nothing, WORDS.pages, '/')
  })
  try {
    document.cookie = 'i18next=; path=/; max-age=0' // would be asked first
    localStorage.setItem('i18nextLng', isEnglish ? 'en-US' : 'zh')
  } catch {
    /* English then */
  }

  /* The image in the active viewport becomes a key image of the report, or is none any more. The desk hears of it. */
  const desks = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('yq-key-images')
  async function turnKey() {
    const { viewportGridService, cornerstoneViewportService, uiNotificationService } = services
    const tell = (message, type) => uiNotificationService.show({ title: WORDS.key, message, type })
    const shown = cornerstoneViewportService.getCornerstoneViewport(viewportGridService.getActiveViewportId())?.getCurrentImageId?.()
    const [, instance, frame] = /\/instances\/([0-9.]+)\/frames\/(\d+)/.exec(shown ?? '') ?? []
    if (instance === undefined) return tell(WORDS.noKey, 'warning')
    const now = await fetch(`/api/v1/viewer/${STUDY}`, { cache: 'no-store' })
    const is_key = now.ok && !(await now.json()).key_images.some((one) => one.instance === instance && one.frame === Number(frame))
    const me = await fetch('/api/v1/me', { cache: 'no-store' })
    const answer = await fetch(`/api/v1/viewer/${STUDY}/key-images`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.ok ? (await me.json()).csrf_token : '' },
      body: JSON.stringify({ instance, frame: Number(frame), is_key }),
    })
    desks?.postMessage(STUDY)
    tell(!answer.ok ? WORDS.notKeyed : is_key ? WORDS.keyed : WORDS.unkeyed, answer.ok ? 'success' : 'error')
  }
  let services = null

  const extension = {
    id: 'yingqiao',
    preRegistration: ({ servicesManager }) => {
      services = servicesManager.services
      hasten()
    },
  }

  /* Beside our name the way to the other kind of work, for who may keep what comes of it. */
  function Head({ React }) {
    const [may, setMay] = React.useState(window.yq.mayKeep)
    React.useEffect(() => {
      const hear = () => setMay(window.yq.mayKeep)
      document.addEventListener('yq-may', hear)
      return () => document.removeEventListener('yq-may', hear)
    }, [])
    const isSegmenting = location.pathname.startsWith('/viewer/segmentation')
    const link = (href, text) => React.createElement('a', { href, key: href, style: { color: '#fff', fontSize: '15px', whiteSpace: 'nowrap', marginRight: '20px' } }, text)
    const other = isSegmenting ? ['/viewer', WORDS.read] : ['/viewer/segmentation', WORDS.segment]
    const button = React.createElement('button', { key: 'key', type: 'button', onClick: turnKey, style: { color: '#fff', fontSize: '15px', whiteSpace: 'nowrap' } }, WORDS.key)
    return [link('/', isEnglish ? 'Yingqiao' : '影桥'), ...(may || isSegmenting ? [link(`${other[0]}?StudyInstanceUIDs=${STUDIES}`, other[1])] : []), ...(may ? [button] : [])]
  }

  /* ---- OHIF ---- */

  /* In place of the scripts that stand in its page. */
  window.PUBLIC_URL = new URL('.', document.currentScript.src).pathname
  window.browserImportFunction = (address) => import(window.PUBLIC_URL + address.replace(/^\//, ''))

  window.config = {
    routerBasename: '/',
    extensions: [extension],
    modes: [],
    showStudyList: false,
    investigationalUseDialog: { option: 'never' },
    showWarningMessageForCrossOrigin: false,
    showCPUFallbackMessage: true,
    showErrorDetails: 'dev',
    showPatientInfo: isMasked ? 'disabled' : 'visibleReadOnly',
    strictZSpacingForVolumeViewport: true,
    maxNumberOfWebWorkers: 3,
    maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 10 },
    customizationService: [{
      'ohif.tours': { $set: [] },
      ...(isEnglish ? {} : {
        'viewportNotification.hydrateSRMessage': { $set: '要继续编辑这份测量吗？' },
        'viewportNotification.hydrateSEGMessage': { $set: '要打开这份分割吗？' },
        'viewportNotification.trackNewSeriesMessage': { $set: '将测量加入已有报告吗？' },
        'viewportNotification.discardSeriesMessage': { $set: '已有跟踪的测量，如何处理？' },
        'viewportNotification.discardStudyMessage': { $set: '测量不能跨检查。要保存已跟踪的测量吗？' },
        'viewportNotification.discardDirtyMessage': { $set: '有未保存的测量，要保存吗？' },
      }),
    }],
    whiteLabeling: {
      createLogoComponentFn: (React) => React.createElement(Head, { React }),
    },
    httpErrorHandler: (error) => {
      if ((error?.status ?? error?.request?.status) === 401) askForLogin()
    },
    defaultDataSourceName: 'dicomweb',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'dicomweb',
        configuration: {
          friendlyName: 'Yingqiao',
          name: 'yingqiao',
          qidoRoot: queryRoot,
          wadoRoot: '/dicom-web',
          wadoUriRoot: '/dicom-web',
          qidoSupportsIncludeField: false,
          imageRendering: 'wadors',
          thumbnailRendering: 'wadors',
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: false,
          supportsWildcard: false,
          supportsReject: false,
          supportsStow: false,
          dicomUploadEnabled: false,
          singlepart: 'bulkdata,video', // a film comes piece by piece as it is played, not whole when its study is opened
          bulkDataURI: { enabled: true },
          segmentation: { store: { defaultMode: 'bitmap', transferSyntaxUID: '1.2.840.10008.1.2.1' } }, // what other viewers read, too
          acceptHeader: [FRAMES],
        },
      },
    ],
  }
})()
