/* How this person likes the pages on this machine: language, theme, type size, masked names. No patient data is kept here. */
import { reactive, watch } from 'vue'
import { LANGUAGES, useLanguage, type Language } from '@/i18n'

interface Preferences { language: Language; isDark: boolean; isLarge: boolean; isMasked: boolean }

const KEY = 'yq.preferences'

function read(): Preferences {
  const preferences: Preferences = { language: navigator.language.startsWith('en') ? 'en' : 'zh-CN', isDark: false, isLarge: false, isMasked: false }
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>
    if (LANGUAGES.includes(kept.language as Language)) preferences.language = kept.language as Language
    preferences.isDark = kept.isDark === true
    preferences.isLarge = kept.isLarge === true
    preferences.isMasked = kept.isMasked === true
  } catch {
    /* storage forbidden or spoilt: the defaults do */
  }
  return preferences
}

export const preferences = reactive(read())

function apply(): void {
  useLanguage(preferences.language)
  const root = document.documentElement.classList
  root.toggle('dark', preferences.isDark)
  root.toggle('large', preferences.isLarge)
}

export function startPreferences(): void {
  apply()
  watch(preferences, () => {
    apply()
    try {
      localStorage.setItem(KEY, JSON.stringify(preferences))
    } catch {
      /* lasts as long as the page then */
    }
  })
}
