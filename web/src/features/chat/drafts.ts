// What is being written in each conversation: words and documents. It outlives the page, the session and a reload, and
// is forgotten when it was sent, when somebody signs out, or when somebody else signs in.

import { useCallback, useSyncExternalStore } from 'react'
import { type Kept, Uploads } from '../knowledge/uploads'

/** The place of a question that has no conversation yet. */
export const NEW = 'new'

const PREFIX = 'septet-draft:'
/** More than this is kept for as long as the page lives, and no longer. */
const MOST_CHARS = 200_000

type Draft = {
  text: string
  uploads: Uploads
  /** The private base that its documents go to; it stays when they are sent, for those that follow. */
  base: string | null
  making: Promise<string> | null
}
type Stored = { text: string; files: Kept[]; base: string | null }

const drafts = new Map<string, Draft>()
const listeners = new Set<() => void>()

/** Told whenever a document of a draft has arrived in a base or its state there has changed for good. */
let settled: () => void = () => undefined
export const onDraftSettled = (listener: () => void) => {
  settled = listener
}

function stored(key: string): Stored {
  try {
    const draft = JSON.parse(localStorage.getItem(PREFIX + key) ?? '{}') as Partial<Stored>
    return {
      text: draft.text ?? '',
      files: Array.isArray(draft.files) ? draft.files : [],
      base: draft.base ?? null,
    }
  } catch {
    return { text: '', files: [], base: null }
  }
}

function draftOf(key: string): Draft {
  const known = drafts.get(key)
  if (known) return known
  const { text, files, base } = stored(key)
  const draft: Draft = { text, uploads: new Uploads(), base, making: null }
  drafts.set(key, draft)
  draft.uploads.onSettled = () => settled()
  draft.uploads.restore(files)
  draft.uploads.subscribe(() => keep(draft))
  return draft
}

/** Stores a draft under the name that it has by now; one that was forgotten has none. */
function keep(draft: Draft) {
  const key = [...drafts].find(([, one]) => one === draft)?.[0]
  if (key === undefined) return
  const { text, base } = draft
  const files = draft.uploads.kept()
  try {
    if (text === '' && files.length === 0 && base === null) localStorage.removeItem(PREFIX + key)
    else if (text.length <= MOST_CHARS)
      localStorage.setItem(PREFIX + key, JSON.stringify({ text, files, base } satisfies Stored))
  } catch {
    // No storage, or it is full: the draft then lasts as long as the page.
  }
}

function change(draft: Draft, what: Partial<Pick<Draft, 'text' | 'base'>>) {
  Object.assign(draft, what)
  keep(draft)
  tell()
}

const tell = () => {
  for (const listener of listeners) listener()
}

/** The documents of a draft. */
export const uploadsOf = (key: string): Uploads => draftOf(key).uploads

/** The private base of a draft, if it has one. */
export const draftBase = (key: string): string | null => draftOf(key).base

/** Makes the private base of a draft, once however many documents ask for it. */
export function makeBase(key: string, make: () => Promise<string>): Promise<string> {
  const draft = draftOf(key)
  draft.making ??= make()
    .then((base) => {
      change(draft, { base })
      return base
    })
    .finally(() => {
      draft.making = null
    })
  return draft.making
}

/** A new conversation got its id: what is being written goes with it. */
export function nameDraft(id: string) {
  const draft = draftOf(NEW)
  forgetDraft(NEW)
  drafts.set(id, draft)
  change(draft, {})
}

export function forgetDraft(key: string) {
  drafts.delete(key)
  try {
    localStorage.removeItem(PREFIX + key)
  } catch {
    // Nothing was kept then.
  }
}

export function forgetDrafts() {
  drafts.clear()
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
  } catch {
    // Nothing was kept then.
  }
  tell()
}

function subscribe(listener: () => void) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The words of a draft, and how to change them. */
export function useDraft(key: string): [string, (text: string) => void] {
  const text = useSyncExternalStore(subscribe, () => draftOf(key).text)
  return [text, useCallback((text: string) => change(draftOf(key), { text }), [key])]
}

export const useDraftBase = (key: string) => useSyncExternalStore(subscribe, () => draftBase(key))
