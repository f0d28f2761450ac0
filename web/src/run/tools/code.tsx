import { IconDatabase, IconTerminal2 } from '@tabler/icons-react'
import type { CodeItem } from '../../api/types'
import { type Key, useLanguage } from '../../i18n'
import { CodeBlock, Output } from '../../ui/CodeBlock'
import { isContainerUrl } from '../Chart'
import type { Picture, Tool } from './tool'
import styles from './tools.module.css'

const isSql = (item: CodeItem) => item.septet?.language === 'sql' || item.septet?.tool === 'run_sql'

export const code: Tool<CodeItem> = {
  Icon: ({ item }) =>
    isSql(item) ? <IconDatabase size={17} stroke={1.8} /> : <IconTerminal2 size={17} stroke={1.8} />,
  name: (item, t) => t(isSql(item) ? 'tool.sql' : 'tool.python'),
  working: (t) => t('tool.running'),
  opened: () => true,
  Body,
  pictures,
  files,
  failure(error, t) {
    const name = error.code ?? error.name ?? error.message ?? ''
    // A Python exception may mention anything in its text; only its name decides.
    const key = FAILURES.find(([pattern]) => pattern.test(name))?.[1]
    return key ? t(key) : t('tool.error', { detail: error.message || error.name || error.code || '?' })
  },
}

const FAILURES: [RegExp, Key][] = [
  [/timeout|timed out|deadline/i, 'tool.timeout'],
  [/memory|oom/i, 'tool.memory'],
  [/^interrupted$/, 'tool.interrupted'],
  [/killed|cancel/i, 'tool.killed'],
  [/unavailable|service_down|isolation|not_ready/i, 'tool.unavailable'],
]

function Body({ item, busy }: { item: CodeItem; busy: boolean }) {
  const { t } = useLanguage()
  const logs = (item.outputs ?? [])
    .flatMap((output) => (output.type === 'logs' ? [output.logs] : []))
    .join('')
  return (
    <>
      <div className={styles.toolLabel}>{t('app.code')}</div>
      <CodeBlock code={item.code ?? ''} language={isSql(item) ? 'sql' : 'python'} bare />
      {logs.trim() !== '' && (
        <>
          <div className={styles.toolLabel}>{t('tool.output')}</div>
          <Output label={t('tool.output')} growing={busy}>
            {logs.replace(/\s+$/, '')}
          </Output>
        </>
      )}
    </>
  )
}

function pictures(item: CodeItem): Picture[] {
  return (item.outputs ?? []).flatMap((output) => {
    if (output.type !== 'image') return []
    const file = item.septet?.files?.find((file) => output.url.includes(file.id))
    const path = output.filename ?? file?.name ?? 'chart.png'
    return [{ url: output.url, name: path.split('/').pop() || 'chart.png' }]
  })
}

function files(item: CodeItem): Picture[] {
  const shown = pictures(item)
  return (item.septet?.files ?? [])
    .filter(
      (file) => !file.mime?.startsWith('image/') && !shown.some((picture) => picture.url.includes(file.id)),
    )
    .map((file) => ({
      url: `/v1/containers/${item.container_id}/files/${file.id}/content`,
      name: (file.name ?? file.id).split('/').pop() || file.id,
    }))
    .filter((file) => isContainerUrl(file.url))
}
