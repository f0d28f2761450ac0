// A failure in words, with what can be done about it.

import { Alert, Button } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useLanguage } from '../i18n'
import { errorWords, type Words } from '../i18n/errors'
import styles from './Failure.module.css'

type Given = { error?: unknown; words?: Words; onRetry?: (() => void) | undefined }

export function Failure({ error, words, onRetry }: Given) {
  const { t } = useLanguage()
  const { sentence, detail } = words ?? errorWords(error, t)
  return (
    <Alert
      role="alert"
      color="red"
      variant="light"
      icon={<IconAlertTriangle size={18} />}
      className={styles.failure}
      data-testid="failure"
    >
      <span>{sentence}</span>
      {detail && <span className={styles.failureDetail}>{detail}</span>}
      {onRetry && (
        <Button size="compact-sm" variant="default" onClick={onRetry} mt={8}>
          {t('app.retry')}
        </Button>
      )}
    </Alert>
  )
}
