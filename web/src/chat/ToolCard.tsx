// One tool call: what was asked, what ran, what came out, how long it took.

import { Badge, Loader, UnstyledButton } from '@mantine/core'
import {
  IconAlertCircle,
  IconBooks,
  IconChevronDown,
  IconCircleCheckFilled,
  IconDatabase,
  IconPlayerStop,
  IconSearch,
  IconTerminal2,
  IconTool,
} from '@tabler/icons-react'
import { memo, useId, useState } from 'react'
import type { CodeItem, OtherItem, SearchItem } from '../api/types'
import { duration } from '../format'
import { type Key, type Translate, useLanguage } from '../i18n'
import { Chart, FileButton, isContainerUrl } from './Chart'
import { SourceText } from './Citation'
import { CodeBlock } from './CodeBlock'
import { passageSource } from './run'

type Tool = SearchItem | CodeItem | OtherItem

const isBusy = (item: Tool) =>
  item.status === 'in_progress' || item.status === 'searching' || item.status === 'interpreting'

export const isSql = (item: CodeItem) => item.septet?.language === 'sql' || item.septet?.tool === 'run_sql'

export function toolName(item: Tool, t: Translate): string {
  if (item.type === 'file_search_call') return t('tool.search')
  if (item.type === 'code_interpreter_call') return t(isSql(item) ? 'tool.sql' : 'tool.python')
  return item.septet?.tool ?? item.name ?? t('tool.other')
}

export const ToolCard = memo(function ToolCard({ item }: { item: Tool }) {
  const { t, tag } = useLanguage()
  const [chosen, setChosen] = useState<boolean | null>(null)
  const body = useId()
  const busy = isBusy(item)
  const failure = failureOf(item, t)
  const failed = failure !== null || item.status === 'failed'
  const opened =
    chosen ?? (item.type === 'code_interpreter_call' ? true : busy && item.type === 'file_search_call')
  const name = toolName(item, t)
  const ms = item.septet?.duration_ms
  const charts = item.type === 'code_interpreter_call' ? chartsOf(item) : []
  const files = item.type === 'code_interpreter_call' ? otherFilesOf(item) : []
  return (
    <div
      className="tool"
      role="group"
      data-tool={item.septet?.tool ?? item.type}
      data-failed={failed || undefined}
      aria-label={name}
    >
      <UnstyledButton
        className="tool-head"
        aria-expanded={opened}
        aria-controls={body}
        aria-label={t('tool.show', { name })}
        onClick={() => setChosen(!opened)}
      >
        <ToolIcon item={item} />
        <span className="tool-name one-line">{item.septet?.tool ?? name}</span>
        <State busy={busy} failed={failed} item={item} />
        {item.type === 'file_search_call' && item.results && (
          <span className="tool-sum">{t('tool.nPassages', { n: item.results.length })}</span>
        )}
        <span className="tool-time">{ms !== undefined && ms !== null && duration(ms, tag)}</span>
        <IconChevronDown size={17} className="tool-chevron" data-opened={opened || undefined} />
      </UnstyledButton>
      <div id={body} className="tool-body" hidden={!opened}>
        {opened && item.type === 'file_search_call' && <SearchBody item={item} busy={busy} />}
        {opened && item.type === 'code_interpreter_call' && <CodeBody item={item} busy={busy} />}
      </div>
      {failure && (
        <p className="tool-failure" role="alert">
          <IconAlertCircle size={16} />
          <span>{failure}</span>
        </p>
      )}
      {files.length > 0 && (
        <div className="tool-files">
          {files.map((file) => (
            <FileButton key={file.url} {...file} />
          ))}
        </div>
      )}
      {charts.length > 0 && (
        <div className="tool-charts">
          {charts.map((chart) => (
            <Chart key={chart.url} {...chart} />
          ))}
        </div>
      )}
    </div>
  )
})

function ToolIcon({ item }: { item: Tool }) {
  if (item.type === 'file_search_call') return <IconBooks size={17} stroke={1.8} />
  if (item.type === 'other') return <IconTool size={17} stroke={1.8} />
  return isSql(item) ? <IconDatabase size={17} stroke={1.8} /> : <IconTerminal2 size={17} stroke={1.8} />
}

function State({ busy, failed, item }: { busy: boolean; failed: boolean; item: Tool }) {
  const { t } = useLanguage()
  if (busy)
    return (
      <Badge variant="light" color="indigo" leftSection={<Loader size={10} color="currentColor" />}>
        {t(item.type === 'file_search_call' ? 'tool.searching' : 'tool.running')}
      </Badge>
    )
  if (failed)
    return (
      <Badge variant="light" color="red" leftSection={<IconAlertCircle size={12} />}>
        {t('tool.failed')}
      </Badge>
    )
  if (item.status === 'incomplete')
    return (
      <Badge variant="light" color="gray" leftSection={<IconPlayerStop size={12} />}>
        {t('tool.stopped')}
      </Badge>
    )
  return (
    <Badge variant="light" color="teal" leftSection={<IconCircleCheckFilled size={12} />}>
      {t('tool.done')}
    </Badge>
  )
}

function SearchBody({ item, busy }: { item: SearchItem; busy: boolean }) {
  const { t } = useLanguage()
  const [all, setAll] = useState(false)
  const results = item.results ?? []
  const shown = all ? results : results.slice(0, 4)
  return (
    <>
      {item.queries.length > 0 && (
        <>
          <div className="tool-label">{t('tool.queries')}</div>
          <ul className="queries">
            {item.queries.map((query) => (
              <li key={query}>
                <IconSearch size={13} />
                {query}
              </li>
            ))}
          </ul>
        </>
      )}
      {!busy && results.length === 0 && <p className="dim">{t('tool.noPassages')}</p>}
      {shown.length > 0 && <div className="tool-label">{t('tool.passages')}</div>}
      <ul className="passages">
        {shown.map((passage, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: results never move
          <li key={at}>
            <SourceText source={passageSource(passage)} clamp />
          </li>
        ))}
      </ul>
      {results.length > shown.length && (
        <UnstyledButton className="text-button" onClick={() => setAll(true)}>
          {t('tool.more', { n: results.length })}
        </UnstyledButton>
      )}
    </>
  )
}

function CodeBody({ item, busy }: { item: CodeItem; busy: boolean }) {
  const { t } = useLanguage()
  const logs = (item.outputs ?? [])
    .flatMap((output) => (output.type === 'logs' ? [output.logs] : []))
    .join('')
  return (
    <>
      <div className="tool-label">{t('chat.code')}</div>
      <CodeBlock code={item.code ?? ''} language={isSql(item) ? 'sql' : 'python'} bare />
      {logs.trim() !== '' && (
        <>
          <div className="tool-label">{t('tool.output')}</div>
          <pre
            className="logs"
            role="group"
            tabIndex={0}
            aria-label={t('tool.output')}
            aria-live={busy ? 'polite' : undefined}
          >
            {logs.replace(/\s+$/, '')}
          </pre>
        </>
      )}
    </>
  )
}

function chartsOf(item: CodeItem): { url: string; name: string }[] {
  return (item.outputs ?? []).flatMap((output) => {
    if (output.type !== 'image') return []
    const file = item.septet?.files?.find((file) => output.url.includes(file.id))
    const path = output.filename ?? file?.name ?? file?.path ?? 'chart.png'
    return [{ url: output.url, name: path.split('/').pop() || 'chart.png' }]
  })
}

function otherFilesOf(item: CodeItem): { url: string; name: string }[] {
  return (item.septet?.files ?? [])
    .filter(
      (file) =>
        !file.mime?.startsWith('image/') && !chartsOf(item).some((chart) => chart.url.includes(file.id)),
    )
    .map((file) => ({
      url: `/v1/containers/${item.container_id}/files/${file.id}/content`,
      name: (file.name ?? file.path ?? file.id).split('/').pop() || file.id,
    }))
    .filter((file) => isContainerUrl(file.url))
}

const CODE_FAILURES: [RegExp, Key][] = [
  [/timeout|timed out|deadline/i, 'tool.timeout'],
  [/memory|oom/i, 'tool.memory'],
  [/killed|cancel/i, 'tool.killed'],
  [/unavailable|service_down|isolation|not_ready/i, 'tool.unavailable'],
]

function failureOf(item: Tool, t: Translate): string | null {
  const error = item.septet?.error
  if (!error) return null
  const given: { code?: string; name?: string; message?: string } =
    typeof error === 'string' ? { message: error } : error
  if (item.type === 'file_search_call')
    return t('tool.searchError', { detail: given.message ?? given.code ?? '?' })
  const name = given.code ?? given.name ?? given.message ?? ''
  // A Python exception may mention anything in its text; only its name decides.
  const key = CODE_FAILURES.find(([pattern]) => pattern.test(name))?.[1]
  if (key) return t(key)
  return t('tool.error', {
    detail: given.message || given.name || given.code || '?',
  })
}
