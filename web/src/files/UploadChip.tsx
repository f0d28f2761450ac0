// One file on its way, as a chip with a bar.

import { ActionIcon, Progress } from '@mantine/core'
import { IconAlertCircle, IconCircleCheck, IconFileText, IconRefresh, IconX } from '@tabler/icons-react'
import { bytes } from '../format'
import { useLanguage } from '../i18n'
import { shareOf, type Upload } from './uploads'
import { failureWords, stageWords } from './words'

type Given = { upload: Upload; onRemove: () => void; onRetry: () => void }

export function UploadChip({ upload, onRemove, onRetry }: Given) {
  const { t, tag } = useLanguage()
  const busy = upload.phase === 'uploading' || upload.phase === 'reading'
  const words = upload.phase === 'failed' ? failureWords(upload.error, t) : null
  const state = stageWords(upload, t, tag)
  return (
    <li className="upload" data-phase={upload.phase}>
      <div className="upload-row">
        {upload.phase === 'ready' ? (
          <IconCircleCheck size={18} className="good" />
        ) : upload.phase === 'failed' ? (
          <IconAlertCircle size={18} className="bad" />
        ) : (
          <IconFileText size={18} className="accent" />
        )}
        <span className="upload-name one-line" title={upload.name}>
          {upload.name}
        </span>
        <span className="upload-size">{bytes(upload.bytes, tag)}</span>
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
        <p className="upload-error" role="alert">
          {words.sentence}
          {words.detail && <small>{words.detail}</small>}
        </p>
      ) : (
        <p className="upload-state" role="status">
          {state}
        </p>
      )}
    </li>
  )
}
