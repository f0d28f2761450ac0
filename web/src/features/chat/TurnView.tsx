// One question and its answer: tool cards, text, charts, and what can be done with them.

import { ActionIcon, Tooltip } from '@mantine/core'
import {
  IconChevronLeft,
  IconChevronRight,
  IconFileText,
  IconFileTypePdf,
  IconRefresh,
} from '@tabler/icons-react'
import { lazy, memo, Suspense, useEffect, useMemo, useState } from 'react'
import type { Waiting } from '../../api/types'
import { type Translate, useLanguage } from '../../i18n'
import { codeWords } from '../../i18n/errors'
import { bytes, count, duration, money } from '../../i18n/format'
import { Sources } from '../../run/Citation'
import { answerText, isOver, type Message, type Run } from '../../run/fold'
import markdownStyles from '../../run/markdown/Markdown.module.css'
import { sourcesOf } from '../../run/sources'
import { ToolCard } from '../../run/ToolCard'
import { CopyButton } from '../../ui/CopyButton'
import { Failure } from '../../ui/Failure'
import textStyles from '../../ui/text.module.css'
import { OfflineBadge } from './OfflineBadge'
import styles from './TurnView.module.css'
import type { Turn } from './turn'

// The page can be used before anything has to be drawn.
const loadMarkdown = () =>
  import('../../run/markdown/Markdown').then((module) => ({ default: module.Markdown }))
const Markdown = lazy(loadMarkdown)
if (typeof requestIdleCallback === 'function') requestIdleCallback(() => void loadMarkdown())

type Given = {
  turn: Turn
  version: { at: number; n: number; go: (at: number) => void }
  /** Asks the same question again; not given while something runs. */
  onAgain: (() => void) | undefined
  selected: boolean
  onSelect: () => void
}

export const TurnView = memo(function TurnView({ turn, version, onAgain, selected, onSelect }: Given) {
  const { t, tag } = useLanguage()
  const { run, question } = turn
  const sources = useMemo(() => sourcesOf(run), [run])
  const over = isOver(run) || turn.error !== null
  const nothing = over && !turn.error && run.status === 'completed' && run.steps.length === 0
  return (
    <article
      className={styles.turn}
      data-testid="turn"
      data-status={turn.error ? 'failed' : run.status}
      data-selected={selected || undefined}
    >
      <div className={styles.question}>
        <span className={textStyles.hidden}>{t('chat.you')}</span>
        {question.files.length > 0 && (
          <ul className={styles.questionFiles}>
            {question.files.map((file) => (
              <li key={file.id}>
                {/\.pdf$/i.test(file.name) ? <IconFileTypePdf size={17} /> : <IconFileText size={17} />}
                <span className={textStyles.oneLine} title={file.name}>
                  {file.name}
                </span>
                <small>{bytes(file.bytes, tag)}</small>
              </li>
            ))}
          </ul>
        )}
        <p>{question.text}</p>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a shortcut for the pointer; the panel follows the newest answer anyway */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div
        className={styles.answer}
        data-testid="answer"
        aria-busy={!over}
        onClick={(event) => {
          // What a button does is its own business; "regenerate" must not select the old answer.
          if (!(event.target as Element).closest('button, a')) onSelect()
        }}
      >
        <span className={textStyles.hidden}>{t('chat.assistant')}</span>
        <Sources value={sources}>
          {run.steps.map((step, at) =>
            step.type === 'message' ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: steps never move
              <AnswerText key={at} message={step} growing={!over} />
            ) : step.type === 'other' && step.kind === 'reasoning' ? null : (
              // biome-ignore lint/suspicious/noArrayIndexKey: steps never move
              <ToolCard key={at} item={step} />
            ),
          )}
        </Sources>
        {!over && <Thinking run={run} />}
        <Ending turn={turn} onAgain={onAgain} />
        {nothing && <p className={textStyles.dim}>{t('chat.emptyAnswer')}</p>}
        {over && !turn.error && (
          <footer className={styles.actions} data-testid="actions">
            <CopyButton text={answerText(run)} size={28} />
            {onAgain && (
              <Tooltip label={t('chat.regenerate')}>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={28}
                  aria-label={t('chat.regenerate')}
                  onClick={onAgain}
                >
                  <IconRefresh size={16} />
                </ActionIcon>
              </Tooltip>
            )}
            <Versions {...version} />
            {run.extra?.offline && <OfflineBadge />}
            <span className={styles.meta}>
              {[
                run.model,
                run.usage && t('run.nTokens', { n: count(run.usage.total_tokens, tag) }),
                typeof run.extra?.cost_nano === 'number' &&
                  money(run.extra.cost_nano, run.extra.currency, tag),
                run.extra?.duration_ms && duration(run.extra.duration_ms, tag),
              ]
                .filter(Boolean)
                .join(' · ')}
            </span>
          </footer>
        )}
      </div>
    </article>
  )
})

function AnswerText({ message, growing }: { message: Message; growing: boolean }) {
  const text = message.content.map((part) => part.text).join('')
  if (text === '') return null
  return (
    <Suspense
      fallback={
        <p className={`${markdownStyles.prose} ${markdownStyles.asWritten}`} data-testid="prose">
          {text.slice(0, 4000)}
        </p>
      }
    >
      <Markdown text={text} growing={growing && message.status !== 'completed'} />
    </Suspense>
  )
}

/** Three dots whenever nothing visible moves: before the first step and between two. */
function Thinking({ run }: { run: Run }) {
  const { t } = useLanguage()
  const seconds = useSecondsLeft(run.waiting)
  const last = run.steps.at(-1)
  const quiet =
    !last ||
    last.status === 'completed' ||
    (last.type === 'message' && last.content.every((part) => !part.text))
  if (!quiet && !run.waiting && !run.resumed) return null
  return (
    <p className={styles.thinking} data-testid="thinking" role="status">
      <span className={styles.dots} aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {run.waiting
        ? `${because(run.waiting.code, t)}${t('chat.waiting', { n: seconds })}`
        : t(run.resumed ? 'chat.resumed' : 'chat.thinking')}
    </p>
  )
}

/** Why an answer ended early. */
function reasonWords(reason: string | null, t: Translate): string {
  const key: string = `reason.${reason}`
  if (t.knows(key)) return t(key)
  return reason ? t('chat.incomplete', { reason }) : t('error.runFailed')
}

/** What happened, without what to do: the run does it by itself. */
function because(code: string, t: Translate): string {
  if (!t.knows(code)) return ''
  const [means = ''] = t(code).split(/(?<=。|\.\s)/)
  return means
}

/** Counts down to the end of a wait. Clocks may differ, so the server's own count of seconds is the most it can be. */
function useSecondsLeft(waiting: Waiting | null): number {
  const [now, setNow] = useState(Date.now)
  const ends = useMemo(() => {
    const left = waiting ? Math.min(waiting.seconds * 1000, Math.max(0, waiting.until_ms - Date.now())) : 0
    return Date.now() + left
  }, [waiting])
  useEffect(() => {
    if (!waiting) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [waiting])
  return Math.max(0, Math.ceil((ends - now) / 1000))
}

function Ending({ turn, onAgain }: { turn: Turn; onAgain: (() => void) | undefined }) {
  const { t } = useLanguage()
  const { run } = turn
  if (turn.error) return <Failure error={turn.error} onRetry={onAgain} />
  if (run.status === 'failed')
    return <Failure words={codeWords(run.error, 'error.runFailed', t)} onRetry={onAgain} />
  if (run.status === 'cancelled')
    return (
      <p className={styles.ending} data-testid="ending" role="status">
        {t('chat.cancelled')}
      </p>
    )
  if (run.status === 'incomplete')
    return (
      <p className={styles.ending} data-testid="ending" role="status">
        {reasonWords(run.reason, t)}
      </p>
    )
  return null
}

function Versions({ at, n, go }: { at: number; n: number; go: (at: number) => void }) {
  const { t } = useLanguage()
  if (n < 2) return null
  return (
    <span
      className={styles.versions}
      data-testid="versions"
      role="group"
      aria-label={t('chat.version', { at: at + 1, n })}
    >
      <ActionIcon
        variant="subtle"
        color="gray"
        size={24}
        aria-label={t('chat.previousVersion')}
        disabled={at === 0}
        onClick={() => go(at - 1)}
      >
        <IconChevronLeft size={16} />
      </ActionIcon>
      {at + 1} / {n}
      <ActionIcon
        variant="subtle"
        color="gray"
        size={24}
        aria-label={t('chat.nextVersion')}
        disabled={at === n - 1}
        onClick={() => go(at + 1)}
      >
        <IconChevronRight size={16} />
      </ActionIcon>
    </span>
  )
}
