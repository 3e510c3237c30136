/* One ticking clock for every "waiting for n minutes" of the page. */
import { readonly, ref } from 'vue'

const TICK_MS = 10_000
const time = ref(Date.now())
window.setInterval(() => (time.value = Date.now()), TICK_MS)

export const nowMs = readonly(time)
