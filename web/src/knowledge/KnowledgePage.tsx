// Knowledge bases and their documents: list, upload, state, delete.

import './knowledge.css'
import { ActionIcon, Badge, Button, Progress, Skeleton } from '@mantine/core'
import { IconBooks, IconFileText, IconPlus, IconRefresh, IconTrash, IconUpload } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import * as calls from '../api/calls'
import type { VectorStore, VectorStoreFile } from '../api/types'
import { useMay } from '../auth/may'
import { useFileDrop } from '../chat/useFileDrop'
import { ACCEPTED } from '../files/accepted'
import { baseName, documentsIn, useBases, useChosenBase } from '../files/bases'
import { NewBase } from '../files/NewBase'
import { UploadChip } from '../files/UploadChip'
import { shareOf, Uploads, useUploads } from '../files/uploads'
import { stageWords, stateOf, unreadable } from '../files/words'
import { bytes } from '../format'
import { type Translate, useLanguage } from '../i18n'
import { Dialog } from '../shell/Dialog'
import { Failure } from '../shell/Failure'
import { TopBar } from '../shell/TopBar'

const uploads = new Uploads()

function counted(store: VectorStore, t: Translate): string {
  const n_failed = store.file_counts?.failed ?? 0
  const documents = t('kb.nFiles', { n: documentsIn(store) })
  return n_failed > 0 ? `${documents} · ${t('kb.nFailed', { n: n_failed })}` : documents
}

export function KnowledgePage() {
  const { t } = useLanguage()
  const { id } = useParams({ from: '/knowledge/{-$id}' })
  const { data, error, isPending, refetch } = useBases()
  const { create } = useChosenBase()
  const mayWrite = useMay('knowledge.write')
  const [creating, setCreating] = useState(false)
  const navigate = useNavigate()
  const shown = data?.find((store) => store.id === id) ?? data?.[0] ?? null
  useEffect(() => {
    document.title = `${t('kb.title')} · Septet`
  }, [t])
  return (
    <div className="page">
      <TopBar title={t('kb.title')} />
      <main className="knowledge" id="page">
        <div className="knowledge-head">
          <p className="dim">{t('kb.text')}</p>
          {mayWrite && (
            <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
              {t('kb.new')}
            </Button>
          )}
        </div>
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {isPending && <Skeleton height={180} radius="md" />}
        {data?.length === 0 && <p className="empty">{t('kb.empty')}</p>}
        {data && data.length > 0 && (
          <div className="bases">
            <ul className="base-list" aria-label={t('kb.list')}>
              {data.map((store) => (
                <li key={store.id}>
                  <Link
                    to="/knowledge/{-$id}"
                    params={{ id: store.id }}
                    className="base"
                    data-active={store.id === shown?.id || undefined}
                  >
                    <IconBooks size={18} stroke={1.6} />
                    <span>
                      <b>{baseName(store, t)}</b>
                      <small>{counted(store, t)}</small>
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
            {shown && <Base key={shown.id} store={shown} />}
          </div>
        )}
      </main>
      {creating && (
        <NewBase
          opened
          onClose={() => setCreating(false)}
          create={async (name) => {
            const made = await create(name)
            void navigate({ to: '/knowledge/{-$id}', params: { id: made.id } })
          }}
        />
      )}
    </div>
  )
}

function Base({ store }: { store: VectorStore }) {
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
  const remove = useMutation({
    mutationFn: () => calls.deleteVectorStore(store.id),
    onSuccess: async () => {
      setAsking(false)
      await queries.invalidateQueries({ queryKey: ['vector_stores'], exact: true })
      void navigate({ to: '/knowledge/{-$id}', params: { id: undefined } })
    },
  })
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
      {dropping.over && <div className="drop">{t('chat.drop', { name })}</div>}
      <Dialog opened={asking} onClose={() => setAsking(false)} title={t('kb.delete')}>
        <p>{t('kb.deleteAsk', { name })}</p>
        {remove.error && <Failure error={remove.error} />}
        <div className="dialog-actions">
          <Button variant="default" onClick={() => setAsking(false)}>
            {t('app.cancel')}
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {t('kb.remove')}
          </Button>
        </div>
      </Dialog>
    </section>
  )
}

const COLOURS = { uploading: 'indigo', reading: 'indigo', ready: 'teal', failed: 'red' }

function Row({
  store,
  file,
  name,
  size,
}: {
  store: string
  file: VectorStoreFile
  name: string
  size: number
}) {
  const { t, tag } = useLanguage()
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const mayWrite = useMay('knowledge.write')
  const state = stateOf(file)
  const words = stageWords(state, t, tag)
  const failure = state.phase === 'failed' ? unreadable(file.last_error, t) : null
  const remove = useMutation({
    mutationFn: async () => {
      await calls.removeFromStore(store, file.id)
      await calls.deleteFile(file.id)
    },
    onSuccess: () => {
      setAsking(false)
      return queries.invalidateQueries({ queryKey: ['vector_stores'] })
    },
  })
  // The server has the bytes: adding the file again has it read anew.
  const retry = useMutation({
    mutationFn: () => calls.addToStore(store, file.id),
    onSettled: () => queries.invalidateQueries({ queryKey: ['vector_stores'] }),
  })
  return (
    <li className="row">
      <IconFileText size={18} stroke={1.6} className={failure ? 'bad' : 'accent'} />
      <div className="row-main">
        <span className="row-name" title={name}>
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
      <Dialog opened={asking} onClose={() => setAsking(false)} title={name}>
        <p>{t('kb.deleteFileAsk', { name })}</p>
        {remove.error && <Failure error={remove.error} />}
        <div className="dialog-actions">
          <Button variant="default" onClick={() => setAsking(false)}>
            {t('app.cancel')}
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {t('kb.remove')}
          </Button>
        </div>
      </Dialog>
    </li>
  )
}
