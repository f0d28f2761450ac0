// What the signed-in user may do. The server decides; this only keeps away what it would refuse.

import { useSession } from '../shell/Gate'

export type Permission = 'agents.use' | 'knowledge.write' | 'keys.own'

/** Whether the role has the permission. While the server has not said, everything is offered. */
export function useMay(permission: Permission): boolean {
  const session = useSession()
  const permissions = session.state === 'in' ? session.user?.permissions : undefined
  return permissions?.includes(permission) ?? true
}
