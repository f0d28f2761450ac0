import { UnstyledButton } from '@mantine/core'
import { IconBooks, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import type { SearchItem } from '../../api/types'
import { useLanguage } from '../../i18n'
import textStyles from '../../ui/text.module.css'
import { SourceText } from '../Citation'
import { passageSource } from '../sources'
import type { Tool } from './tool'
import styles from './tools.module.css'

export const search: Tool<SearchItem> = {
  Icon: () => <IconBooks size={17} stroke={1.8} />,
  name: (_, t) => t('tool.search'),
  working: (t) => t('tool.searching'),
  sum: (item, t) => (item.results ? t('tool.nPassages', { n: item.results.length }) : null),
  opened: (_, busy) => busy,
  Body,
  failure: (error, t) => t('tool.searchError', { detail: error.message ?? error.code ?? '?' }),
}

function Body({ item, busy }: { item: SearchItem; busy: boolean }) {
  const { t } = useLanguage()
  const [all, setAll] = useState(false)
  const results = item.results ?? []
  const shown = all ? results : results.slice(0, 4)
  return (
    <>
      {item.queries.length > 0 && (
        <>
          <div className={styles.toolLabel}>{t('tool.queries')}</div>
          <ul className={styles.queries} data-testid="queries">
            {item.queries.map((query) => (
              <li key={query}>
                <IconSearch size={13} />
                {query}
              </li>
            ))}
          </ul>
        </>
      )}
      {!busy && results.length === 0 && <p className={textStyles.dim}>{t('tool.noPassages')}</p>}
      {shown.length > 0 && <div className={styles.toolLabel}>{t('tool.passages')}</div>}
      <ul className={styles.passages} data-testid="passages">
        {shown.map((passage, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: results never move
          <li key={at}>
            <SourceText source={passageSource(passage)} clamp />
          </li>
        ))}
      </ul>
      {results.length > shown.length && (
        <UnstyledButton className={textStyles.textButton} onClick={() => setAll(true)}>
          {t('tool.more', { n: results.length })}
        </UnstyledButton>
      )}
    </>
  )
}
