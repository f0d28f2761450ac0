// A first program for a key, in one of three languages.

import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { useStatus } from '../../api/queries/status'
import { useLanguage } from '../../i18n'
import { CodeBlock } from '../../ui/CodeBlock'
import styles from './Snippet.module.css'
import { COLOURED, exported, INSTALL, LANGUAGES, type Language, snippet } from './snippets'

const NAMES: Record<Language, string> = { curl: 'curl', python: 'Python', typescript: 'TypeScript' }

/** `secret` is shown where it is known, which is once. */
export function Snippet({ secret }: { secret?: string }) {
  const { t } = useLanguage()
  const { data: status } = useStatus()
  const [language, setLanguage] = useState<Language>('curl')
  const setup = [exported(secret ?? 'sk-septet-…'), INSTALL[language]].filter(Boolean).join('\n')
  const program = snippet(language, {
    origin: location.origin,
    model: status?.default_agent ?? 'agent:analyst',
    question: t('keys.question'),
  })
  return (
    <div className={styles.snippet} data-testid="snippet">
      <SegmentedControl
        size="xs"
        aria-label={t('keys.language')}
        value={language}
        onChange={(value) => setLanguage(value as Language)}
        data={LANGUAGES.map((value) => ({ value, label: NAMES[value] }))}
      />
      <CodeBlock code={setup} language="bash" bare wraps />
      <CodeBlock code={program} language={COLOURED[language]} bare whole />
    </div>
  )
}
