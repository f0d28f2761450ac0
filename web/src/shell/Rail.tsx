// The left rail: new chat, the sections that exist, and the conversations by day.

import { ActionIcon, Button, Menu, Modal, Skeleton, UnstyledButton } from '@mantine/core'
import { IconBooks, IconDots, IconLogout, IconMessage, IconPlus, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useRouterState } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import * as calls from '../api/calls'
import { signOut } from '../api/session'
import type { ConversationEntry } from '../api/types'
import { forget } from '../chat/chat'
import { byDay } from '../format'
import { useLanguage } from '../i18n'
import { Mark } from './Brand'
import { Failure } from './Failure'
import { useSession } from './Gate'

export const useConversations = () => useQuery({ queryKey: ['conversations'], queryFn: calls.conversations })

export function Rail({ onPick }: { onPick?: () => void }) {
  const { t } = useLanguage()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const pick = () => {
    onPick?.()
    dispatchEvent(new Event('septet:focus-composer'))
  }
  return (
    <nav className="rail" aria-label={t('app.menu')}>
      <Link to="/" className="brand" aria-label="Septet">
        <Mark size={25} />
        <span>Septet</span>
      </Link>
      <Link to="/chat/{-$id}" params={{ id: undefined }} className="new-chat" onClick={pick}>
        <IconPlus size={17} stroke={1.8} />
        <span>{t('app.newChat')}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </Link>
      <div className="rail-group">{t('app.workspace')}</div>
      <Link
        to="/chat/{-$id}"
        params={{ id: undefined }}
        className="rail-link"
        data-active={path.startsWith('/chat') || undefined}
        onClick={pick}
      >
        <IconMessage size={17} stroke={1.7} />
        {t('app.chat')}
      </Link>
      <Link
        to="/knowledge/{-$id}"
        params={{ id: undefined }}
        className="rail-link"
        data-active={path.startsWith('/knowledge') || undefined}
        onClick={onPick}
      >
        <IconBooks size={17} stroke={1.7} />
        {t('app.knowledge')}
      </Link>
      <History onPick={onPick} />
      <Account />
    </nav>
  )
}

function History({ onPick }: { onPick?: (() => void) | undefined }) {
  const { t, tag } = useLanguage()
  const { data, isPending, isError, refetch } = useConversations()
  const groups = useMemo(() => {
    const time = (entry: ConversationEntry) => entry.updated_at ?? entry.created_at
    const sorted = (data ?? []).slice().sort((a, b) => time(b) - time(a))
    const words = { today: t('history.today'), yesterday: t('history.yesterday'), week: t('history.week') }
    return byDay(sorted, time, words, tag, new Date())
  }, [data, t, tag])
  if (isPending)
    return (
      <div className="history" aria-busy="true">
        {[70, 55, 80].map((width) => (
          <Skeleton key={width} height={12} width={`${width}%`} my={11} mx={10} />
        ))}
      </div>
    )
  if (isError)
    return (
      <div className="history rail-note" role="status">
        {t('history.failed')}{' '}
        <UnstyledButton className="text-button" onClick={() => void refetch()}>
          {t('app.retry')}
        </UnstyledButton>
      </div>
    )
  return (
    <div className="history">
      {groups.length === 0 && <p className="rail-note">{t('history.empty')}</p>}
      {groups.map((group) => (
        <section key={group.key} aria-label={group.label}>
          <div className="rail-group">{group.label}</div>
          <ul>
            {group.entries.map((entry) => (
              <Entry key={entry.id} entry={entry} onPick={onPick} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}

function Entry({ entry, onPick }: { entry: ConversationEntry; onPick?: (() => void) | undefined }) {
  const { t } = useLanguage()
  const [asking, setAsking] = useState(false)
  const navigate = useNavigate()
  const { id } = useParams({ strict: false })
  const queries = useQueryClient()
  const title = entry.title || t('history.untitled')
  const remove = useMutation({
    mutationFn: () => calls.deleteConversation(entry.id),
    onSuccess: () => {
      setAsking(false)
      forget(entry.id)
      if (id === entry.id) void navigate({ to: '/chat/{-$id}', params: { id: undefined } })
      return queries.invalidateQueries({ queryKey: ['conversations'] })
    },
  })
  return (
    <li className="entry" data-active={id === entry.id || undefined}>
      <Link to="/chat/{-$id}" params={{ id: entry.id }} title={title} onClick={onPick}>
        {title}
      </Link>
      <ActionIcon
        className="entry-more"
        variant="subtle"
        color="gray"
        size={24}
        aria-label={`${t('history.delete')}: ${title}`}
        onClick={() => setAsking(true)}
      >
        <IconTrash size={14} />
      </ActionIcon>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={title}
        closeButtonProps={{ 'aria-label': t('app.close') }}
      >
        <p>{t('history.deleteAsk')}</p>
        {remove.error && <Failure error={remove.error} />}
        <div className="dialog-actions">
          <Button variant="default" onClick={() => setAsking(false)}>
            {t('app.cancel')}
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {t('history.delete')}
          </Button>
        </div>
      </Modal>
    </li>
  )
}

function Account() {
  const { t } = useLanguage()
  const session = useSession()
  const user = session.state === 'in' ? session.user : null
  const name = user?.name || user?.email || '…'
  return (
    <Menu position="top-start" width={220}>
      <Menu.Target>
        <UnstyledButton className="account" aria-label={t('app.account', { name })}>
          <span className="avatar" aria-hidden="true">
            {Array.from(name)[0]?.toUpperCase()}
          </span>
          <span className="account-name">
            {name}
            {user?.tenant && <small>{user.tenant.name}</small>}
          </span>
          <IconDots size={16} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {user && <Menu.Label>{user.email}</Menu.Label>}
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          {t('app.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
