// One document of a knowledge base: how far it is, why it failed, another try, and its end.

import { ActionIcon, Badge, Progress } from '@mantine/core'
import { IconFileText, IconRefresh, IconTrash } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import * as calls from '../api/calls'
import type { VectorStoreFile } from '../api/types'
import { useMay } from '../auth/may'
import { shareOf } from '../files/uploads'
import { stageWords, stateOf, unreadable } from '../files/words'
import { bytes } from '../format'
import { useLanguage } from '../i18n'
import { ConfirmDelete } from '../shell/ConfirmDelete'
import { Failure } from '../shell/Failure'

const COLOURS = { uploading: 'indigo', reading: 'indigo', ready: 'teal', failed: 'red' }

type Given = { store: string; file: VectorStoreFile; name: string; size: number }

export function Row({ store, file, name, size }: Given) {
  const { t, tag } = useLanguage()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const mayWrite = useMay('knowledge.write')
  const state = stateOf(file)
  const words = stageWords(state, t, tag)
  const failure = state.phase === 'failed' ? unreadable(file.last_error, t) : null
  const changed = () => queries.invalidateQueries({ queryKey: ['vector_stores'] })
  // The server has the bytes: adding the file again has it read anew.
  const retry = useMutation({
    mutationFn: () => calls.addToStore(store, file.id),
    onSettled: changed,
  })
  return (
    <li className="row" data-phase={state.phase}>
      <IconFileText size={18} stroke={1.6} className={failure ? 'bad' : 'accent'} />
      <div className="row-main">
        <span className="row-name one-line" title={name}>
          {name}
        </span>
        {failure && (
          <p className="upload-error">
            {failure.sentence}
            {failure.detail && <small>{failure.detail}</small>}
          </p>
        )}
        {retry.error && <Failure error={retry.error} />}
        {state.phase === 'reading' && (
          <Progress.Root size={4}>
            <Progress.Section value={shareOf(state) * 100} aria-label={`${name}: ${words}`} />
          </Progress.Root>
        )}
      </div>
      <span className="row-size">{size > 0 && bytes(size, tag)}</span>
      <Badge variant="light" color={COLOURS[state.phase]}>
        {words}
      </Badge>
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
      <ConfirmDelete
        opened={asking}
        onClose={() => setAsking(false)}
        title={name}
        question={t('kb.deleteFileAsk', { name })}
        remove={async () => {
          await calls.removeFromStore(store, file.id)
          await calls.deleteFile(file.id)
        }}
        onRemoved={changed}
      />
    </li>
  )
}
