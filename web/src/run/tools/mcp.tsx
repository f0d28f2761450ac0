// A tool that has no card of its own: its name, what it was called with, and what it gave.

import { IconClock, IconTool } from '@tabler/icons-react'
import type { McpItem } from '../../api/types'
import { type Key, useLanguage } from '../../i18n'
import { CodeBlock, Output } from '../../ui/CodeBlock'
import { other } from './other'
import type { Tool } from './tool'
import styles from './tools.module.css'

/** Tools of the platform with a name for people. */
const NAMES: Record<string, Key> = { current_time: 'tool.currentTime' }

const toolName = (item: McpItem) => item.septet?.tool ?? item.name

export const mcp: Tool<McpItem> = {
  Icon: ({ item }) =>
    toolName(item) === 'current_time' ? (
      <IconClock size={17} stroke={1.8} />
    ) : (
      <IconTool size={17} stroke={1.8} />
    ),
  name(item, t) {
    const name = toolName(item)
    const known = name && NAMES[name]
    return known ? t(known) : name || t('tool.other')
  },
  working: (t) => t('tool.running'),
  opened: () => false,
  Body,
  failure: other.failure,
}

function Body({ item, busy }: { item: McpItem; busy: boolean }) {
  const { t } = useLanguage()
  const given = item.arguments.trim()
  return (
    <>
      {given && given !== '{}' && (
        <>
          <div className={styles.toolLabel}>{t('tool.arguments')}</div>
          <CodeBlock code={pretty(given)} language="json" bare />
        </>
      )}
      {item.output && (
        <>
          <div className={styles.toolLabel}>{t('tool.output')}</div>
          <Output label={t('tool.output')} growing={busy}>
            {pretty(item.output)}
          </Output>
        </>
      )}
    </>
  )
}

/** JSON with a line for each field; any other text as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
