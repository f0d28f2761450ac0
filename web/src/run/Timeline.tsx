// The steps of a run one below the other, each as a bar where it began and as long as it took.

import { type Key, useLanguage } from '../i18n'
import { duration } from '../i18n/format'
import textStyles from '../ui/text.module.css'
import type { Span, Spans } from './spans'
import styles from './Timeline.module.css'

const NAMES: Record<Span['kind'], Key> = {
  search: 'tool.search',
  code: 'tool.python',
  model: 'run.traceModel',
  answer: 'run.traceAnswer',
  other: 'tool.other',
}

export function Timeline({ spans, total }: { spans: Spans; total: number }) {
  const { t, tag } = useLanguage()
  const rows = [{ key: 'run', kind: 'run', from: spans.start, ms: total, name: t('run.traceRun') }].concat(
    spans.rows.map((span) => ({ ...span, name: span.tool || t(NAMES[span.kind]) })),
  )
  return (
    <>
      <h3>{t('run.trace')}</h3>
      <ol className={styles.trace} data-testid="trace">
        {rows.map((row) => (
          <li key={row.key}>
            <span className={textStyles.oneLine} title={row.name}>
              {row.name}
            </span>
            <span className={styles.traceLine} aria-hidden="true">
              <span
                data-kind={row.kind}
                style={{
                  left: `${Math.min(98, ((row.from - spans.start) / total) * 100)}%`,
                  width: `${Math.max(2, Math.min(100, (row.ms / total) * 100))}%`,
                }}
              />
            </span>
            <span className={styles.traceTime}>{duration(row.ms, tag)}</span>
          </li>
        ))}
      </ol>
    </>
  )
}
