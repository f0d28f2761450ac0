// Shows the console to whoever is signed in, and the sign-in page in place of any address otherwise,
// so that the address is still there afterwards.

import { Loader } from '@mantine/core'
import { type ReactNode, useSyncExternalStore } from 'react'
import { currentSession, onSession } from '../api/session'
import { LoginPage } from '../auth/LoginPage'

export const useSession = () => useSyncExternalStore(onSession, currentSession)

export function Gate({ children }: { children: ReactNode }) {
  const session = useSession()
  if (session.state === 'starting')
    return (
      <div className="splash">
        <Loader size="sm" type="dots" aria-label="Septet" />
      </div>
    )
  return session.state === 'in' ? children : <LoginPage reason={session.reason} />
}
