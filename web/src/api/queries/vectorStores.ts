// Knowledge bases, which the OpenAI interface calls vector stores, and the files in them.

import { type QueryClient, useQuery } from '@tanstack/react-query'
import { all, json, send } from '../client'
import type { VectorStore, VectorStoreFile } from '../types'

const path = (store: string) => `/v1/vector_stores/${encodeURIComponent(store)}`
const filePath = (store: string, file: string) => `${path(store)}/files/${encodeURIComponent(file)}`

export const KEY = ['vector_stores']
const LISTED = { queryKey: KEY, queryFn: () => all<VectorStore>('/v1/vector_stores') }

export const useVectorStores = () => useQuery(LISTED)
/** The list as it is known, read when it is not. */
export const listed = (queries: QueryClient) => queries.ensureQueryData(LISTED)

export type NewVectorStore = Pick<VectorStore, 'name'> & Partial<Pick<VectorStore, 'private' | 'metadata'>>
export async function create(queries: QueryClient, wanted: NewVectorStore): Promise<VectorStore> {
  const store = await json<VectorStore>('/v1/vector_stores', { body: wanted })
  queries.setQueryData<VectorStore[]>(KEY, (old) => [store, ...(old ?? [])])
  return store
}
export const rename = (store: string, name: string) => json<VectorStore>(path(store), { body: { name } })
export const remove = (store: string) => send(path(store), { method: 'DELETE' })

export const files = (store: string) => all<VectorStoreFile>(`${path(store)}/files`)
/** The files of a base, read again and again while one of them is read. */
export const useFiles = (store: string) =>
  useQuery({
    queryKey: [...KEY, store, 'files'],
    queryFn: () => files(store),
    refetchInterval: (query) =>
      query.state.data?.some((file) => file.status === 'in_progress') ? 1200 : false,
  })
export const file = (store: string, id: string) => json<VectorStoreFile>(filePath(store, id))
/** Adding a file that is there already has it read anew. */
export const addFile = (store: string, id: string) =>
  json<VectorStoreFile>(`${path(store)}/files`, { body: { file_id: id } })
export const removeFile = (store: string, id: string) => send(filePath(store, id), { method: 'DELETE' })
