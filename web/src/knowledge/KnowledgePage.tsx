// Knowledge bases: list, create, and the one that is open.

import './knowledge.css'
import { Button, Skeleton } from '@mantine/core'
import { IconBooks, IconPaperclip, IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { VectorStore } from '../api/types'
import { useMay } from '../auth/may'
import { baseCounts, baseName, useBases, useCreateBase } from '../files/bases'
import { NewBase } from '../files/NewBase'
import { useLanguage } from '../i18n'
import { Failure } from '../shell/Failure'
import { TopBar } from '../shell/TopBar'
import { usePageTitle } from '../shell/usePageTitle'
import { Base } from './Base'

export function KnowledgePage() {
  const { t } = useLanguage()
  const { id } = useParams({ from: '/knowledge/{-$id}' })
  const { data, error, isPending, refetch } = useBases()
  const create = useCreateBase()
  const mayWrite = useMay('knowledge.write')
  const [creating, setCreating] = useState(false)
  const navigate = useNavigate()
  const shared = data?.filter((store) => !store.private) ?? []
  const given = data?.filter((store) => store.private) ?? []
  const shown = data?.find((store) => store.id === id) ?? shared[0] ?? given[0] ?? null
  usePageTitle(t('kb.title'))
  return (
    <div className="page">
      <TopBar title={t('kb.title')} />
      <main className="knowledge" id="page">
        <div className="knowledge-head">
          <p className="dim">{t('kb.text')}</p>
          {mayWrite && (
            <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
              {t('kb.new')}
            </Button>
          )}
        </div>
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {isPending && <Skeleton height={180} radius="md" />}
        {data?.length === 0 && <p className="empty">{t('kb.empty')}</p>}
        {data && data.length > 0 && (
          <div className="bases">
            <div className="base-lists">
              <Bases label={t('kb.list')} stores={shared} shown={shown} />
              {given.length > 0 && <h2 className="base-group">{t('kb.given')}</h2>}
              <Bases label={t('kb.given')} stores={given} shown={shown} />
            </div>
            {shown && <Base key={shown.id} store={shown} />}
          </div>
        )}
      </main>
      {creating && (
        <NewBase
          opened
          onClose={() => setCreating(false)}
          create={async (name) => {
            const made = await create(name)
            void navigate({ to: '/knowledge/{-$id}', params: { id: made.id } })
          }}
        />
      )}
    </div>
  )
}

type Listed = { label: string; stores: VectorStore[]; shown: VectorStore | null }

function Bases({ label, stores, shown }: Listed) {
  const { t } = useLanguage()
  if (stores.length === 0) return null
  return (
    <ul className="base-list" aria-label={label}>
      {stores.map((store) => (
        <li key={store.id}>
          <Link
            to="/knowledge/{-$id}"
            params={{ id: store.id }}
            className="base"
            data-active={store.id === shown?.id || undefined}
          >
            {store.private ? <IconPaperclip size={18} stroke={1.6} /> : <IconBooks size={18} stroke={1.6} />}
            <span>
              <b className="one-line">{baseName(store, t)}</b>
              <small>{baseCounts(store, t)}</small>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
