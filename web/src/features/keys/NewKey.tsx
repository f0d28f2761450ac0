// Asks what a key is for, makes it, and shows its secret, which is seen this once.

import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import * as keys from '../../api/queries/keys'
import type { CreatedKey, Role } from '../../api/types'
import { useLanguage } from '../../i18n'
import { count, day } from '../../i18n/format'
import { CopyButton } from '../../ui/CopyButton'
import { Dialog, DialogActions } from '../../ui/Dialog'
import { Failure } from '../../ui/Failure'
import textStyles from '../../ui/text.module.css'
import styles from './NewKey.module.css'
import { Snippet } from './Snippet'
import { limitOf, MOST_REQUESTS, rolesBelow } from './state'

const DAYS = ['30', '90', '365']

type Given = { role: Role; onClose: () => void }

export function NewKey({ role, onClose }: Given) {
  const { t } = useLanguage()
  const [made, setMade] = useState<CreatedKey | null>(null)
  return (
    <Dialog
      opened
      onClose={onClose}
      title={t(made ? 'keys.made' : 'keys.new')}
      size={made ? 'lg' : 'md'}
      insistent={made !== null}
    >
      {made ? (
        <Made secret={made.secret} onKept={onClose} />
      ) : (
        <Form role={role} onMade={setMade} onCancel={onClose} />
      )}
    </Dialog>
  )
}

type Asked = { role: Role; onMade: (key: CreatedKey) => void; onCancel: () => void }

function Form({ role, onMade, onCancel }: Asked) {
  const { t, tag } = useLanguage()
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [most, setMost] = useState('')
  const [typed, setTyped] = useState('')
  const [nowMs] = useState(Date.now)
  const limit = limitOf(typed)
  const endOf = (n_days: string) => Math.floor(nowMs / 1000) + Number(n_days) * 86_400
  const creation = useMutation({
    mutationFn: () =>
      keys.create({
        name: name.trim(),
        ...(days !== '' && { expires_at: endOf(days) }),
        ...(most !== '' && { role: most as Role }),
        ...(limit && { requests_per_minute: limit }),
      }),
    onSuccess: (key) => {
      void queries.invalidateQueries(keys.CHANGED)
      onMade(key)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    creation.mutate()
  }
  return (
    <form onSubmit={submit} className={styles.form}>
      {creation.error && <Failure error={creation.error} />}
      <TextInput
        label={t('keys.name')}
        description={t('keys.nameHint')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={100}
        required
        withAsterisk={false}
        data-autofocus
      />
      <NativeSelect
        label={t('keys.expires')}
        value={days}
        onChange={(event) => setDays(event.currentTarget.value)}
        data={[
          ...DAYS.map((value) => ({
            value,
            label: `${t('keys.inDays', { n: Number(value) })} · ${day(endOf(value), tag)}`,
          })),
          { value: '', label: t('keys.noExpiry') },
        ]}
      />
      <NativeSelect
        label={t('keys.role')}
        value={most}
        onChange={(event) => setMost(event.currentTarget.value)}
        data={[
          { value: '', label: t('keys.sameRole', { role: t(`role.${role}`) }) },
          ...rolesBelow(role).map((value) => ({ value, label: t(`role.${value}`) })),
        ]}
      />
      <TextInput
        label={t('keys.limit')}
        description={t('keys.limitHint')}
        inputMode="numeric"
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        error={limit === null ? t('keys.limitWrong', { most: count(MOST_REQUESTS, tag) }) : null}
      />
      <DialogActions>
        <Button variant="default" onClick={onCancel}>
          {t('app.cancel')}
        </Button>
        <Button type="submit" loading={creation.isPending} disabled={name.trim() === '' || limit === null}>
          {t('keys.create')}
        </Button>
      </DialogActions>
    </form>
  )
}

function Made({ secret, onKept }: { secret: string; onKept: () => void }) {
  const { t } = useLanguage()
  return (
    <div className={styles.made} data-testid="key-made">
      <p role="status">{t('keys.once')}</p>
      <div className={styles.secret}>
        <code tabIndex={0} role="group" aria-label={t('keys.secret')} data-testid="secret">
          {secret}
        </code>
        <CopyButton text={secret} size={32} />
      </div>
      <h3 className={textStyles.dim}>{t('keys.use')}</h3>
      <Snippet secret={secret} />
      <DialogActions>
        <Button onClick={onKept}>{t('keys.kept')}</Button>
      </DialogActions>
    </div>
  )
}
