// Files on their way into a knowledge base: bytes to the server first, then read and indexed there.
// They live outside the pages, so that leaving a page does not stop them.

import { useSyncExternalStore } from 'react'
import { ApiError, asApiError } from '../../api/problem'
import * as files from '../../api/queries/files'
import * as vectorStores from '../../api/queries/vectorStores'
import type { Stage, VectorStoreFile } from '../../api/types'

export type Upload = {
  key: string
  name: string
  bytes: number
  /** The bytes; gone after a reload. */
  file: File | null
  phase: 'uploading' | 'reading' | 'ready' | 'failed'
  /** Share of the bytes that are sent, 0 to 1. */
  share: number
  storeId: string | null
  fileId: string | null
  stage: Stage
  pagesDone: number
  pagesTotal: number
  /** Why the server refused it, or why it could not be read. */
  error: ApiError | { code: string; message: string } | null
}

/** The larger parts of a file's way, as shares of one bar. Reading pages is by far the longest. */
export function shareOf(
  upload: Pick<Upload, 'phase' | 'share' | 'stage' | 'pagesDone' | 'pagesTotal'>,
): number {
  if (upload.phase === 'ready') return 1
  if (upload.phase === 'uploading') return upload.share * 0.3
  const STAGES: Record<Stage, number> = {
    queued: 0.3,
    parsing: 0.35,
    chunking: 0.75,
    embedding: 0.8,
    indexing: 0.92,
    ready: 1,
    failed: 1,
  }
  const pages = upload.pagesTotal > 0 ? upload.pagesDone / upload.pagesTotal : 0
  return upload.stage === 'parsing' ? 0.35 + 0.4 * Math.min(1, pages) : STAGES[upload.stage]
}

/** What of an upload outlives a reload: that which the server has. */
export type Kept = { name: string; bytes: number; storeId: string; fileId: string }

let n_uploads = 0

/** Resolves the knowledge base when it is needed; creating one may be part of it. */
export type StoreOf = () => Promise<string>

export class Uploads {
  #list: Upload[] = []
  #aborts = new Map<string, AbortController>()
  #listeners = new Set<() => void>()
  /** Told whenever a file has arrived in a store or its state there has changed for good. */
  onSettled: (storeId: string) => void = () => undefined

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
  list = () => this.#list

  #set(list: Upload[]) {
    this.#list = list
    for (const listener of this.#listeners) listener()
  }

  #edit(key: string, change: Partial<Upload>) {
    this.#set(this.#list.map((upload) => (upload.key === key ? { ...upload, ...change } : upload)))
  }

  add(list: Iterable<File>, storeOf: StoreOf) {
    const fresh = [...list].map((file) => newUpload(file.name, file.size, file))
    this.#set([...this.#list, ...fresh])
    void this.#runAll(fresh, storeOf)
  }

  /** What the server has of it, for a later visit. */
  kept(): Kept[] {
    return this.#list.flatMap(({ name, bytes, storeId, fileId }) =>
      storeId && fileId ? [{ name, bytes, storeId, fileId }] : [],
    )
  }

  /** Goes on watching what was uploaded in an earlier visit. */
  restore(kept: Kept[]) {
    for (const { name, bytes, storeId, fileId } of kept) {
      const upload = { ...newUpload(name, bytes, null), phase: 'reading' as const, share: 1, storeId, fileId }
      this.#set([...this.#list, upload])
      const abort = new AbortController()
      this.#aborts.set(upload.key, abort)
      void this.#watch(upload.key, storeId, fileId, abort.signal, 0)
    }
  }

  /** Tries a failed file again: the server reads anew what it has, and is sent what it has not. */
  retry(key: string, storeOf: StoreOf) {
    const upload = this.#list.find((upload) => upload.key === key)
    if (!upload) return
    if (upload.storeId && upload.fileId) {
      void this.#readAgain(key, upload.storeId, upload.fileId)
      return
    }
    if (!upload.file) return
    this.remove(key)
    this.add([upload.file], storeOf)
  }

  async #readAgain(key: string, store: string, file: string) {
    this.#edit(key, { phase: 'reading', stage: 'queued', error: null })
    const abort = new AbortController()
    this.#aborts.set(key, abort)
    try {
      this.#take(key, await vectorStores.addFile(store, file))
      await this.#watch(key, store, file, abort.signal)
    } catch (thrown) {
      this.#edit(key, { phase: 'failed', error: asApiError(thrown) })
    }
  }

  /** Takes a file off the list, and off the server as far as it has got there. */
  remove(key: string) {
    const upload = this.#list.find((upload) => upload.key === key)
    this.#aborts.get(key)?.abort()
    if (upload?.storeId && upload.fileId) void this.#discard(upload.storeId, upload.fileId)
    this.#set(this.#list.filter((upload) => upload.key !== key))
  }

  async #discard(store: string, file: string) {
    // Whatever stays behind is still listed, with its error, on the knowledge page.
    await vectorStores.removeFile(store, file).catch(() => undefined)
    await files.remove(file).catch(() => undefined)
    this.onSettled(store)
  }

  clear() {
    this.#set([])
  }

  async #runAll(fresh: Upload[], storeOf: StoreOf) {
    // One after the other: the line is the bottleneck, and the first file is ready sooner.
    const reads: Promise<void>[] = []
    for (const upload of fresh) {
      const abort = new AbortController()
      this.#aborts.set(upload.key, abort)
      try {
        if (!upload.file) continue
        if (upload.bytes === 0) throw new ApiError({ status: 400, code: 'empty_file' })
        const storeId = await storeOf()
        this.#edit(upload.key, { storeId })
        const sent = await files.upload(
          upload.file,
          (share) => this.#edit(upload.key, { share }),
          abort.signal,
        )
        this.#edit(upload.key, { phase: 'reading', share: 1, fileId: sent.id })
        if (abort.signal.aborted) continue
        this.#take(upload.key, await vectorStores.addFile(storeId, sent.id))
        this.onSettled(storeId)
        reads.push(this.#watch(upload.key, storeId, sent.id, abort.signal))
      } catch (thrown) {
        const error = asApiError(thrown)
        if (error.code !== 'aborted') this.#edit(upload.key, { phase: 'failed', error })
      }
    }
    await Promise.all(reads)
  }

  #take(key: string, file: VectorStoreFile) {
    this.#edit(key, {
      phase: file.status === 'completed' ? 'ready' : file.status === 'in_progress' ? 'reading' : 'failed',
      stage: file.septet?.stage ?? 'parsing',
      pagesDone: file.septet?.pages_done ?? 0,
      pagesTotal: file.septet?.pages_total ?? 0,
      error:
        file.status === 'failed' || file.status === 'cancelled'
          ? (file.last_error ?? { code: file.status, message: '' })
          : null,
    })
  }

  async #watch(key: string, store: string, file: string, signal: AbortSignal, first_pause_ms = 500) {
    let pause = first_pause_ms
    for (let n_failures = 0; !signal.aborted; ) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      if (signal.aborted) return
      try {
        const seen = await vectorStores.file(store, file)
        n_failures = 0
        pause = Math.min(1500, Math.max(500, pause + 100))
        this.#take(key, seen)
        if (seen.status !== 'in_progress') {
          this.onSettled(store)
          return
        }
      } catch (thrown) {
        const error = asApiError(thrown)
        n_failures += 1
        // The reading goes on at the server whatever the line does.
        if (error.status !== 0 && error.status !== 429 && error.status < 500 && error.status !== 401) {
          this.#edit(key, { phase: 'failed', error })
          return
        }
        pause = Math.min(15_000, 1000 * 2 ** n_failures)
      }
    }
  }
}

function newUpload(name: string, bytes: number, file: File | null): Upload {
  n_uploads += 1
  return {
    key: `upload-${n_uploads}`,
    name,
    bytes,
    file,
    phase: 'uploading',
    share: 0,
    storeId: null,
    fileId: null,
    stage: 'queued',
    pagesDone: 0,
    pagesTotal: 0,
    error: null,
  }
}

export const useUploads = (uploads: Uploads) => useSyncExternalStore(uploads.subscribe, uploads.list)
