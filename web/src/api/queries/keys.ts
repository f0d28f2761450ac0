// API keys. The server tells administrators everybody's; a page about one's own picks those.

import { useQuery } from '@tanstack/react-query'
import { all, json, send } from '../client'
import type { ApiKey, CreatedKey, NewApiKey } from '../types'

const KEY = ['keys']

/** The keys of one person, newest first, those that were revoked with them. */
export const useKeysOf = (user: string | undefined) =>
  useQuery({
    queryKey: KEY,
    queryFn: () => all<ApiKey>('/api/keys'),
    select: (keys) => keys.filter((key) => key.user === user),
  })
/** Makes a key for oneself. Its secret is in the answer and nowhere else. */
export const create = (wanted: NewApiKey) => json<CreatedKey>('/api/keys', { body: wanted })
export const revoke = (key: string) => send(`/api/keys/${encodeURIComponent(key)}`, { method: 'DELETE' })
export const CHANGED = { queryKey: KEY }
