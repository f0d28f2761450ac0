// Files on their way, each as a chip with a bar.

import { ActionIcon, Progress } from '@mantine/core'
import { IconAlertCircle, IconCircleCheck, IconFileText, IconRefresh, IconX } from '@tabler/icons-react'
import { useLanguage } from '../../i18n'
import { bytes } from '../../i18n/format'
import textStyles from '../../ui/text.module.css'
import { failureWords, stageWords } from './progress'
import styles from './UploadList.module.css'
import { shareOf, type Upload } from './uploads'

type Given = { list: Upload[]; onRemove: (upload: Upload) => void; onRetry: (upload: Upload) => void }

export function UploadList({ list, onRemove, onRetry }: Given) {
  if (list.length === 0) return null
  return (
    <ul className={styles.uploads}>
      {list.map((upload) => (
        <Chip
          key={upload.key}
          upload={upload}
          onRemove={() => onRemove(upload)}
          onRetry={() => onRetry(upload)}
        />
      ))}
    </ul>
  )
}

type OfOne = { upload: Upload; onRemove: () => void; onRetry: () => void }

function Chip({ upload, onRemove, onRetry }: OfOne) {
  const { t, tag } = useLanguage()
  const busy = upload.phase === 'uploading' || upload.phase === 'reading'
  const words = upload.phase === 'failed' ? failureWords(upload.error, t) : null
  const state = stageWords(upload, t, tag)
  return (
    <li className={styles.upload} data-testid="upload" data-phase={upload.phase}>
      <div className={styles.uploadRow} data-testid="upload-row">
        {upload.phase === 'ready' ? (
          <IconCircleCheck size={18} className={textStyles.good} />
        ) : upload.phase === 'failed' ? (
          <IconAlertCircle size={18} className={textStyles.bad} />
        ) : (
          <IconFileText size={18} className={textStyles.accent} />
        )}
        <span className={`${styles.uploadName} ${textStyles.oneLine}`} title={upload.name}>
          {upload.name}
        </span>
        <span className={styles.uploadSize}>{bytes(upload.bytes, tag)}</span>
        {upload.phase === 'failed' && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size={26}
            aria-label={t('file.retry', { name: upload.name })}
            onClick={onRetry}
          >
            <IconRefresh size={14} />
          </ActionIcon>
        )}
        <ActionIcon
          variant="subtle"
          color="gray"
          size={26}
          aria-label={t('file.remove', { name: upload.name })}
          onClick={onRemove}
        >
          <IconX size={14} />
        </ActionIcon>
      </div>
      {busy && (
        <Progress.Root size={4}>
          <Progress.Section value={shareOf(upload) * 100} aria-label={`${upload.name}: ${state}`} />
        </Progress.Root>
      )}
      {words ? (
        <p className={styles.uploadError} data-testid="upload-error" role="alert">
          {words.sentence}
          {words.detail && <small>{words.detail}</small>}
        </p>
      ) : (
        <p className={styles.uploadState} data-testid="upload-state" role="status">
          {state}
        </p>
      )}
    </li>
  )
}
