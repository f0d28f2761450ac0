// The right panel: state, tokens, cost, steps, time, trace and sources of one run.

import { Badge, UnstyledButton } from '@mantine/core'
import { IconSparkles } from '@tabler/icons-react'
import { useEffect, useMemo, useState } from 'react'
import { count, duration, money } from '../format'
import { useLanguage } from '../i18n'
import { SourceText } from './Citation'
import type { Turn } from './chat'
import { isOver, type Run, type Source, sourcesOf } from './run'
import { toolName } from './ToolCard'

const COLOURS: Record<string, string> = {
  queued: 'gray',
  in_progress: 'indigo',
  completed: 'teal',
  failed: 'red',
  incomplete: 'orange',
  cancelled: 'gray',
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
      <div className="run">
        <h2>
          <IconSparkles size={16} /> {t('run.title')}
        </h2>
        <p className="dim">{t('run.empty')}</p>
      </div>
    )
  const spans = spansOf(run, now)
  const total = run.extra?.duration_ms ?? spans.total
  const status = turn.error ? 'failed' : run.status
  const lost = turn.link.state === 'lost'
  return (
    <div className="run">
      <h2>
        <IconSparkles size={16} /> {t('run.title')}
        <Badge variant="light" color={lost ? 'orange' : (COLOURS[status] ?? 'gray')} data-run-status={status}>
          {t(lost ? 'status.lost' : `status.${status}`)}
        </Badge>
      </h2>
      <dl className="facts">
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
            <dd className="one-line">{run.model}</dd>
          </>
        )}
      </dl>
      {spans.rows.length > 0 && <Trace spans={spans} total={Math.max(total, spans.total)} />}
      {sources.length > 0 && <SourceList sources={sources} />}
      {run.id && (
        <p className="run-id">
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
      <ul className="sources">
        {sources.map((source) => (
          <li key={source.number}>
            <UnstyledButton
              className="source"
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

type Span = {
  key: string
  kind: 'search' | 'code' | 'model' | 'answer' | 'other'
  tool: string
  from: number
  ms: number
}
type Spans = { rows: Span[]; start: number; total: number }

/**
 * The steps with a start time as bars. What lies between two steps is the model at work on the next
 * one; a step that still runs reaches to `now`. All times are the server's, in milliseconds.
 */
export function spansOf(run: Run, now: number): Spans {
  const timed = run.steps.filter((step) => step.septet?.started_at_ms)
  const first = Math.min(...timed.map((step) => step.septet?.started_at_ms ?? 0))
  const last = Math.max(
    ...timed.map((step) => (step.septet?.started_at_ms ?? 0) + (step.septet?.duration_ms ?? 0)),
  )
  // The creation is told in whole seconds; the length of the whole run says it better.
  const created = run.extra?.duration_ms ? last - run.extra.duration_ms : (run.createdAtMs ?? first)
  const start = Math.min(created, first)
  if (timed.length === 0) return { rows: [], start: 0, total: 0 }
  const rows: Span[] = []
  let end = start
  for (const step of timed) {
    const from = step.septet?.started_at_ms ?? 0
    const ms = step.septet?.duration_ms ?? (isOver(run) ? 0 : Math.max(0, now - from))
    if (from - end > 30)
      rows.push({ key: `model-${step.id}`, kind: 'model', tool: '', from: end, ms: from - end })
    const kind =
      step.type === 'file_search_call'
        ? 'search'
        : step.type === 'code_interpreter_call'
          ? 'code'
          : step.type === 'message'
            ? 'answer'
            : 'other'
    rows.push({ key: step.id, kind, tool: step.septet?.tool ?? '', from, ms })
    end = Math.max(end, from + ms)
  }
  return { rows, start, total: end - start }
}

function Trace({ spans, total }: { spans: Spans; total: number }) {
  const { t, tag } = useLanguage()
  const label = (span: Span) => {
    if (span.kind === 'model') return t('run.traceModel')
    if (span.kind === 'answer') return t('run.traceAnswer')
    return span.tool || toolName({ type: 'other', kind: span.kind, id: '' }, t)
  }
  const rows = [{ key: 'run', kind: 'run', from: spans.start, ms: total, name: t('run.traceRun') }].concat(
    spans.rows.map((span) => ({ ...span, name: label(span) })),
  )
  return (
    <>
      <h3>{t('run.trace')}</h3>
      <ol className="trace">
        {rows.map((row) => (
          <li key={row.key}>
            <span className="one-line" title={row.name}>
              {row.name}
            </span>
            <span className="trace-line" aria-hidden="true">
              <span
                data-kind={row.kind}
                style={{
                  left: `${Math.min(98, ((row.from - spans.start) / total) * 100)}%`,
                  width: `${Math.max(2, Math.min(100, (row.ms / total) * 100))}%`,
                }}
              />
            </span>
            <span className="trace-time">{duration(row.ms, tag)}</span>
          </li>
        ))}
      </ol>
    </>
  )
}
