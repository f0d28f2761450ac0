// Knowledge bases: list, create, and the one that is open.

import { Button, Skeleton } from '@mantine/core'
import { IconBooks, IconPaperclip, IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useVectorStores } from '../../api/queries/vectorStores'
import type { VectorStore } from '../../api/types'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { EmptyState } from '../../ui/EmptyState'
import { Failure } from '../../ui/Failure'
import { Page } from '../../ui/Page'
import textStyles from '../../ui/text.module.css'
import { Base } from './Base'
import { baseCounts, baseName, useCreateBase } from './bases'
import styles from './KnowledgePage.module.css'
import { NewBase } from './NewBase'

export function KnowledgePage() {
  const { t } = useLanguage()
  const { id } = useParams({ from: '/knowledge/{-$id}' })
  const { data, error, isPending, refetch } = useVectorStores()
  const create = useCreateBase()
  const mayWrite = useMay('knowledge.write')
  const [creating, setCreating] = useState(false)
  const navigate = useNavigate()
  const shared = data?.filter((store) => !store.private) ?? []
  const given = data?.filter((store) => store.private) ?? []
  const shown = data?.find((store) => store.id === id) ?? shared[0] ?? given[0] ?? null
  return (
    <Page title={t('kb.title')}>
      <div className={styles.knowledgeHead} data-testid="knowledge-head">
        <p className={textStyles.dim}>{t('kb.text')}</p>
        {mayWrite && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
            {t('kb.new')}
          </Button>
        )}
      </div>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton height={180} radius="md" />}
      {data?.length === 0 && <EmptyState>{t('kb.empty')}</EmptyState>}
      {data && data.length > 0 && (
        <div className={styles.bases}>
          <div>
            <Bases label={t('kb.list')} stores={shared} shown={shown} />
            {given.length > 0 && (
              <h2 className={styles.baseGroup} data-testid="base-group">
                {t('kb.given')}
              </h2>
            )}
            <Bases label={t('kb.given')} stores={given} shown={shown} />
          </div>
          {shown && <Base key={shown.id} store={shown} />}
        </div>
      )}
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
    </Page>
  )
}

type Listed = { label: string; stores: VectorStore[]; shown: VectorStore | null }

function Bases({ label, stores, shown }: Listed) {
  const { t } = useLanguage()
  if (stores.length === 0) return null
  return (
    <ul className={styles.baseList} aria-label={label}>
      {stores.map((store) => (
        <li key={store.id}>
          <Link
            to="/knowledge/{-$id}"
            params={{ id: store.id }}
            className={styles.base}
            data-testid="base"
            data-active={store.id === shown?.id || undefined}
          >
            {store.private ? <IconPaperclip size={18} stroke={1.6} /> : <IconBooks size={18} stroke={1.6} />}
            <span>
              <b className={textStyles.oneLine}>{baseName(store, t)}</b>
              <small>{baseCounts(store, t)}</small>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
