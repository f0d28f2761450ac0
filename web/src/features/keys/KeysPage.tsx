// One's own API keys: what there is and when it was used last, new ones, and an end to those that are not needed.

import { ActionIcon, Button, Skeleton, Tooltip } from '@mantine/core'
import { IconKey, IconPlus, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import * as keys from '../../api/queries/keys'
import type { ApiKey } from '../../api/types'
import { useMay, useSession } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { ago, day, moment } from '../../i18n/format'
import { ConfirmDialog } from '../../ui/ConfirmDialog'
import { type Column, DataTable } from '../../ui/DataTable'
import { EmptyState } from '../../ui/EmptyState'
import { Failure } from '../../ui/Failure'
import { Page } from '../../ui/Page'
import { StatusBadge } from '../../ui/StatusBadge'
import textStyles from '../../ui/text.module.css'
import styles from './KeysPage.module.css'
import { NewKey } from './NewKey'
import { Snippet } from './Snippet'
import { isPast, sorted, stateOf } from './state'

const TONES = { works: 'good', ends: 'warn', expired: 'idle', revoked: 'idle' } as const

export function KeysPage() {
  const { t } = useLanguage()
  const mayHave = useMay('keys.own')
  return (
    <Page title={t('keys.title')} width="table">
      {mayHave ? (
        <Keys />
      ) : (
        <EmptyState icon={<IconKey size={22} stroke={1.5} />}>{t('keys.forbidden')}</EmptyState>
      )}
    </Page>
  )
}

function Keys() {
  const { t } = useLanguage()
  const session = useSession()
  const user = session.state === 'in' ? session.user : null
  const { data, error, isPending, refetch } = keys.useKeysOf(user?.id)
  const [creating, setCreating] = useState(false)
  return (
    <>
      <div className={styles.head}>
        <p className={textStyles.dim}>{t('keys.text')}</p>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {t('keys.new')}
        </Button>
      </div>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton height={130} radius="md" />}
      {data?.length === 0 && (
        <EmptyState icon={<IconKey size={22} stroke={1.5} />}>{t('keys.empty')}</EmptyState>
      )}
      {data && data.length > 0 && <List list={data} />}
      <section className={styles.use} aria-labelledby="use-a-key">
        <h2 id="use-a-key">{t('keys.use')}</h2>
        <p className={textStyles.dim}>{t('keys.useText')}</p>
        <Snippet />
      </section>
      {creating && user && <NewKey role={user.role} onClose={() => setCreating(false)} />}
    </>
  )
}

/** The time, told again every half minute. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

function List({ list }: { list: ApiKey[] }) {
  const { t, tag } = useLanguage()
  const queries = useQueryClient()
  const now = useNow()
  const [asked, setAsked] = useState<ApiKey | null>(null)
  const columns: Column<ApiKey>[] = [
    { key: 'name', title: t('keys.name'), isName: true, cell: (key) => <Name of={key} /> },
    {
      key: 'state',
      title: t('keys.state'),
      cell: (key) => {
        const state = stateOf(key, now)
        return <StatusBadge tone={TONES[state]}>{t(`keys.${state}`)}</StatusBadge>
      },
    },
    {
      key: 'used',
      title: t('keys.used'),
      cell: ({ last_used_at: at }) =>
        at ? <time title={moment(at, tag)}>{ago(at, tag, now)}</time> : t('keys.never'),
    },
    { key: 'created', title: t('keys.created'), cell: (key) => day(key.created_at, tag) },
    {
      key: 'expires',
      title: t('keys.expires'),
      cell: ({ expires_at: at }) => (at ? day(at, tag) : t('keys.noExpiry')),
    },
    {
      key: 'actions',
      title: t('keys.actions'),
      isActions: true,
      cell: (key) =>
        !isPast(stateOf(key, now)) && (
          <Tooltip label={t('keys.revoke')}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={28}
              aria-label={t('keys.revokeOne', { name: key.name })}
              onClick={() => setAsked(key)}
            >
              <IconTrash size={15} />
            </ActionIcon>
          </Tooltip>
        ),
    },
  ]
  return (
    <>
      <DataTable
        label={t('keys.list')}
        columns={columns}
        rows={sorted(list, now)}
        idOf={(key) => key.id}
        isPast={(key) => isPast(stateOf(key, now))}
      />
      <ConfirmDialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t('keys.revoke')}
        question={t('keys.revokeAsk', { name: asked?.name ?? '' })}
        confirm={t('keys.revoke')}
        act={async () => asked && keys.revoke(asked.id)}
        onDone={() => queries.invalidateQueries(keys.CHANGED)}
      />
    </>
  )
}

/** The name, how the key begins, and to what it is held. */
function Name({ of: key }: { of: ApiKey }) {
  const { t } = useLanguage()
  const session = useSession()
  const own = session.state === 'in' ? session.user?.role : undefined
  const held = [
    key.role !== own && t(`role.${key.role}`),
    key.requests_per_minute && t('keys.perMinute', { n: key.requests_per_minute }),
  ].filter(Boolean)
  return (
    <>
      {key.name}
      <small className={styles.note}>
        <code>sk-septet-{key.prefix}…</code>
        {held.length > 0 && ` · ${held.join(' · ')}`}
      </small>
    </>
  )
}
