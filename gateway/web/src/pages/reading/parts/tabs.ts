/* What the tabs and windows of one browser tell each other about reading: who writes a task, and which one the image window follows. Ids only. */
export type TabMessage =
  | { kind: 'writing'; person: string; task: string; tab: string } /* this tab writes it from now on */
  | { kind: 'show'; person: string; task: string } /* the image window follows */
  | { kind: 'asks'; person: string } /* is there an image window? */
  | { kind: 'images'; isOpen: boolean; person: string }

const CHANNEL = 'yq.reading'

/* crypto.randomUUID() is only there under https; a hospital's own network often is not. */
export const tabId = ((): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
})()

const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(CHANNEL)

export const tellTabs = (message: TabMessage): void => channel?.postMessage(message)

export function onTabs(listener: (message: TabMessage) => void): () => void {
  const hear = (event: MessageEvent<TabMessage>) => listener(event.data)
  channel?.addEventListener('message', hear)
  return () => channel?.removeEventListener('message', hear)
}
