/*
 * The key images of the report that is written of a study: one truth for all that show them in this window. Other windows (the full viewer is one) are told
 * of each change; what was not heard is found when somebody comes back to the window.
 */
import { computed, onUnmounted, ref, shallowRef, watch } from 'vue'
import { api } from '@/api/client'
import type { KeyImage, ViewerStudy } from '@/api/types'

/* As of a Picture (stack.ts). */
export const keyOf = (instance: string, frame: number): string => `${instance}#${frame}`

const CHANNEL = 'yq-key-images'
const books = new Map<string, KeyBook>()
let channel: BroadcastChannel | null = null

export class KeyBook {
  readonly told = shallowRef<ViewerStudy | null>(null)
  readonly failure = shallowRef<unknown>(null) /* of reading */
  readonly refusal = shallowRef<unknown>(null) /* of the last mark */
  readonly isBusy = ref(false)
  readonly images = computed<KeyImage[]>(() => this.told.value?.key_images ?? [])
  readonly keys = computed<ReadonlySet<string>>(() => new Set(this.images.value.map((one) => keyOf(one.instance, one.frame))))
  readonly isWriting = computed(() => this.told.value?.is_writing ?? false)
  users = 0
  private last: Promise<void> = Promise.resolve()

  constructor(readonly study: string /* Study Instance UID */) {}

  /* One after the other: an answer from before a mark must not come behind it. */
  private queue(doing: () => Promise<void>): Promise<void> {
    return (this.last = this.last.then(doing))
  }

  load(): Promise<void> {
    return this.queue(async () => {
      try {
        this.told.value = await api.get<ViewerStudy>(`/api/v1/viewer/${this.study}`)
        this.failure.value = null
      } catch (problem) {
        this.failure.value = problem
      }
    })
  }

  mark(instance: string, frame: number, is_key: boolean): Promise<void> {
    this.isBusy.value = true
    return this.queue(async () => {
      this.refusal.value = null
      try {
        this.told.value = await api.post<ViewerStudy>(`/api/v1/viewer/${this.study}/key-images`, { instance, frame, is_key })
        this.tell()
      } catch (problem) {
        this.refusal.value = problem
        void this.load() // who may mark has changed, perhaps
      } finally {
        this.isBusy.value = false
      }
    })
  }

  tell(): void {
    channel?.postMessage(this.study)
  }
}

const loadAll = (): void => books.forEach((book) => void book.load())

function open(study: string): KeyBook {
  if (books.size === 0) {
    window.addEventListener('focus', loadAll)
    channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(CHANNEL)
    channel?.addEventListener('message', (message: MessageEvent<string>) => void books.get(message.data)?.load())
  }
  let book = books.get(study)
  if (book === undefined) {
    books.set(study, (book = new KeyBook(study)))
    void book.load()
  }
  book.users++
  return book
}

function close(book: KeyBook): void {
  if (--book.users > 0) return
  books.delete(book.study)
  if (books.size > 0) return
  window.removeEventListener('focus', loadAll)
  channel?.close()
  channel = null
}

/* The book of the study that a component shows, as long as it does. */
export function useKeyImages(study: () => string) {
  const book = shallowRef<KeyBook | null>(null)
  const leave = (): void => {
    if (book.value !== null) close(book.value)
    book.value = null
  }
  watch(study, (uid) => {
    leave()
    book.value = open(uid)
  }, { immediate: true })
  onUnmounted(leave)
  return book
}
