// The chat: conversation in the middle, message box below, the run on the right.

import { ActionIcon, Button, Drawer, Skeleton, Tooltip } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconArrowDown, IconLayoutSidebarRight, IconPlugConnected } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { KEY as CONVERSATIONS, useConversations } from '../../api/queries/conversations'
import { useStatus } from '../../api/queries/status'
import { KEY as VECTOR_STORES } from '../../api/queries/vectorStores'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { isOver } from '../../run/fold'
import { Failure } from '../../ui/Failure'
import { useFileDrop } from '../../ui/FileDrop'
import { Frame } from '../../ui/Page'
import { nameOwn } from '../knowledge/bases'
import styles from './ChatPage.module.css'
import { Composer } from './Composer'
import { adopt, Chat, chatOf } from './chat'
import { draftBase, NEW, nameDraft, onDraftSettled, uploadsOf } from './drafts'
import { versionsOf } from './history'
import { OfflineBadge } from './OfflineBadge'
import { RunPanel } from './RunPanel'
import { TurnView } from './TurnView'
import type { Question, Turn } from './turn'
import { useChosenBases, useChosenModel } from './useChosen'
import { useStickToEnd } from './useStickToEnd'
import { Welcome } from './Welcome'

export function ChatPage() {
  const { id } = useParams({ from: '/chat/{-$id}' })
  const [draft, setDraft] = useState(() => new Chat(null))
  const [before, setBefore] = useState(id)
  // The draft becomes the conversation once it gets an id. Coming back to the bare address starts anew.
  if (before !== id) {
    setBefore(id)
    if (id === undefined && draft.id !== null) setDraft(new Chat(null))
  }
  return <Conversation chat={id === undefined || draft.id === id ? draft : chatOf(id)} />
}

function useChatTitle(chat: Chat, turns: Turn[]): string {
  const { t } = useLanguage()
  const { data } = useConversations()
  const stored = data?.find((entry) => entry.id === chat.id)?.title
  return stored || turns[0]?.question.text || t('app.newChat')
}

function Conversation({ chat }: { chat: Chat }) {
  const { t } = useLanguage()
  const { turns, loading, loadError, asked } = useSyncExternalStore(chat.subscribe, chat.getState)
  const navigate = useNavigate()
  const queries = useQueryClient()
  const draft = chat.id ?? NEW
  const bases = useChosenBases({ draft, asked, onChoose: chat.choose })
  const model = useChosenModel({ asked, onChoose: chat.choose })
  const { data: status } = useStatus()
  const title = useChatTitle(chat, turns)
  const narrow = useMediaQuery('(max-width: 1180px)', undefined, { getInitialValueInEffect: false }) ?? false
  const [panel, setPanel] = useState(true)
  const [drawer, setDrawer] = useState(false)
  const [offered, setOffered] = useState<{ text: string } | null>(null)
  const [picked, setPicked] = useState<Record<number, number>>({})
  const [selected, setSelected] = useState<string | null>(null)
  const groups = useMemo(() => versionsOf(turns), [turns])
  const shown = groups.map((group, at) => ({
    group,
    at: Math.min(picked[at] ?? group.length - 1, group.length - 1),
  }))
  const last = turns.at(-1)
  const running = last !== undefined && !last.error && !isOver(last.run)
  const focus =
    turns.find((turn) => turn.key === selected) ?? shown.map(({ group, at }) => group[at]).at(-1) ?? null
  const scroll = useStickToEnd(turns)
  const mayAsk = useMay('agents.use')
  const mayWrite = useMay('knowledge.write')
  const addFiles = (files: File[]) => {
    const [first] = files
    if (mayWrite && first)
      uploadsOf(draft).add(files, () => bases.ownFor(turns.length > 0 ? title : first.name))
  }
  const dropping = useFileDrop(addFiles, t('chat.drop'))

  // biome-ignore lint/correctness/useExhaustiveDependencies: another chat starts without the old one's choices
  useEffect(() => {
    setPicked({})
    setSelected(null)
  }, [chat])

  useEffect(() => {
    onDraftSettled(() => void queries.invalidateQueries({ queryKey: VECTOR_STORES }))
  }, [queries])

  // The history knows a new conversation, its title and its order once a run has started or ended.
  const lastRun = last?.run.id ?? null
  // biome-ignore lint/correctness/useExhaustiveDependencies: the changes themselves are the reason
  useEffect(() => {
    if (lastRun) void queries.invalidateQueries({ queryKey: CONVERSATIONS })
  }, [lastRun, running, queries])

  const send = useCallback(
    (question: Question) => {
      setSelected(null)
      scroll.toEnd()
      void chat.ask(question, { model: model.chosen, stores: bases.stores }, (id) => {
        adopt(chat)
        nameDraft(id)
        const own = draftBase(id)
        if (own) void nameOwn(queries, own, question.text)
        void navigate({ to: '/chat/{-$id}', params: { id }, replace: true })
        void queries.invalidateQueries({ queryKey: CONVERSATIONS })
      })
    },
    [chat, bases.stores, model.chosen, navigate, queries, scroll.toEnd],
  )

  const again = (turn: Turn, at: number) => () => {
    if (turn.error && !turn.run.id) chat.dropFailed(turn.key)
    setPicked((old) => ({ ...old, [at]: Number.MAX_SAFE_INTEGER }))
    send(turn.question)
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // Esc stops the run, unless it closes something that is open first.
      if (event.key !== 'Escape' || event.defaultPrevented || !running) return
      if (document.querySelector('[role="dialog"],[role="menu"]')) return
      void chat.stop()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [chat, running])

  const lost = last?.link.state === 'lost' ? last.link : null
  const togglePanel = () => (narrow ? setDrawer(true) : setPanel(!panel))
  const panelLabel = t(!narrow && panel ? 'run.hide' : 'run.show')
  return (
    <Frame
      title={title}
      tools={
        <>
          {status?.offline_model && <OfflineBadge short />}
          <Tooltip label={panelLabel}>
            <ActionIcon
              variant="default"
              size={30}
              aria-label={panelLabel}
              onClick={togglePanel}
              data-testid="panel-button"
            >
              <IconLayoutSidebarRight size={16} />
            </ActionIcon>
          </Tooltip>
        </>
      }
      {...dropping.handlers}
    >
      <div className={styles.chat}>
        <main className={styles.talk} id="page">
          <section
            className={styles.scroll}
            data-scrolls
            ref={scroll.ref}
            onScroll={scroll.onScroll}
            tabIndex={0}
            aria-label={t('chat.conversation')}
          >
            <div className={styles.column} role="log" aria-busy={running} aria-label={t('chat.conversation')}>
              {loading && <Loading />}
              {loadError && <Failure error={loadError} onRetry={() => void chat.load()} />}
              {!loading && !loadError && turns.length === 0 && (
                <Welcome bases={bases} onPick={(text) => setOffered({ text })} />
              )}
              {shown.map(({ group, at }, index) => {
                const turn = group[at]
                if (!turn) return null
                return (
                  <TurnView
                    // biome-ignore lint/suspicious/noArrayIndexKey: questions never move
                    key={index}
                    turn={turn}
                    version={{
                      at,
                      n: group.length,
                      go: (to) => setPicked((old) => ({ ...old, [index]: to })),
                    }}
                    onAgain={
                      running || !mayAsk || index !== shown.length - 1 ? undefined : again(turn, index)
                    }
                    selected={turn === focus && turns.length > 1}
                    onSelect={() => setSelected(turn.key)}
                  />
                )
              })}
            </div>
          </section>
          <div className={styles.dock}>
            {scroll.away && (
              <Button
                className={styles.latest}
                variant="default"
                size="compact-sm"
                radius="xl"
                rightSection={<IconArrowDown size={14} />}
                onClick={scroll.toEnd}
              >
                {t('chat.latest')}
              </Button>
            )}
            {lost && (
              <div className={styles.lostLine} data-testid="lost-line" role="status">
                <IconPlugConnected size={16} />
                <span>{t('chat.lost', { n: lost.attempt })}</span>
                <Button size="compact-xs" variant="default" onClick={chat.retryNow}>
                  {t('chat.retryNow')}
                </Button>
              </div>
            )}
            {mayAsk ? (
              <Composer
                draft={draft}
                bases={bases}
                model={model}
                onFiles={addFiles}
                opening={loading || loadError !== null}
                running={running}
                stopping={last?.stopping ?? false}
                onSend={send}
                onStop={() => void chat.stop()}
                offered={offered}
              />
            ) : (
              <p className={styles.readOnly} data-testid="read-only" role="status">
                {t('chat.readOnly')}
              </p>
            )}
            <p className={styles.note}>{t('chat.note')}</p>
          </div>
        </main>
        {!narrow && panel && (
          <aside className={styles.panel} data-testid="panel" aria-label={t('run.title')}>
            <RunPanel turn={focus} />
          </aside>
        )}
      </div>
      {narrow && (
        <Drawer.Root opened={drawer} onClose={() => setDrawer(false)} position="right" size={340}>
          <Drawer.Overlay />
          <Drawer.Content aria-label={t('run.title')}>
            <Drawer.CloseButton className={styles.panelClose} aria-label={t('app.close')} />
            <RunPanel turn={focus} />
          </Drawer.Content>
        </Drawer.Root>
      )}
      {dropping.overlay}
    </Frame>
  )
}

function Loading() {
  return (
    <div aria-hidden="true">
      <Skeleton height={46} width="45%" radius="lg" ml="auto" />
      <Skeleton height={130} radius="md" mt={24} />
      {[96, 88, 60].map((width) => (
        <Skeleton key={width} height={14} width={`${width}%`} mt={14} />
      ))}
    </div>
  )
}
