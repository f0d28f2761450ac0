// One tool call: what was asked, what ran, what came out, how long it took.

import { Loader, UnstyledButton } from '@mantine/core'
import { IconAlertCircle, IconChevronDown, IconCircleCheckFilled, IconPlayerStop } from '@tabler/icons-react'
import { memo, useId, useState } from 'react'
import { useLanguage } from '../i18n'
import { duration } from '../i18n/format'
import { StatusBadge } from '../ui/StatusBadge'
import textStyles from '../ui/text.module.css'
import { Chart, FileButton } from './Chart'
import type { ToolStep } from './fold'
import styles from './ToolCard.module.css'
import { toolOf } from './tools'

const isBusy = (item: ToolStep) =>
  item.status === 'in_progress' || item.status === 'searching' || item.status === 'interpreting'

export const ToolCard = memo(function ToolCard({ item }: { item: ToolStep }) {
  const { t, tag } = useLanguage()
  const [chosen, setChosen] = useState<boolean | null>(null)
  const body = useId()
  const busy = isBusy(item)
  const tool = toolOf(item)
  const error = item.septet?.error
  const failure = error ? tool.failure(typeof error === 'string' ? { message: error } : error, t) : null
  const failed = failure !== null || item.status === 'failed'
  const opened = chosen ?? tool.opened(item, busy)
  const name = tool.name(item, t)
  const ms = item.septet?.duration_ms
  const sum = tool.sum?.(item, t)
  const charts = tool.pictures?.(item) ?? []
  const files = tool.files?.(item) ?? []
  return (
    <div
      className={styles.tool}
      data-testid="tool"
      role="group"
      data-tool={item.septet?.tool ?? item.type}
      data-failed={failed || undefined}
      aria-label={name}
    >
      <UnstyledButton
        className={styles.toolHead}
        data-testid="tool-head"
        aria-expanded={opened}
        aria-controls={body}
        aria-label={t('tool.show', { name })}
        onClick={() => setChosen(!opened)}
      >
        <tool.Icon item={item} />
        <span className={`${styles.toolName} ${textStyles.oneLine}`}>{item.septet?.tool ?? name}</span>
        <State busy={busy ? tool.working(t) : null} failed={failed} stopped={item.status === 'incomplete'} />
        {sum && <span className={styles.toolSum}>{sum}</span>}
        <span className={styles.toolTime}>{ms !== undefined && ms !== null && duration(ms, tag)}</span>
        <IconChevronDown size={17} className={styles.toolChevron} data-opened={opened || undefined} />
      </UnstyledButton>
      <div id={body} className={styles.toolBody} hidden={!opened}>
        {opened && <tool.Body item={item} busy={busy} />}
      </div>
      {failure && (
        <p className={styles.toolFailure} data-testid="tool-failure" role="alert">
          <IconAlertCircle size={16} />
          <span>{failure}</span>
        </p>
      )}
      {files.length > 0 && (
        <div className={styles.toolFiles}>
          {files.map((file) => (
            <FileButton key={file.url} {...file} />
          ))}
        </div>
      )}
      {charts.length > 0 && (
        <div className={styles.toolCharts}>
          {charts.map((chart) => (
            <Chart key={chart.url} {...chart} />
          ))}
        </div>
      )}
    </div>
  )
})

type Known = { busy: string | null; failed: boolean; stopped: boolean }

function State({ busy, failed, stopped }: Known) {
  const { t } = useLanguage()
  if (busy)
    return (
      <StatusBadge tone="busy" icon={<Loader size={10} color="currentColor" />}>
        {busy}
      </StatusBadge>
    )
  if (failed)
    return (
      <StatusBadge tone="bad" icon={<IconAlertCircle size={12} />}>
        {t('tool.failed')}
      </StatusBadge>
    )
  if (stopped)
    return (
      <StatusBadge tone="idle" icon={<IconPlayerStop size={12} />}>
        {t('tool.stopped')}
      </StatusBadge>
    )
  return (
    <StatusBadge tone="good" icon={<IconCircleCheckFilled size={12} />}>
      {t('tool.done')}
    </StatusBadge>
  )
}
