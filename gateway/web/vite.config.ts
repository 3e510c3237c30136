import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import { defineConfig } from 'vitest/config'

/* Old hospital machines: Windows 7 stays at Chrome 109. */
const TARGET = 'chrome109'

export default defineConfig({
  plugins: [vue(), Components({ dts: false, resolvers: [ElementPlusResolver({ importStyle: 'css' })] })],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: false, __VUE_I18N_FULL_INSTALL__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  build: {
    target: TARGET,
    outDir: process.env.YQ_WEB_OUT ?? '../../build/web',
    emptyOutDir: true,
    cssTarget: TARGET,
    assetsInlineLimit: 0, // data: addresses are not in the policy of what may be loaded
    chunkSizeWarningLimit: 800,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (id.includes('/node_modules/echarts') || id.includes('/node_modules/zrender')) return 'charts'
          if (id.includes('/node_modules/jsbarcode')) return 'barcode'
          if (/preload-helper|commonjsHelpers/.test(id)) return 'vue' // else they go with a library, and every page fetches that
          if (/\/node_modules\/(vue|@vue|vue-router|vue-i18n|@intlify)\//.test(id)) return 'vue'
          return undefined
        },
      },
    },
  },
  server: { proxy: Object.fromEntries(['/api', '/dicom-web'].map((path) => [path, { target: `http://127.0.0.1:${process.env.YQ_HTTP_PORT ?? '8080'}`, changeOrigin: true, headers: { Origin: `http://127.0.0.1:${process.env.YQ_HTTP_PORT ?? '8080'}` } }])) },
  test: { environment: 'jsdom', include: ['tests/**/*.test.ts'], globals: false },
})
