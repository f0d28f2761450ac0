// Asks once more before something is lost, and says why it could not be done.

import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useLanguage } from '../i18n'
import { Dialog, DialogActions } from './Dialog'
import { Failure } from './Failure'

type Given = {
  opened: boolean
  onClose: () => void
  title: string
  /** What is lost. */
  question: string
  /** The word on the button; "Delete" unless told. */
  confirm?: string
  /** Does it. The dialog stays open, with the reason, when that fails. */
  act: () => Promise<unknown>
  /** Told once it is done. */
  onDone: () => unknown
}

export function ConfirmDialog({ opened, onClose, title, question, confirm, act, onDone }: Given) {
  const { t } = useLanguage()
  const action = useMutation({
    mutationFn: act,
    onSuccess: () => {
      onClose()
      return onDone()
    },
  })
  return (
    <Dialog opened={opened} onClose={onClose} title={title}>
      <p>{question}</p>
      {action.error && <Failure error={action.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose}>
          {t('app.cancel')}
        </Button>
        <Button color="red" loading={action.isPending} onClick={() => action.mutate()}>
          {confirm ?? t('app.delete')}
        </Button>
      </DialogActions>
    </Dialog>
  )
}
