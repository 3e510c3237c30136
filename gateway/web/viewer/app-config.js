/*
 * What OHIF is here: one viewer over our own DICOMweb, opened on one study. Runs before OHIF, as a script of its own: the policy of the page
 * allows no inline one. Our pages choose the language (yq.preferences), the login is theirs.
 */
(() => {
  const STUDIES = new URLSearchParams(location.search).get('StudyInstanceUIDs') ?? ''
  const CHECK_MS = 60_000
  const BOX = 'yq-told'

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
    ? { title: 'Viewer · Yingqiao', ended: 'Your login has ended.', again: 'Log in again', nothing: 'No study was chosen. Open one from the queue or from a report.', gone: 'This study is not here any more, or you may not see it.', pages: 'To the pages', no_webgl: 'The browser of this computer has no WebGL: this viewer would show black. The plain page shows the same images.', broken: 'The viewer cannot start in this browser. The plain page shows the same images.', plain: 'Open the plain page' }
    : { title: '阅片器 · 影桥', ended: '登录已失效，图像不再更新。', again: '重新登录', nothing: '没有选择检查。请从待诊断队列或报告旁打开。', gone: '找不到这个检查，可能已被合并，或您无权查看。', pages: '返回影桥', no_webgl: '这台电脑的浏览器不支持 WebGL，完整阅片器只会显示黑屏。简易阅片页可以显示同样的图像。', broken: '完整阅片器无法在这个浏览器中启动。简易阅片页可以显示同样的图像。', plain: '打开简易阅片页' }

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

  const isChosen = /^[0-9.,]+$/.test(STUDIES)
  const PLAIN = `/images?StudyInstanceUIDs=${STUDIES}`
  const whenReady = (act) => (document.body === null ? document.addEventListener('DOMContentLoaded', act) : act())
  const leadToPlain = (why) => { if (isChosen) whenReady(() => tell(why, WORDS.plain, PLAIN)) }

  function hasWebgl() {
    const canvas = document.createElement('canvas')
    const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl')
    context?.getExtension('WEBGL_lose_context')?.loseContext()
    return context !== null
  }
  if (!hasWebgl()) leadToPlain(WORDS.no_webgl)

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
    if (location.pathname.replace(/\/$/, '') !== '/viewer') tell(WORDS.gone, WORDS.pages, '/')
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

  /* ---- OHIF ---- */

  /* In place of the scripts that stand in its page. */
  window.PUBLIC_URL = new URL('.', document.currentScript.src).pathname
  window.browserImportFunction = (address) => import(window.PUBLIC_URL + address.replace(/^\//, ''))

  /* Priors are of the patient as the ledger knows him: a number alone may be somebody else's at another site. */
  const queryRoot = `/dicom-web/patient-of/${STUDIES.split(',')[0]}`

  window.config = {
    routerBasename: '/',
    extensions: [],
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
    customizationService: [{ 'ohif.tours': { $set: [] } }],
    whiteLabeling: {
      createLogoComponentFn: (React) => React.createElement('a', { href: '/', style: { color: '#fff', fontSize: '15px', whiteSpace: 'nowrap' } }, isEnglish ? 'Yingqiao' : '影桥'),
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
          singlepart: 'bulkdata',
          bulkDataURI: { enabled: true },
          acceptHeader: ['multipart/related; type="application/octet-stream"; transfer-syntax=*'],
        },
      },
    ],
  }
})()
