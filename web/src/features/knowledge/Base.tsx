// One knowledge base: its documents, uploads into it, and its end.

import { ActionIcon, Button, Skeleton } from '@mantine/core'
import { IconTrash, IconUpload } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useFiles } from '../../api/queries/files'
import * as vectorStores from '../../api/queries/vectorStores'
import type { VectorStore } from '../../api/types'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { ConfirmDialog } from '../../ui/ConfirmDialog'
import { EmptyState } from '../../ui/EmptyState'
import { Failure } from '../../ui/Failure'
import { useFileDrop } from '../../ui/FileDrop'
import textStyles from '../../ui/text.module.css'
import { ACCEPTED } from './accepted'
import styles from './Base.module.css'
import { baseName } from './bases'
import { Row } from './Row'
import { UploadList } from './UploadList'
import { Uploads, useUploads } from './uploads'

const uploads = new Uploads()

export function Base({ store }: { store: VectorStore }) {
  const { t } = useLanguage()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const picker = useRef<HTMLInputElement>(null)
  const [asking, setAsking] = useState(false)
  const mayWrite = useMay('knowledge.write')
  const name = baseName(store, t)
  const { data, error, isPending, refetch } = vectorStores.useFiles(store.id)
  const { data: files } = useFiles(data?.length ?? 0)
  const names = useMemo(() => new Map((files ?? []).map((file) => [file.id, file])), [files])
  const storeOf = async () => store.id
  const add = (list: Iterable<File>) => {
    if (mayWrite) uploads.add(list, storeOf)
  }
  const dropping = useFileDrop(add, t('kb.drop', { name }))
  // Once the server has a file it is a row of the table; before that, and when refused, it is a chip.
  const sending = useUploads(uploads).filter(
    (upload) => upload.fileId === null && (upload.storeId ?? store.id) === store.id,
  )
  useEffect(() => {
    uploads.onSettled = () => void queries.invalidateQueries({ queryKey: vectorStores.KEY })
  }, [queries])
  const running = data?.some((file) => file.status === 'in_progress') ?? false
  // biome-ignore lint/correctness/useExhaustiveDependencies: the counts change when the last file is done
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: vectorStores.KEY, exact: true })
  }, [running, queries])
  return (
    <section className={styles.basePage} data-testid="base-page" aria-label={name} {...dropping.handlers}>
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
      {store.private && <p className={textStyles.dim}>{t('kb.givenText')}</p>}
      <UploadList
        list={sending}
        onRemove={(upload) => uploads.remove(upload.key)}
        onRetry={(upload) => uploads.retry(upload.key, storeOf)}
      />

      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton height={90} radius="md" />}
      {data?.length === 0 && sending.length === 0 && !mayWrite && <EmptyState>{t('kb.noneYet')}</EmptyState>}
      {data?.length === 0 && sending.length === 0 && mayWrite && (
        <EmptyState icon={<IconUpload size={22} stroke={1.5} />} onClick={() => picker.current?.click()}>
          {t('kb.noFiles')}
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <ul>
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
      {dropping.overlay}
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('kb.delete')}
        question={t('kb.deleteAsk', { name })}
        act={() => vectorStores.remove(store.id)}
        onDone={async () => {
          await queries.invalidateQueries({ queryKey: vectorStores.KEY, exact: true })
          void navigate({ to: '/knowledge/{-$id}', params: { id: undefined } })
        }}
      />
    </section>
  )
}
