// One line per endpoint the console uses.

import { json, send, upload } from './http'
import type {
  ConversationEntry,
  Item,
  Model,
  Page,
  ResponseObject,
  Status,
  StoredFile,
  VectorStore,
  VectorStoreFile,
} from './types'

const id = encodeURIComponent

export const status = () => json<Status>('/api/status')
export const models = () => json<Page<Model>>('/v1/models')

export type Wanted = { after: string; search: string; source: 'console' | 'api' }
export const conversations = ({ after, search, source }: Wanted) =>
  json<Page<ConversationEntry>>(
    `/api/conversations?limit=30&source=${source}` +
      `${after && `&after=${id(after)}`}${search && `&search=${id(search)}`}`,
  )
export const conversation = (conversation: string) =>
  json<ConversationEntry>(`/v1/conversations/${id(conversation)}`)
export const createConversation = () => json<{ id: string }>('/v1/conversations', { body: {} })
export const deleteConversation = (conversation: string) =>
  send(`/v1/conversations/${id(conversation)}`, { method: 'DELETE' })

/** Every entry of a list that comes in pages. */
async function all<T extends { id: string }>(path: string): Promise<T[]> {
  const found: T[] = []
  let after = ''
  for (;;) {
    const page = await json<Page<T>>(`${path}limit=100${after && `&after=${id(after)}`}`)
    found.push(...page.data)
    const last = page.last_id ?? page.data.at(-1)?.id
    if (!page.has_more || !last || last === after) return found
    after = last
  }
}

/** Every item of a conversation, oldest first. */
export const conversationItems = (conversation: string) =>
  all<Item>(`/v1/conversations/${id(conversation)}/items?order=asc&`)

export const response = (response: string) => json<ResponseObject>(`/v1/responses/${id(response)}`)
export const inputItems = (response: string) =>
  json<Page<Item>>(`/v1/responses/${id(response)}/input_items?order=asc`)
export const cancelResponse = (response: string) =>
  json<ResponseObject>(`/v1/responses/${id(response)}/cancel`, { method: 'POST' })

export const changePassword = (user: string, current: string, fresh: string) =>
  send(`/api/users/${id(user)}`, {
    method: 'PATCH',
    body: { current_password: current, password: fresh },
  })

export const vectorStores = () => all<VectorStore>('/v1/vector_stores?')
export type NewVectorStore = Pick<VectorStore, 'name' | 'private' | 'metadata'>
export const createVectorStore = (wanted: NewVectorStore) =>
  json<VectorStore>('/v1/vector_stores', { body: wanted })
export const renameVectorStore = (store: string, name: string) =>
  json<VectorStore>(`/v1/vector_stores/${id(store)}`, { body: { name } })
export const deleteVectorStore = (store: string) =>
  send(`/v1/vector_stores/${id(store)}`, { method: 'DELETE' })
export const storeFiles = (store: string) => all<VectorStoreFile>(`/v1/vector_stores/${id(store)}/files?`)
export const storeFile = (store: string, file: string) =>
  json<VectorStoreFile>(`/v1/vector_stores/${id(store)}/files/${id(file)}`)
export const addToStore = (store: string, file: string) =>
  json<VectorStoreFile>(`/v1/vector_stores/${id(store)}/files`, { body: { file_id: file } })
export const removeFromStore = (store: string, file: string) =>
  send(`/v1/vector_stores/${id(store)}/files/${id(file)}`, { method: 'DELETE' })

export const files = () => all<StoredFile>('/v1/files?')
export const deleteFile = (file: string) => send(`/v1/files/${id(file)}`, { method: 'DELETE' })
export const uploadFile = (file: File, onProgress: (share: number) => void, signal: AbortSignal) => {
  const form = new FormData()
  // The purpose goes first so that a streaming server knows it before the bytes come.
  form.append('purpose', 'assistants')
  form.append('file', file, file.name)
  return upload<StoredFile>('/v1/files', form, onProgress, signal)
}
