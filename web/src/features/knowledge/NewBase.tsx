import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useLanguage } from '../../i18n'
import { Dialog, DialogActions } from '../../ui/Dialog'
import { Failure } from '../../ui/Failure'

/** Asks for a name and creates a knowledge base. */
export function NewBase({
  opened,
  onClose,
  create,
}: {
  opened: boolean
  onClose: () => void
  create: (name: string) => Promise<unknown>
}) {
  const { t } = useLanguage()
  const [name, setName] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await create(name.trim())
      setName('')
      onClose()
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog opened={opened} onClose={onClose} title={t('kb.new')}>
      <form onSubmit={submit}>
        {error !== null && <Failure error={error} />}
        <TextInput
          label={t('kb.name')}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={100}
          required
          withAsterisk={false}
          data-autofocus
        />
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            {t('kb.create')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
