import { createApp, h, ref } from 'vue'
import { i18n } from './src/i18n'
import { startPreferences } from './src/state/preferences'
import ImagePane from './src/pages/reading/viewer/ImagePane.vue'
import PriorsPanel from './src/pages/reading/viewer/PriorsPanel.vue'
import { api } from './src/api/client'
import { resumeSession } from './src/state/session'
import 'element-plus/theme-chalk/base.css'
import './src/styles.css'
startPreferences()
await resumeSession()
const q = new URLSearchParams(location.search)
const study = await api.get<any>(`/api/v1/studies/${q.get('study')}`)
const pri = await api.get<any>(`/api/v1/studies/${q.get('study')}/priors`)
const compare = ref<any>(null)
if (q.get('compare')) compare.value = await api.get<any>(`/api/v1/studies/${q.get('compare')}`)
createApp({ render: () => h('div', { style: 'height:100vh;display:flex' }, [h('div', { style: 'flex:2;min-width:0' }, [h(ImagePane, { study, compare: compare.value, onLeaveCompare: () => (compare.value = null) })]),
  h('div', { style: 'flex:1;min-width:0;background:#fff' }, [h(PriorsPanel, { priors: pri.priors, onCompare: async (p: any) => (compare.value = await api.get(`/api/v1/studies/${p.study.id}`)) })])]) }).use(i18n).mount('#app')
