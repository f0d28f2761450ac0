import { useDeferredValue } from 'react'
import { useLanguage } from '../i18n'
import styles from './CodeBlock.module.css'
import { CopyButton } from './CopyButton'
import { useHighlighted } from './highlight'

/**
 * Code with colours and a copy button. `bare` leaves out the bar with the language, `whole` shows all lines however many
 * they are, and `wraps` breaks the long ones.
 */
export function CodeBlock({
  code,
  language,
  bare = false,
  whole = false,
  wraps = false,
}: {
  code: string
  language: string
  bare?: boolean
  whole?: boolean
  wraps?: boolean
}) {
  const { t } = useLanguage()
  const { html, rest } = useHighlighted(useDeferredValue(code), language)
  const label = `${t('app.code')} ${language}`
  return (
    <figure
      className={styles.code}
      data-bare={bare || undefined}
      data-whole={whole || undefined}
      data-wraps={wraps || undefined}
    >
      {!bare && (
        <figcaption>
          <span>{language || t('app.code')}</span>
          <CopyButton text={code} />
        </figcaption>
      )}
      {bare && <CopyButton text={code} />}
      <pre tabIndex={0} role="group" aria-label={label}>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the highlighter escapes the code itself */}
        <code dangerouslySetInnerHTML={{ __html: html }} />
        <code>{rest}</code>
      </pre>
    </figure>
  )
}

type Printed = { label: string; growing: boolean; children: string }

/** What a program has printed. */
export function Output({ label, growing, children }: Printed) {
  return (
    <pre
      className={styles.logs}
      role="group"
      tabIndex={0}
      aria-label={label}
      aria-live={growing ? 'polite' : undefined}
    >
      {children}
    </pre>
  )
}
