/* Words on screen. One file per area and language; the Chinese one sets the shape, the English one must have it too (checked by its type). */
import { createI18n } from 'vue-i18n'
import en from './en'
import zh from './zh-CN'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

export type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }
export type Messages = Shape<typeof zh>

const english: Messages = en

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  missingWarn: false,
  messages: { 'zh-CN': zh as Messages, en: english },
})

/* For code outside components. */
export const translate = (key: string, named: Record<string, unknown> = {}): string => i18n.global.t(key, named)

export function useLanguage(language: Language): void {
  i18n.global.locale.value = language
  document.documentElement.lang = language
}
