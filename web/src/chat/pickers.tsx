// The two choices below the message box: which knowledge base, which agent or model.

import { Menu, UnstyledButton } from '@mantine/core'
import { IconBooks, IconCheck, IconChevronDown, IconPlus, IconSettings } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import * as calls from '../api/calls'
import type { Model } from '../api/types'
import { useMay } from '../auth/may'
import { baseName, documentsIn, type useChosenBase } from '../files/bases'
import { inLanguage, type Language, useLanguage } from '../i18n'

const NewBase = lazy(() => import('../files/NewBase').then((module) => ({ default: module.NewBase })))

export function BasePicker({ base }: { base: ReturnType<typeof useChosenBase> }) {
  const { t } = useLanguage()
  const [creating, setCreating] = useState(false)
  const mayWrite = useMay('knowledge.write')
  return (
    <>
      <Menu position="top-start" width={270}>
        <Menu.Target>
          <UnstyledButton className="pill" aria-label={t('kb.chooseLabel', { name: base.name })}>
            <IconBooks size={15} />
            <span>{base.name}</span>
            {base.nDocuments > 0 && <small>{base.nDocuments}</small>}
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t('kb.choose')}</Menu.Label>
          {base.bases.map((store) => (
            <Menu.Item
              key={store.id}
              rightSection={store.id === base.chosen?.id && <IconCheck size={15} />}
              onClick={() => base.choose(store.id)}
            >
              {baseName(store, t)}
              <small className="menu-note">{t('kb.nFiles', { n: documentsIn(store) })}</small>
            </Menu.Item>
          ))}
          {base.bases.length > 0 && <Menu.Divider />}
          {mayWrite && (
            <Menu.Item leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)}>
              {t('kb.new')}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconSettings size={15} />} component={Link} to="/knowledge">
            {t('kb.manage')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {creating && (
        <Suspense>
          <NewBase opened onClose={() => setCreating(false)} create={base.create} />
        </Suspense>
      )}
    </>
  )
}

const KEPT = 'septet-model'

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT)
  } catch {
    return null
  }
}

export const useStatus = () => useQuery({ queryKey: ['status'], queryFn: calls.status, staleTime: 60_000 })

/** Agents first, then models that can chat, and the one that is chosen. */
export function useChosenModel() {
  const { data: status } = useStatus()
  const { data } = useQuery({ queryKey: ['models'], queryFn: calls.models, staleTime: 60_000 })
  const [choice, setChoice] = useState(kept)
  const models = (data?.data ?? []).filter((model) => model.septet?.kind !== 'embedding')
  const agents = models.filter((model) => model.id.startsWith('agent:'))
  const fallback = status?.default_agent ?? agents[0]?.id ?? 'agent:analyst'
  // A choice that no longer exists must not fail every question.
  const chosen =
    choice && (data === undefined || models.some((model) => model.id === choice)) ? choice : fallback
  const choose = (id: string) => {
    setChoice(id)
    try {
      localStorage.setItem(KEPT, id)
    } catch {
      // The choice then lasts as long as the page.
    }
  }
  return { agents, models: models.filter((model) => !model.id.startsWith('agent:')), chosen, choose }
}

export const modelName = (id: string, models: Model[], language: Language) =>
  inLanguage(models.find((model) => model.id === id)?.septet?.title ?? '', language) ||
  id.replace(/^agent:/, '')

export function ModelPicker({ model }: { model: ReturnType<typeof useChosenModel> }) {
  const { t, language } = useLanguage()
  const all = [...model.agents, ...model.models]
  const item = (entry: Model) => (
    <Menu.Item
      key={entry.id}
      rightSection={entry.id === model.chosen && <IconCheck size={15} />}
      onClick={() => model.choose(entry.id)}
    >
      {modelName(entry.id, all, language)}
      {entry.septet?.description && (
        <small className="menu-note">{inLanguage(entry.septet.description, language)}</small>
      )}
    </Menu.Item>
  )
  const name = modelName(model.chosen, all, language)
  return (
    <Menu position="top-end" width={290}>
      <Menu.Target>
        <UnstyledButton className="model-button" aria-label={`${t('chat.model')}: ${name}`}>
          <span>{name}</span>
          <IconChevronDown size={14} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className="tall-menu">
        {model.agents.length > 0 && <Menu.Label>{t('chat.agents')}</Menu.Label>}
        {model.agents.map(item)}
        {model.models.length > 0 && <Menu.Label>{t('chat.models')}</Menu.Label>}
        {model.models.map(item)}
      </Menu.Dropdown>
    </Menu>
  )
}
