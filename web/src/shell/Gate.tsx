// Shows the console to whoever is signed in, and the sign-in page in place of any address otherwise,
// so that the address is still there afterwards.

import { Loader } from '@mantine/core'
import { lazy, type ReactNode, Suspense } from 'react'
import { useSession } from '../api/useSession'
import styles from './Gate.module.css'

// Whoever is signed in already never loads it.
const LoginPage = lazy(() =>
  import('../features/signin/LoginPage').then((module) => ({ default: module.LoginPage })),
)

export function Gate({ children }: { children: ReactNode }) {
  const session = useSession()
  if (session.state === 'in') return children
  const splash = (
    <div className={styles.splash}>
      <Loader size="sm" type="dots" aria-label="Septet" />
    </div>
  )
  if (session.state === 'starting') return splash
  return (
    <Suspense fallback={splash}>
      <LoginPage reason={session.reason} />
    </Suspense>
  )
}
