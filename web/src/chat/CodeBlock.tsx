import { useDeferredValue } from 'react'
import { useLanguage } from '../i18n'
import { CopyButton } from './CopyButton'
import { useHighlighted } from './highlight'

/** Code with colours and a copy button. `bare` leaves out the bar with the language. */
export function CodeBlock({
  code,
  language,
  bare = false,
}: {
  code: string
  language: string
  bare?: boolean
}) {
  const { t } = useLanguage()
  const { html, rest } = useHighlighted(useDeferredValue(code), language)
  const label = `${t('chat.code')} ${language}`
  return (
    <figure className="code" data-bare={bare || undefined}>
      {!bare && (
        <figcaption>
          <span>{language || t('chat.code')}</span>
          <CopyButton text={code} />
        </figcaption>
      )}
      {bare && <CopyButton text={code} className="code-copy" />}
      <pre tabIndex={0} role="group" aria-label={label}>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the highlighter escapes the code itself */}
        <code dangerouslySetInnerHTML={{ __html: html }} />
        <code>{rest}</code>
      </pre>
    </figure>
  )
}
