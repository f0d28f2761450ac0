// The message box: text, documents, knowledge base, model, send and stop.

import { ActionIcon, Tooltip, UnstyledButton } from '@mantine/core'
import { IconArrowUp, IconPaperclip, IconPlayerStopFilled } from '@tabler/icons-react'
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useMay } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import textStyles from '../../ui/text.module.css'
import { ACCEPTED } from '../knowledge/accepted'
import { UploadList } from '../knowledge/UploadList'
import { useUploads } from '../knowledge/uploads'
import styles from './Composer.module.css'
import { uploadsOf, useDraft } from './drafts'
import { BasePicker, ModelPicker } from './pickers'
import type { Question } from './turn'
import type { ChosenBases, ChosenModel } from './useChosen'

type Given = {
  /** Whose draft this is: the conversation's id, or that of a new one. */
  draft: string
  bases: ChosenBases
  model: ChosenModel
  /** Takes documents for this conversation alone. */
  onFiles: (files: File[]) => void
  /** Nothing can be sent yet: what the conversation is asked of is not known. */
  opening: boolean
  running: boolean
  stopping: boolean
  onSend: (question: Question) => void
  onStop: () => void
  /** Words to put into the box, set anew each time. */
  offered: { text: string } | null
}

export function Composer(given: Given) {
  const { draft, bases, model, onFiles, opening, running, stopping, onSend, onStop, offered } = given
  const { t } = useLanguage()
  const [words, setWords] = useDraft(draft)
  const drafts = uploadsOf(draft)
  const mayWrite = useMay('knowledge.write')
  const [held, setHeld] = useState(false)
  const box = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const uploads = useUploads(drafts)
  const busy = uploads.some((upload) => upload.phase === 'uploading' || upload.phase === 'reading')
  const failed = uploads.some((upload) => upload.phase === 'failed')
  const ready = words.trim() !== '' && !opening

  useEffect(() => {
    if (!offered) return
    setWords(offered.text)
    box.current?.focus()
  }, [offered, setWords])

  useEffect(() => {
    const focus = () => box.current?.focus()
    const pick = () => picker.current?.click()
    focus()
    addEventListener('septet:focus-composer', focus)
    addEventListener('septet:pick-files', pick)
    return () => {
      removeEventListener('septet:focus-composer', focus)
      removeEventListener('septet:pick-files', pick)
    }
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the words
  useLayoutEffect(() => {
    const area = box.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`
  }, [words])

  const send = useCallback(() => {
    const files = drafts
      .list()
      .filter((upload) => upload.phase !== 'failed' && upload.fileId)
      .map((upload) => ({ id: upload.fileId ?? '', name: upload.name, bytes: upload.bytes }))
    onSend({ text: words.trim(), files })
    setWords('')
    setHeld(false)
    drafts.clear()
  }, [onSend, words, setWords, drafts])

  const submit = () => {
    if (!ready || running) return
    // An answer without the documents that were just added would disappoint: wait for them.
    if (busy) setHeld(true)
    else send()
  }

  useEffect(() => {
    if (!held || busy || running) return
    // A document that failed is a reason to look first.
    if (failed || !ready) setHeld(false)
    else send()
  }, [held, busy, failed, ready, running, send])

  const onKey = (event: KeyboardEvent) => {
    // While an input method composes (Chinese, Japanese), Enter picks the word. Some browsers send
    // that Enter after the end of composing, with the old key code 229.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || event.keyCode === 229)
      return
    event.preventDefault()
    submit()
  }

  return (
    <form
      className={styles.composer}
      data-testid="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <UploadList
        list={uploads}
        onRemove={(upload) => drafts.remove(upload.key)}
        onRetry={(upload) => drafts.retry(upload.key, () => bases.ownFor(upload.name))}
      />
      {held && (
        <p className={styles.held} role="status">
          {t('chat.waitsForFiles')}{' '}
          <UnstyledButton className={textStyles.textButton} onClick={send}>
            {t('chat.sendAnyway')}
          </UnstyledButton>
        </p>
      )}
      <textarea
        ref={box}
        rows={1}
        value={words}
        aria-label={t('chat.message')}
        placeholder={t('chat.placeholder')}
        enterKeyHint="send"
        onChange={(event) => setWords(event.currentTarget.value)}
        onKeyDown={onKey}
        onPaste={(event) => {
          const files = [...event.clipboardData.files]
          if (files.length === 0) return
          event.preventDefault()
          onFiles(files)
        }}
      />
      <div className={styles.composerRow}>
        {mayWrite && (
          <Tooltip label={t('chat.attach')}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={32}
              radius="xl"
              aria-label={t('chat.attach')}
              onClick={() => picker.current?.click()}
            >
              <IconPaperclip size={18} />
            </ActionIcon>
          </Tooltip>
        )}
        <input
          ref={picker}
          type="file"
          multiple
          accept={ACCEPTED}
          hidden
          aria-label={t('chat.attach')}
          onChange={(event) => {
            onFiles([...(event.currentTarget.files ?? [])])
            event.currentTarget.value = ''
          }}
        />
        <BasePicker bases={bases} />
        <span className={textStyles.grow} />
        <ModelPicker model={model} />
        {running ? (
          <Tooltip label={t(stopping ? 'chat.stopping' : 'chat.stop')}>
            <ActionIcon
              className={styles.send}
              data-stop
              variant="filled"
              color="dark"
              size={34}
              radius="xl"
              aria-label={t(stopping ? 'chat.stopping' : 'chat.stop')}
              disabled={stopping}
              onClick={onStop}
            >
              <IconPlayerStopFilled size={15} />
            </ActionIcon>
          </Tooltip>
        ) : (
          <ActionIcon
            className={styles.send}
            type="submit"
            variant="filled"
            size={34}
            radius="xl"
            aria-label={t('chat.send')}
            disabled={!ready || held}
          >
            <IconArrowUp size={18} stroke={2.2} />
          </ActionIcon>
        )}
      </div>
    </form>
  )
}
