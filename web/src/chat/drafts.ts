// What is being written in each conversation: words and documents. It outlives the page, the session and a reload, and
// is forgotten when it was sent, when somebody signs out, or when somebody else signs in.

import { useCallback, useSyncExternalStore } from 'react'
import { type Kept, Uploads } from '../files/uploads'

/** The place of a question that has no conversation yet. */
export const NEW = 'new'

const PREFIX = 'septet-draft:'
/** More than this is kept for as long as the page lives, and no longer. */
const MOST_CHARS = 200_000

type Draft = { text: string; files: Kept[] }

const texts = new Map<string, string>()
const uploads = new Map<string, Uploads>()
const listeners = new Set<() => void>()

/** Told whenever a document of a draft has arrived in a store or its state there has changed for good. */
let settled: (storeId: string) => void = () => undefined
export const onDraftSettled = (listener: (storeId: string) => void) => {
  settled = listener
}

function stored(key: string): Draft {
  try {
    const draft = JSON.parse(localStorage.getItem(PREFIX + key) ?? '{}') as Partial<Draft>
    return { text: draft.text ?? '', files: Array.isArray(draft.files) ? draft.files : [] }
  } catch {
    return { text: '', files: [] }
  }
}

function keep(key: string) {
  const draft: Draft = { text: textOf(key), files: uploads.get(key)?.kept() ?? stored(key).files }
  try {
    if (draft.text === '' && draft.files.length === 0) localStorage.removeItem(PREFIX + key)
    else if (draft.text.length <= MOST_CHARS) localStorage.setItem(PREFIX + key, JSON.stringify(draft))
  } catch {
    // No storage, or it is full: the draft then lasts as long as the page.
  }
}

function textOf(key: string): string {
  const known = texts.get(key)
  if (known !== undefined) return known
  const { text } = stored(key)
  texts.set(key, text)
  return text
}

export function setDraft(key: string, text: string) {
  texts.set(key, text)
  keep(key)
  for (const listener of listeners) listener()
}

/** The documents of a draft. */
export function uploadsOf(key: string): Uploads {
  const known = uploads.get(key)
  if (known) return known
  const made = new Uploads()
  made.onSettled = (store) => settled(store)
  uploads.set(key, made)
  made.restore(stored(key).files)
  made.subscribe(() => keep(keyOf(made)))
  return made
}

const keyOf = (wanted: Uploads) => [...uploads].find(([, list]) => list === wanted)?.[0] ?? NEW

/** A new conversation got its id: what is being written goes with it. */
export function nameDraft(id: string) {
  const list = uploads.get(NEW)
  const text = textOf(NEW)
  uploads.delete(NEW)
  if (list) uploads.set(id, list)
  setDraft(NEW, '')
  setDraft(id, text)
}

export function forgetDraft(key: string) {
  texts.delete(key)
  uploads.delete(key)
  try {
    localStorage.removeItem(PREFIX + key)
  } catch {
    // Nothing was kept then.
  }
}

export function forgetDrafts() {
  texts.clear()
  uploads.clear()
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
  } catch {
    // Nothing was kept then.
  }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The words of a draft, and how to change them. */
export function useDraft(key: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => textOf(key))
  return [text, useCallback((text: string) => setDraft(key, text), [key])]
}
