// The chip `[n]` in an answer, with a card that shows where it comes from.

import { Popover } from '@mantine/core'
import { IconFileText } from '@tabler/icons-react'
import { createContext, use, useEffect, useRef, useState } from 'react'
import { useLanguage } from '../i18n'
import textStyles from '../ui/text.module.css'
import styles from './Citation.module.css'
import { isWide, Quote } from './Quote'
import type { Source } from './sources'

export const Sources = createContext<Map<number, Source>>(new Map())

function usePages() {
  const { t } = useLanguage()
  return (source: { page?: number | null | undefined; pageEnd?: number | null | undefined }): string => {
    // Documents without pages say page 0.
    if (!source.page) return ''
    return source.pageEnd && source.pageEnd > source.page
      ? t('source.pages', { from: source.page, to: source.pageEnd })
      : t('source.page', { n: source.page })
  }
}

export function Citation({ number }: { number: number }) {
  const { t } = useLanguage()
  const source = use(Sources).get(number)
  const [opened, setOpened] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  if (!source) return <>[{number}]</>
  const soon = (next: boolean, ms: number) => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setOpened(next), ms)
  }
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      width={opened && isWide(source.quote) ? 580 : 420}
      position="top"
      shadow="md"
      radius="md"
      // Over the conversation, not over what lies beside it.
      middlewares={{
        shift: { padding: 12, boundary: document.getElementById('page') ?? 'clippingAncestors' },
        flip: true,
      }}
      returnFocus={false}
      trapFocus={false}
    >
      <Popover.Target>
        <button
          type="button"
          className={styles.cite}
          data-testid="cite"
          data-cite={number}
          aria-label={t('source.show', { n: number, file: source.filename })}
          onMouseEnter={() => soon(true, 120)}
          onMouseLeave={() => soon(false, 180)}
          onFocus={() => soon(true, 0)}
          onBlur={() => soon(false, 120)}
          onClick={() => soon(true, 0)}
          onKeyDown={(event) => event.key === 'Escape' && soon(false, 0)}
        >
          {number}
        </button>
      </Popover.Target>
      <Popover.Dropdown
        className={styles.citeCard}
        data-testid="cite-card"
        aria-label={t('source.one', { n: number })}
        onMouseEnter={() => soon(true, 0)}
        onMouseLeave={() => soon(false, 180)}
      >
        <SourceText source={source} scrolls />
      </Popover.Dropdown>
    </Popover>
  )
}

/** Document, page, heading and quote of a source. */
export function SourceText({
  source,
  clamp,
  scrolls,
}: {
  source: Omit<Source, 'number'> & { number: number | null }
  clamp?: boolean
  scrolls?: boolean
}) {
  const pages = usePages()
  const { t } = useLanguage()
  const where = pages(source)
  return (
    <div className={styles.sourceText}>
      <div className={styles.sourceHead}>
        {source.number !== null && (
          <span className={`${styles.cite} ${styles.citeStill}`} data-testid="cite" aria-hidden="true">
            {source.number}
          </span>
        )}
        <IconFileText size={14} aria-hidden="true" />
        <span className={textStyles.oneLine} title={source.filename}>
          {source.filename || t('source.one', { n: source.number ?? '' })}
        </span>
        {where && <span className={styles.sourcePage}>{where}</span>}
      </div>
      {source.heading && (
        <div className={styles.sourceHeading} title={source.heading}>
          {clamp ? source.heading.split(' > ').at(-1) : source.heading}
        </div>
      )}
      {source.quote && (
        // A long quote scrolls in the card, so the keyboard must reach it; in the list it is cut off.
        <blockquote data-clamp={clamp || undefined} tabIndex={scrolls ? 0 : undefined}>
          <Quote text={source.quote} most={clamp ? 3 : undefined} />
        </blockquote>
      )}
    </div>
  )
}
