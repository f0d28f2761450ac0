import type { QueryClient } from '@tanstack/react-query'
import * as conversations from '../../api/queries/conversations'
import { removeOwn } from '../knowledge/bases'

/** Deletes a conversation with the files that were given to it alone. `dropped` is the base of those not asked about yet. */
export async function removeConversation(queries: QueryClient, id: string, dropped: string | null) {
  const { vector_store_ids: named = [] } = await conversations.get(id)
  await conversations.remove(id)
  await removeOwn(queries, dropped === null ? named : [...named, dropped])
}
