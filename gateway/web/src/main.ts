import { createApp } from 'vue'
import App from './App.vue'
import { onExpired } from './api/client'
import { i18n } from './i18n'
import { router } from './router'
import { startPreferences } from './state/preferences'
import { resumeSession, waitForLogin } from './state/session'
import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './styles.css'

startPreferences()
onExpired(waitForLogin)

/* Without an answer of the gateway the login page opens and says so when somebody tries. */
await resumeSession().catch(() => false)
createApp(App).use(i18n).use(router).mount('#app')
