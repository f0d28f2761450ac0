// Shows the console to whoever is signed in, and the sign-in page in place of any address otherwise,
// so that the address is still there afterwards.

import { Loader } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useSyncExternalStore } from 'react'
import { currentSession, onSession } from '../api/session'

// Whoever is signed in already never loads it.
const LoginPage = lazy(() => import('../auth/LoginPage').then((module) => ({ default: module.LoginPage })))

export const useSession = () => useSyncExternalStore(onSession, currentSession)

export function Gate({ children }: { children: ReactNode }) {
  const session = useSession()
  if (session.state === 'in') return children
  const splash = (
    <div className="splash">
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
