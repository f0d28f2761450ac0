// The mock server's API keys. They open nothing.

import { randomBytes } from 'node:crypto'
import { find, ids, jsonOf, list, Refused, seconds, send } from './http.mjs'

const keys = new Map()
const DAY = 86_400

/** A key as it is listed, without its secret. */
function made(person, wanted, more = {}) {
  const key = {
    id: ids('key'),
    name: wanted.name,
    prefix: randomBytes(6).toString('base64url'),
    user: person.id,
    role: wanted.role ?? person.role,
    created_at: seconds(),
    expires_at: wanted.expires_at ?? null,
    requests_per_minute: wanted.requests_per_minute ?? null,
    last_used_at: null,
    revoked_at: null,
    ...more,
  }
  keys.set(key.id, key)
  return key
}

/** Keys in every state, of this person and of somebody else. */
export function plantKeys(person) {
  const now = seconds()
  made(person, { name: '旧的导入脚本' }, { created_at: now - 200 * DAY, revoked_at: now - 30 * DAY })
  made(
    person,
    { name: 'CI', expires_at: now - DAY },
    { created_at: now - 91 * DAY, last_used_at: now - 2 * DAY },
  )
  made({ ...person, id: 'usr_other' }, { name: 'somebody else’s' })
  made(
    person,
    { name: '月度报表 monthly-report', expires_at: now + 3 * DAY, role: 'member', requests_per_minute: 60 },
    { created_at: now - 27 * DAY, last_used_at: now - 190 },
  )
  made(person, { name: 'Excel' }, { created_at: now - 2 * DAY })
}

export const keyRoutes = [
  ['GET', '/api/keys', (_req, res) => send(res, 200, list([...keys.values()].reverse()))],
  [
    'POST',
    '/api/keys',
    async (req, res) => {
      const wanted = await jsonOf(req)
      if (wanted.name.includes('限流'))
        throw new Refused(429, 'rate_limit_exceeded', 'too many', { 'retry-after': '7' })
      const key = made(req.person, wanted)
      send(res, 201, { ...key, secret: `sk-septet-${key.prefix}${randomBytes(24).toString('base64url')}` })
    },
  ],
  [
    'DELETE',
    '/api/keys/:id',
    (_req, res, id) => {
      find(keys, id).revoked_at = seconds()
      res.writeHead(204).end()
    },
  ],
]
