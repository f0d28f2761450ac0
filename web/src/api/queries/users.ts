import { send } from '../client'

export const changePassword = (user: string, current: string, fresh: string) =>
  send(`/api/users/${encodeURIComponent(user)}`, {
    method: 'PATCH',
    body: { current_password: current, password: fresh },
  })
