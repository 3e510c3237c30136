import { createApp } from 'vue'
import App from './App.vue'
import { onExpired, onRefused } from './api/client'
import { i18n } from './i18n'
import { router } from './router'
import { startPreferences } from './state/preferences'
import { checkPerson, isExpired, resumeSession, waitForLogin } from './state/session'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './styles.css'

startPreferences()
onExpired(waitForLogin, () => isExpired.value)
onRefused(checkPerson)

/* Without an answer of the gateway the login page opens and says so when somebody tries. */
await resumeSession().catch(() => false)
createApp(App).use(i18n).use(router).mount('#app')
