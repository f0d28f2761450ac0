// One knowledge base: its documents, uploads into it, and its end.

import { ActionIcon, Button, Skeleton } from '@mantine/core'
import { IconTrash, IconUpload } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import * as calls from '../api/calls'
import type { VectorStore } from '../api/types'
import { useMay } from '../auth/may'
import { useFileDrop } from '../chat/useFileDrop'
import { ACCEPTED } from '../files/accepted'
import { baseName } from '../files/bases'
import { UploadChip } from '../files/UploadChip'
import { Uploads, useUploads } from '../files/uploads'
import { useLanguage } from '../i18n'
import { ConfirmDelete } from '../shell/ConfirmDelete'
import { Failure } from '../shell/Failure'
import { Row } from './Row'

const uploads = new Uploads()

export function Base({ store }: { store: VectorStore }) {
  const { t } = useLanguage()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const picker = useRef<HTMLInputElement>(null)
  const [asking, setAsking] = useState(false)
  const mayWrite = useMay('knowledge.write')
  const name = baseName(store, t)
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['vector_stores', store.id, 'files'],
    queryFn: () => calls.storeFiles(store.id),
    refetchInterval: (query) =>
      query.state.data?.some((file) => file.status === 'in_progress') ? 1200 : false,
  })
  const { data: files } = useQuery({
    queryKey: ['files', data?.length ?? 0],
    queryFn: calls.files,
    enabled: !!data?.length,
  })
  const names = useMemo(() => new Map((files ?? []).map((file) => [file.id, file])), [files])
  const storeOf = async () => store.id
  const add = (list: Iterable<File>) => {
    if (mayWrite) uploads.add(list, storeOf)
  }
  const dropping = useFileDrop(add)
  // Once the server has a file it is a row of the table; before that, and when refused, it is a chip.
  const sending = useUploads(uploads).filter(
    (upload) => upload.fileId === null && (upload.storeId ?? store.id) === store.id,
  )
  useEffect(() => {
    uploads.onSettled = () => void queries.invalidateQueries({ queryKey: ['vector_stores'] })
  }, [queries])
  const running = data?.some((file) => file.status === 'in_progress') ?? false
  // biome-ignore lint/correctness/useExhaustiveDependencies: the counts change when the last file is done
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ['vector_stores'], exact: true })
  }, [running, queries])
  return (
    <section className="base-page" aria-label={name} {...dropping.handlers}>
      <header>
        <h2>{name}</h2>
        {mayWrite && (
          <>
            <Button
              variant="default"
              leftSection={<IconUpload size={16} />}
              onClick={() => picker.current?.click()}
            >
              {t('kb.upload')}
            </Button>
            <ActionIcon
              variant="default"
              size={36}
              aria-label={`${t('kb.delete')}: ${name}`}
              onClick={() => setAsking(true)}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </>
        )}
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept={ACCEPTED}
          aria-label={t('kb.upload')}
          onChange={(event) => {
            if (event.currentTarget.files) add(event.currentTarget.files)
            event.currentTarget.value = ''
          }}
        />
      </header>
      {store.private && <p className="dim">{t('kb.givenText')}</p>}
      {sending.length > 0 && (
        <ul className="uploads">
          {sending.map((upload) => (
            <UploadChip
              key={upload.key}
              upload={upload}
              onRemove={() => uploads.remove(upload.key)}
              onRetry={() => uploads.retry(upload.key, storeOf)}
            />
          ))}
        </ul>
      )}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton height={90} radius="md" />}
      {data?.length === 0 && sending.length === 0 && !mayWrite && <p className="empty">{t('kb.noneYet')}</p>}
      {data?.length === 0 && sending.length === 0 && mayWrite && (
        <button type="button" className="empty" onClick={() => picker.current?.click()}>
          <IconUpload size={22} stroke={1.5} />
          {t('kb.noFiles')}
        </button>
      )}
      {data && data.length > 0 && (
        <ul className="rows">
          {data.map((file) => (
            <Row
              key={file.id}
              store={store.id}
              file={file}
              name={file.septet?.filename || names.get(file.id)?.filename || file.id}
              size={names.get(file.id)?.bytes ?? file.usage_bytes ?? 0}
            />
          ))}
        </ul>
      )}
      {dropping.over && <div className="drop">{t('kb.drop', { name })}</div>}
      <ConfirmDelete
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('kb.delete')}
        question={t('kb.deleteAsk', { name })}
        remove={() => calls.deleteVectorStore(store.id)}
        onRemoved={async () => {
          await queries.invalidateQueries({ queryKey: ['vector_stores'], exact: true })
          void navigate({ to: '/knowledge/{-$id}', params: { id: undefined } })
        }}
      />
    </section>
  )
}
