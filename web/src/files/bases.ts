// The knowledge base that questions search and uploads go to.

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useState } from 'react'
import * as calls from '../api/calls'
import type { VectorStore } from '../api/types'
import { type Translate, useLanguage } from '../i18n'

const KEPT = 'septet-knowledge-base'
const isDefault = (store: VectorStore) => /^(default|默认|默认知识库)$/i.test(store.name ?? '')

export const baseName = (store: VectorStore, t: Translate) =>
  isDefault(store) ? t('kb.default') : store.name || store.id

/** How many documents can be searched, now or soon. What could not be read is none. */
export const documentsIn = (store: VectorStore | null) =>
  (store?.file_counts?.completed ?? 0) + (store?.file_counts?.in_progress ?? 0)

export const useBases = () => useQuery({ queryKey: ['vector_stores'], queryFn: calls.vectorStores })

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT)
  } catch {
    return null
  }
}

export function useChosenBase() {
  const { t } = useLanguage()
  const { data } = useBases()
  const queries = useQueryClient()
  const [choice, setChoice] = useState(kept)
  const choose = useCallback((id: string) => {
    setChoice(id)
    try {
      localStorage.setItem(KEPT, id)
    } catch {
      // The choice then lasts as long as the page.
    }
  }, [])
  const chosen = useMemo(
    () => data?.find((store) => store.id === choice) ?? data?.find(isDefault) ?? data?.[0] ?? null,
    [data, choice],
  )
  const create = useCallback(
    async (name: string) => {
      const store = await calls.createVectorStore(name)
      queries.setQueryData<VectorStore[]>(['vector_stores'], (old) => [store, ...(old ?? [])])
      choose(store.id)
      return store
    },
    [queries, choose],
  )
  /** The chosen one, or the default one, which is created when there is none at all. */
  const ensure = useMemo(() => {
    let making: Promise<string> | null = null
    return async () => {
      if (chosen) return chosen.id
      const found = (
        await queries.fetchQuery({ queryKey: ['vector_stores'], queryFn: calls.vectorStores })
      ).find(isDefault)
      if (found) return found.id
      making ??= create(t('kb.default')).then((store) => store.id)
      return making
    }
  }, [chosen, create, queries, t])
  const name = chosen ? baseName(chosen, t) : t('kb.default')
  return { bases: data ?? [], chosen, nDocuments: documentsIn(chosen), name, choose, create, ensure }
}
