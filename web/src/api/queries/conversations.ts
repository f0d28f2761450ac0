import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { all, json, send } from '../client'
import type { ConversationEntry, Item, Page } from '../types'

const path = (conversation: string) => `/v1/conversations/${encodeURIComponent(conversation)}`

export const KEY = ['conversations']

/** Conversations, the one used last first. Those of API keys are left out unless `source` asks for them. */
export function useConversations(search = '', source: 'console' | 'api' = 'console') {
  return useInfiniteQuery({
    queryKey: [...KEY, source, search],
    queryFn: ({ pageParam }) => {
      const wanted = new URLSearchParams({ limit: '30', source })
      if (pageParam) wanted.set('after', pageParam)
      if (search) wanted.set('search', search)
      return json<Page<ConversationEntry>>(`/api/conversations?${wanted}`)
    },
    initialPageParam: '',
    getNextPageParam: (page) => (page.has_more && page.data.at(-1)?.id) || undefined,
    placeholderData: keepPreviousData,
    select: (found) => found.pages.flatMap((page) => page.data),
  })
}
export const get = (conversation: string) => json<ConversationEntry>(path(conversation))
export const create = () => json<{ id: string }>('/v1/conversations', { body: {} })
export const remove = (conversation: string) => send(path(conversation), { method: 'DELETE' })
/** Every item of a conversation, oldest first. */
export const items = (conversation: string) => all<Item>(`${path(conversation)}/items?order=asc`)
