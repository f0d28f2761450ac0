// What a conversation is asked of: an agent or model, and knowledge bases. One that was asked before goes on with those
// that the server remembers; a new one begins with what was chosen last in this browser.

import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useState } from 'react'
import { useModels } from '../../api/queries/models'
import { useStatus } from '../../api/queries/status'
import { listed, useVectorStores } from '../../api/queries/vectorStores'
import { createOwn, documentsIn } from '../knowledge/bases'
import type { Asking } from './chat'
import { ALL, choiceOf } from './choice'
import { makeBase, useDraftBase } from './drafts'

/** A choice that outlives the page. */
function useKept(key: string): [string | null, (value: string) => void] {
  const [value, setValue] = useState(() => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  })
  const choose = useCallback(
    (value: string) => {
      setValue(value)
      try {
        localStorage.setItem(key, value)
      } catch {
        // The choice then lasts as long as the page.
      }
    },
    [key],
  )
  return [value, choose]
}

type Given = {
  /** The conversation's draft, which knows the base of files that were dropped and not asked about yet. */
  draft: string
  asked: Asking | null
  /** Changes what an old conversation is asked of from now on. */
  onChoose: (change: Partial<Asking>) => void
}

export type ChosenBases = ReturnType<typeof useChosenBases>
export function useChosenBases({ draft, asked, onChoose }: Given) {
  const { data, isSuccess } = useVectorStores()
  const queries = useQueryClient()
  const [kept, keep] = useKept('septet-knowledge-base')
  const dropped = useDraftBase(draft)
  const known = { asked: asked?.stores ?? null, kept, dropped }
  const choice = choiceOf({ bases: data ?? [], ...known })
  /** `ALL`, or the id of one. */
  const choose = (id: string) => {
    keep(id)
    // All are named, for a question that names nothing would go on with what the one before it named.
    const shared = id === ALL ? choice.shared.map((base) => base.id) : [id]
    onChoose({ stores: [...shared, ...choice.own.map((base) => base.id)] })
  }
  /** The base for files of this conversation alone; made when there is none. */
  const ownFor = async (name: string): Promise<string> => {
    const own = choiceOf({ bases: await listed(queries), ...known }).own[0]
    return own?.id ?? makeBase(draft, async () => (await createOwn(queries, name)).id)
  }
  return {
    ...choice,
    loaded: isSuccess,
    nDocuments: documentsIn([...choice.chosen, ...choice.own]),
    choose,
    ownFor,
  }
}

export type ChosenModel = ReturnType<typeof useChosenModel>
/** Agents, models that can chat, and the one that is chosen. */
export function useChosenModel({ asked, onChoose }: Omit<Given, 'draft'>) {
  const { data: status } = useStatus()
  const { data } = useModels()
  const [kept, keep] = useKept('septet-model')
  const models = (data?.data ?? []).filter((model) => model.septet?.kind !== 'embedding')
  const agents = models.filter((model) => model.id.startsWith('agent:'))
  // One that no longer exists must not fail every question.
  const exists = (id: string) => data === undefined || models.some((model) => model.id === id)
  const fallback = status?.default_agent ?? agents[0]?.id ?? 'agent:analyst'
  const chosen = [asked?.model, kept].find((id) => id && exists(id)) ?? fallback
  const choose = (model: string) => {
    keep(model)
    onChoose({ model })
  }
  return { agents, models: models.filter((model) => !model.id.startsWith('agent:')), chosen, choose }
}
