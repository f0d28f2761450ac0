// Who is signed in, and what they may do. The server decides; this only keeps away what it would refuse.

import { useSyncExternalStore } from 'react'
import { currentSession, onSession } from './session'
import type { Permission } from './types'

export const useSession = () => useSyncExternalStore(onSession, currentSession)

/** Tells what the role may do. While the server has not said, everything is offered. */
export function usePermissions(): (permission: Permission) => boolean {
  const session = useSession()
  const permissions = session.state === 'in' ? session.user?.permissions : undefined
  return (permission) => permissions?.includes(permission) ?? true
}

export const useMay = (permission: Permission): boolean => usePermissions()(permission)
