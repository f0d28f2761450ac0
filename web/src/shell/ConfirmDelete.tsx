// Asks once more before something is deleted, and says why it could not be.

import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useLanguage } from '../i18n'
import { Dialog } from './Dialog'
import { Failure } from './Failure'

type Given = {
  opened: boolean
  onClose: () => void
  title: string
  /** What is lost. */
  question: string
  /** Deletes it. The dialog stays open, with the reason, when that fails. */
  remove: () => Promise<unknown>
  /** Told once it is gone. */
  onRemoved: () => unknown
}

export function ConfirmDelete({ opened, onClose, title, question, remove, onRemoved }: Given) {
  const { t } = useLanguage()
  const removal = useMutation({
    mutationFn: remove,
    onSuccess: () => {
      onClose()
      return onRemoved()
    },
  })
  return (
    <Dialog opened={opened} onClose={onClose} title={title}>
      <p>{question}</p>
      {removal.error && <Failure error={removal.error} />}
      <div className="dialog-actions">
        <Button variant="default" onClick={onClose}>
          {t('app.cancel')}
        </Button>
        <Button color="red" loading={removal.isPending} onClick={() => removal.mutate()}>
          {t('app.delete')}
        </Button>
      </div>
    </Dialog>
  )
}
