// Sign-in with mail address and password.

import { Alert, Button, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import { refresh, signIn } from '../../api/session'
import { useLanguage } from '../../i18n'
import { Mark } from '../../ui/Brand'
import { Failure } from '../../ui/Failure'
import { PasswordField } from '../../ui/PasswordField'
import { Switches } from '../../ui/Switches'
import textStyles from '../../ui/text.module.css'
import { usePageTitle } from '../../ui/usePageTitle'
import styles from './LoginPage.module.css'

type Given = { reason: 'none' | 'expired' | 'left' | 'unreachable' }

export function LoginPage({ reason }: Given) {
  const { t } = useLanguage()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  usePageTitle(t('login.submit'))

  // A server that restarts comes back by itself; so does the session.
  useEffect(() => {
    if (reason !== 'unreachable') return
    const timer = setInterval(() => void refresh().catch(() => undefined), 4000)
    return () => clearInterval(timer)
  }, [reason])

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setError(null)
    try {
      await signIn(email.trim(), password)
    } catch (thrown) {
      setError(thrown)
      setBusy(false)
    }
  }

  return (
    <div className={styles.login}>
      <header className={styles.loginTop}>
        <Switches />
      </header>
      <main className={styles.loginCard} data-testid="login-card">
        <Mark size={44} />
        <h1>{t('login.title')}</h1>
        <p className={textStyles.dim}>{t('app.tagline')}</p>
        {!error && reason === 'expired' && (
          <Alert color="indigo" variant="light" role="status">
            {t('login.expired')}
          </Alert>
        )}
        {!error && reason === 'left' && (
          <p className={textStyles.dim} role="status">
            {t('login.left')}
          </p>
        )}
        {!error && reason === 'unreachable' && (
          <Failure
            words={{ sentence: t('login.unreachable'), detail: '' }}
            onRetry={() => void refresh().catch(setError)}
          />
        )}
        {error !== null && <Failure error={error} />}
        <form onSubmit={submit}>
          <TextInput
            label={t('login.email')}
            type="email"
            name="email"
            autoComplete="username"
            required
            withAsterisk={false}
            size="md"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordField
            label={t('login.password')}
            name="password"
            kind="current"
            size="md"
            value={password}
            onType={setPassword}
          />
          <Button type="submit" size="md" fullWidth loading={busy}>
            {t('login.submit')}
          </Button>
        </form>
        <p className={`${textStyles.dim} ${textStyles.small} ${styles.hint}`}>{t('login.firstPassword')}</p>
      </main>
    </div>
  )
}
