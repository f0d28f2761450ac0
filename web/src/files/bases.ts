// The knowledge bases there are, how new ones are made, and what goes when a conversation goes.

import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback } from 'react'
import * as calls from '../api/calls'
import type { VectorStore } from '../api/types'
import type { Translate } from '../i18n'
import { documentsIn, isDefault } from './choice'

const LISTED = { queryKey: ['vector_stores'], queryFn: calls.vectorStores }
/** Marks the bases that the console made for one conversation, and may therefore delete with it. */
const GIVEN = 'given_to'

export const baseName = (store: VectorStore, t: Translate) =>
  isDefault(store) ? t('kb.default') : store.name || store.id

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

export const useBases = () => useQuery(LISTED)

/** The list as it is known, read when it is not. */
export const listedBases = (queries: QueryClient) => queries.ensureQueryData(LISTED)

async function create(queries: QueryClient, wanted: calls.NewVectorStore): Promise<VectorStore> {
  const store = await calls.createVectorStore(wanted)
  queries.setQueryData<VectorStore[]>(LISTED.queryKey, (old) => [store, ...(old ?? [])])
  return store
}

/** Makes a knowledge base for everybody. */
export function useCreateBase() {
  const queries = useQueryClient()
  return useCallback((name: string) => create(queries, { name }), [queries])
}

// The server takes no longer name.
const MOST_CHARS = 200

/** Makes the base of what is dropped into one conversation. */
export const createOwn = (queries: QueryClient, name: string) =>
  create(queries, { name: name.slice(0, MOST_CHARS), private: true, metadata: { [GIVEN]: 'conversation' } })

/** Calls the base of a conversation what the conversation is called by now. */
export async function nameOwn(queries: QueryClient, base: string, name: string) {
  // A name is no reason to fail: the old one will do.
  await calls.renameVectorStore(base, name.slice(0, MOST_CHARS)).catch(() => undefined)
  await queries.invalidateQueries({ queryKey: LISTED.queryKey })
}

/** Deletes a conversation with the files that were given to it alone. */
export async function deleteConversation(queries: QueryClient, id: string, dropped: string | null) {
  const { vector_store_ids: named = [] } = await calls.conversation(id)
  await calls.deleteConversation(id)
  const own = (await listedBases(queries)).filter(
    (base) => base.private && base.metadata?.[GIVEN] && (base.id === dropped || named.includes(base.id)),
  )
  // Whatever stays behind is still listed on the knowledge page.
  await Promise.all(own.map((base) => discard(base.id).catch(() => undefined)))
  if (own.length > 0) await queries.invalidateQueries({ queryKey: LISTED.queryKey })
}

async function discard(base: string) {
  const files = await calls.storeFiles(base)
  await calls.deleteVectorStore(base)
  await Promise.all(files.map((file) => calls.deleteFile(file.id)))
}
