// One's own account: who one is, and a new password.

import { Alert, Button } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { asApiError } from '../../api/problem'
import * as users from '../../api/queries/users'
import { useSession } from '../../api/useSession'
import { useLanguage } from '../../i18n'
import { Failure } from '../../ui/Failure'
import { Page } from '../../ui/Page'
import { PasswordField } from '../../ui/PasswordField'
import styles from './AccountPage.module.css'

/** What the server takes at least. */
const FEWEST_CHARS = 10

export function AccountPage() {
  const { t } = useLanguage()
  const session = useSession()
  const user = session.state === 'in' ? session.user : null
  const role: string = `role.${user?.role}`
  return (
    <Page title={t('account.title')} width="form">
      {user && (
        <dl className={styles.accountFacts}>
          <dt>{t('account.name')}</dt>
          <dd>{user.name || '—'}</dd>
          <dt>{t('login.email')}</dt>
          <dd>{user.email}</dd>
          <dt>{t('account.workspace')}</dt>
          <dd>{user.tenant.name}</dd>
          <dt>{t('account.role')}</dt>
          <dd>{t.knows(role) ? t(role) : role}</dd>
        </dl>
      )}
      {user && <NewPassword user={user.id} email={user.email} />}
    </Page>
  )
}

function NewPassword({ user, email }: { user: string; email: string }) {
  const { t } = useLanguage()
  const [current, setCurrent] = useState('')
  const [fresh, setFresh] = useState('')
  const [again, setAgain] = useState('')
  const [busy, setBusy] = useState(false)
  const [done, setDone] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const tooShort = fresh !== '' && fresh.length < FEWEST_CHARS
  const differs = again !== '' && fresh !== again
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    setDone(false)
    try {
      await users.changePassword(user, current, fresh)
      setDone(true)
      for (const clear of [setCurrent, setFresh, setAgain]) clear('')
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }
  const refused = error === null ? null : asApiError(error)
  const wrong = refused?.param === 'current_password'
  return (
    <section className={styles.accountForm} data-testid="account-form" aria-labelledby="new-password">
      <h2 id="new-password">{t('account.password')}</h2>
      {done && (
        <Alert color="teal" variant="light" role="status">
          {t('account.changed')}
        </Alert>
      )}
      {refused && !wrong && <Failure error={refused} />}
      <form onSubmit={submit}>
        {/* Password managers look for the name that the password belongs to. */}
        <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordField
          label={t('account.current')}
          name="current-password"
          kind="current"
          value={current}
          onType={setCurrent}
          error={wrong ? t('account.wrong') : null}
        />
        <PasswordField
          label={t('account.new')}
          name="new-password"
          kind="new"
          value={fresh}
          onType={setFresh}
          description={t('account.rule', { n: FEWEST_CHARS })}
          error={tooShort ? t('account.short', { n: FEWEST_CHARS }) : null}
        />
        <PasswordField
          label={t('account.again')}
          name="new-password-again"
          kind="new"
          value={again}
          onType={setAgain}
          error={differs ? t('account.differs') : null}
        />
        <Button
          type="submit"
          loading={busy}
          disabled={current === '' || fresh.length < FEWEST_CHARS || fresh !== again}
        >
          {t('account.change')}
        </Button>
      </form>
    </section>
  )
}
