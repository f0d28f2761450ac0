// One document of a knowledge base: how far it is, why it failed, another try, and its end.

import { ActionIcon, Progress } from '@mantine/core'
import { IconFileText, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import * as files from '../../api/queries/files'
import * as vectorStores from '../../api/queries/vectorStores'
import type { VectorStoreFile } from '../../api/types'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { bytes } from '../../i18n/format'
import { ConfirmDialog } from '../../ui/ConfirmDialog'
import { Failure } from '../../ui/Failure'
import { StatusBadge } from '../../ui/StatusBadge'
import textStyles from '../../ui/text.module.css'
import { stageWords, stateOf, unreadable } from './progress'
import styles from './Row.module.css'
import { shareOf } from './uploads'

const TONES = { uploading: 'busy', reading: 'busy', ready: 'good', failed: 'bad' } as const

type Given = { store: string; file: VectorStoreFile; name: string; size: number }

export function Row({ store, file, name, size }: Given) {
  const { t, tag } = useLanguage()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const mayWrite = useMay('knowledge.write')
  const state = stateOf(file)
  const words = stageWords(state, t, tag)
  const failure = state.phase === 'failed' ? unreadable(file.last_error, t) : null
  const leftOut = file.septet?.left_out ? unreadable(file.septet.left_out, t) : null
  const changed = () => queries.invalidateQueries({ queryKey: vectorStores.KEY })
  // The server has the bytes: adding the file again has it read anew.
  const retry = useMutation({
    mutationFn: () => vectorStores.addFile(store, file.id),
    onSettled: changed,
  })
  return (
    <li className={styles.row} data-testid="row" data-phase={state.phase}>
      <IconFileText size={18} stroke={1.6} className={failure ? textStyles.bad : textStyles.accent} />
      <div className={styles.rowMain}>
        <span className={`${styles.rowName} ${textStyles.oneLine}`} title={name}>
          {name}
        </span>
        {failure && (
          <p className={styles.rowError} data-testid="upload-error">
            {failure.sentence}
            {failure.detail && <small>{failure.detail}</small>}
          </p>
        )}
        {leftOut && (
          <p className={styles.rowNote}>
            {leftOut.sentence}
            {leftOut.detail && <small>{leftOut.detail}</small>}
          </p>
        )}
        {retry.error && <Failure error={retry.error} />}
        {state.phase === 'reading' && (
          <Progress.Root size={4}>
            <Progress.Section value={shareOf(state) * 100} aria-label={`${name}: ${words}`} />
          </Progress.Root>
        )}
      </div>
      <span className={styles.rowSize}>{size > 0 && bytes(size, tag)}</span>
      <StatusBadge tone={TONES[state.phase]}>{words}</StatusBadge>
      {mayWrite && failure && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={28}
          aria-label={t('kb.retryFile', { name })}
          loading={retry.isPending}
          onClick={() => retry.mutate()}
        >
          <IconRefresh size={15} />
        </ActionIcon>
      )}
      {mayWrite && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size={28}
          aria-label={t('kb.deleteFile', { name })}
          onClick={() => setAsking(true)}
        >
          <IconTrash size={15} />
        </ActionIcon>
      )}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={name}
        question={t('kb.deleteFileAsk', { name })}
        act={async () => {
          await vectorStores.removeFile(store, file.id)
          await files.remove(file.id)
        }}
        onDone={changed}
      />
    </li>
  )
}
