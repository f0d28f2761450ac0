// The conversations in the rail, by day: page by page, searched at the server, with or without those of programs.

import { ActionIcon, Button, Skeleton, TextInput, Tooltip, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconRobot, IconSearch, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import * as conversations from '../../api/queries/conversations'
import type { ConversationEntry } from '../../api/types'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { byDay } from '../../i18n/format'
import { ConfirmDialog } from '../../ui/ConfirmDialog'
import textStyles from '../../ui/text.module.css'
import { forget } from './chat'
import { draftBase, forgetDraft } from './drafts'
import styles from './History.module.css'
import { removeConversation } from './removal'

export function History({ onPick }: { onPick?: (() => void) | undefined }) {
  const { t } = useLanguage()
  const [words, setWords] = useState('')
  const [search] = useDebouncedValue(words.trim(), 250)
  const [api, setApi] = useState(false)
  const label = t(api ? 'history.showConsole' : 'history.showApi')
  return (
    <>
      <div className={styles.historyTools} data-testid="history-tools">
        <TextInput
          size="xs"
          type="search"
          leftSection={<IconSearch size={14} />}
          aria-label={t('history.search')}
          placeholder={t('history.search')}
          value={words}
          maxLength={200}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
        <Tooltip label={label}>
          <ActionIcon
            variant={api ? 'light' : 'subtle'}
            color={api ? 'indigo' : 'gray'}
            size={30}
            aria-label={label}
            aria-pressed={api}
            onClick={() => setApi(!api)}
          >
            <IconRobot size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
      <List search={search} source={api ? 'api' : 'console'} onPick={onPick} />
    </>
  )
}

type Wanted = { search: string; source: 'console' | 'api'; onPick: (() => void) | undefined }

function List({ search, source, onPick }: Wanted) {
  const { t, tag } = useLanguage()
  const { data, isPending, isError, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } =
    conversations.useConversations(search, source)
  const groups = useMemo(() => {
    const time = (entry: ConversationEntry) => entry.updated_at ?? entry.created_at
    const sorted = (data ?? []).slice().sort((a, b) => time(b) - time(a))
    const words = { today: t('history.today'), yesterday: t('history.yesterday'), week: t('history.week') }
    return byDay(sorted, time, words, tag, new Date())
  }, [data, t, tag])
  if (isPending)
    return (
      <div className={styles.history} data-testid="history" aria-busy="true">
        {[70, 55, 80].map((width) => (
          <Skeleton key={width} height={12} width={`${width}%`} my={11} mx={10} />
        ))}
      </div>
    )
  if (isError)
    return (
      <div className={`${styles.history} ${styles.railNote}`} data-testid="history" role="status">
        {t('history.failed')}{' '}
        <UnstyledButton className={textStyles.textButton} onClick={() => void refetch()}>
          {t('app.retry')}
        </UnstyledButton>
      </div>
    )
  return (
    <div className={styles.history} data-testid="history">
      {groups.length === 0 && (
        <p className={styles.railNote} role="status">
          {t(search ? 'history.nothing' : source === 'api' ? 'history.noApi' : 'history.empty')}
        </p>
      )}
      {groups.map((group) => (
        <section key={group.key} aria-label={group.label}>
          <div className={styles.day}>{group.label}</div>
          <ul>
            {group.entries.map((entry) => (
              <Entry key={entry.id} entry={entry} onPick={onPick} />
            ))}
          </ul>
        </section>
      ))}
      {hasNextPage && (
        <Button
          className={styles.historyMore}
          variant="subtle"
          color="gray"
          size="compact-sm"
          loading={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        >
          {t('history.more')}
        </Button>
      )}
    </div>
  )
}

function Entry({ entry, onPick }: { entry: ConversationEntry; onPick?: (() => void) | undefined }) {
  const { t } = useLanguage()
  const mayDelete = useMay('agents.use')
  const [asking, setAsking] = useState(false)
  const navigate = useNavigate()
  const { id } = useParams({ strict: false })
  const queries = useQueryClient()
  const title = entry.title || t('history.untitled')
  return (
    <li className={styles.entry} data-testid="entry" data-active={id === entry.id || undefined}>
      <Link
        to="/chat/{-$id}"
        params={{ id: entry.id }}
        title={title}
        onClick={onPick}
        className={textStyles.oneLine}
      >
        {title}
      </Link>
      {mayDelete && (
        <ActionIcon
          className={styles.entryMore}
          data-testid="entry-more"
          variant="subtle"
          color="gray"
          size={24}
          aria-label={`${t('history.delete')}: ${title}`}
          onClick={() => setAsking(true)}
        >
          <IconTrash size={14} />
        </ActionIcon>
      )}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={title}
        question={t('history.deleteAsk')}
        act={() => removeConversation(queries, entry.id, draftBase(entry.id))}
        onDone={() => {
          forget(entry.id)
          forgetDraft(entry.id)
          if (id === entry.id) void navigate({ to: '/chat/{-$id}', params: { id: undefined } })
          return queries.invalidateQueries({ queryKey: conversations.KEY })
        }}
      />
    </li>
  )
}
