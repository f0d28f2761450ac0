// The knowledge bases there are, how new ones are made, and what goes when a conversation goes.

import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import * as files from '../../api/queries/files'
import * as vectorStores from '../../api/queries/vectorStores'
import type { VectorStore } from '../../api/types'
import type { Translate } from '../../i18n'

/** Marks the bases that the console made for one conversation, and may therefore delete with it. */
const GIVEN = 'given_to'

export const isDefault = (store: VectorStore) => /^(default|默认|默认知识库)$/i.test(store.name ?? '')

export const baseName = (store: VectorStore, t: Translate) =>
  isDefault(store) ? t('kb.default') : store.name || store.id

/** How many documents can be searched, now or soon. What could not be read is none. */
export const documentsIn = (stores: VectorStore[]) =>
  stores.reduce(
    (n, { file_counts }) => n + (file_counts?.completed ?? 0) + (file_counts?.in_progress ?? 0),
    0,
  )

/** How many documents a base has, and how many of them could not be read. */
export function baseCounts(store: VectorStore, t: Translate): string {
  const n_failed = store.file_counts?.failed ?? 0
  const n = documentsIn([store])
  return [
    (n > 0 || n_failed === 0) && t('kb.nFiles', { n }),
    n_failed > 0 && t('kb.nFailed', { n: n_failed }),
  ]
    .filter(Boolean)
    .join(' · ')
}

/** Makes a knowledge base for everybody. */
export function useCreateBase() {
  const queries = useQueryClient()
  return useCallback((name: string) => vectorStores.create(queries, { name }), [queries])
}

// The server takes no longer name.
const MOST_CHARS = 200

/** Makes the base of what is dropped into one conversation. */
export const createOwn = (queries: QueryClient, name: string) =>
  vectorStores.create(queries, {
    name: name.slice(0, MOST_CHARS),
    private: true,
    metadata: { [GIVEN]: 'conversation' },
  })

/** Calls the base of a conversation what the conversation is called by now. */
export async function nameOwn(queries: QueryClient, base: string, name: string) {
  // A name is no reason to fail: the old one will do.
  await vectorStores.rename(base, name.slice(0, MOST_CHARS)).catch(() => undefined)
  await queries.invalidateQueries({ queryKey: vectorStores.KEY })
}

/** Deletes those of these bases that were made for one conversation alone, with their files. */
export async function removeOwn(queries: QueryClient, ids: string[]) {
  const own = (await vectorStores.listed(queries)).filter(
    (base) => base.private && base.metadata?.[GIVEN] && ids.includes(base.id),
  )
  // Whatever stays behind is still listed on the knowledge page.
  await Promise.all(own.map((base) => discard(base.id).catch(() => undefined)))
  if (own.length > 0) await queries.invalidateQueries({ queryKey: vectorStores.KEY })
}

async function discard(base: string) {
  const held = await vectorStores.files(base)
  await vectorStores.remove(base)
  await Promise.all(held.map((file) => files.remove(file.id)))
}
