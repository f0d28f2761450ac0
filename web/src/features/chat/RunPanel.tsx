// The right panel: state, tokens, cost, steps, time, trace and sources of one run.

import { UnstyledButton } from '@mantine/core'
import { IconSparkles } from '@tabler/icons-react'
import { useEffect, useMemo, useState } from 'react'
import type { RunStatus } from '../../api/types'
import { useLanguage } from '../../i18n'
import { count, duration, money } from '../../i18n/format'
import { SourceText } from '../../run/Citation'
import { isOver } from '../../run/fold'
import { type Source, sourcesOf } from '../../run/sources'
import { spansOf } from '../../run/spans'
import { Timeline } from '../../run/Timeline'
import { StatusBadge, type Tone } from '../../ui/StatusBadge'
import textStyles from '../../ui/text.module.css'
import styles from './RunPanel.module.css'
import type { Turn } from './turn'

const TONES: Record<RunStatus, Tone> = {
  queued: 'idle',
  in_progress: 'busy',
  completed: 'good',
  failed: 'bad',
  incomplete: 'warn',
  cancelled: 'idle',
}

/** The local time, told again twice a second while `on`. */
function useNow(on: boolean): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!on) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(timer)
  }, [on])
  return now
}

export function RunPanel({ turn }: { turn: Turn | null }) {
  const { t, tag } = useLanguage()
  const run = turn?.run
  const running = turn !== null && !turn.error && !isOver(turn.run)
  const now = useNow(running) - (turn?.skewMs ?? 0)
  const sources = useMemo(
    () => (run ? [...sourcesOf(run).values()].filter((source) => source.cited) : []),
    [run],
  )
  if (!turn || !run)
    return (
      <div className={styles.run} data-testid="run">
        <h2>
          <IconSparkles size={16} /> {t('run.title')}
        </h2>
        <p className={textStyles.dim}>{t('run.empty')}</p>
      </div>
    )
  const spans = spansOf(run, now)
  const total = run.extra?.duration_ms ?? spans.total
  const status = turn.error ? 'failed' : run.status
  const lost = turn.link.state === 'lost'
  return (
    <div className={styles.run} data-testid="run">
      <h2>
        <IconSparkles size={16} /> {t('run.title')}
        <StatusBadge tone={lost ? 'warn' : TONES[status]} data-run-status={status}>
          {t(lost ? 'status.lost' : `status.${status}`)}
        </StatusBadge>
      </h2>
      <dl className={styles.facts} data-testid="facts">
        <dt>{t('run.tokens')}</dt>
        <dd>
          {run.usage ? count(run.usage.total_tokens, tag) : '–'}
          {run.usage && (
            <small>
              {t('run.tokensSplit', {
                input: count(run.usage.input_tokens, tag),
                output: count(run.usage.output_tokens, tag),
              })}
            </small>
          )}
        </dd>
        <dt>{t('run.cost')}</dt>
        <dd>
          {!running && typeof run.extra?.cost_nano === 'number'
            ? money(run.extra.cost_nano, run.extra.currency, tag)
            : '–'}
        </dd>
        <dt>{t('run.steps')}</dt>
        <dd>{(!running && run.extra?.steps) || run.steps.length || '–'}</dd>
        <dt>{t('run.duration')}</dt>
        <dd>{total > 0 ? duration(total, tag) : '–'}</dd>
        {run.model && (
          <>
            <dt>{t('run.model')}</dt>
            <dd className={textStyles.oneLine}>{run.model}</dd>
          </>
        )}
      </dl>
      {spans.rows.length > 0 && <Timeline spans={spans} total={Math.max(total, spans.total)} />}
      {sources.length > 0 && <SourceList sources={sources} />}
      {run.id && (
        <p className={styles.runId}>
          {t('run.id')} <code>{run.id}</code>
        </p>
      )}
    </div>
  )
}

function SourceList({ sources }: { sources: Source[] }) {
  const { t } = useLanguage()
  const [opened, setOpened] = useState<number | null>(null)
  return (
    <>
      <h3>{t('run.sources')}</h3>
      <ul className={styles.sources}>
        {sources.map((source) => (
          <li key={source.number}>
            <UnstyledButton
              className={styles.source}
              data-testid="source"
              aria-expanded={opened === source.number}
              aria-label={t('source.show', { n: source.number, file: source.filename })}
              onClick={() => setOpened(opened === source.number ? null : source.number)}
            >
              <SourceText source={source} clamp={opened !== source.number} />
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </>
  )
}
