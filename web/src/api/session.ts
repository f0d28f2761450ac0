// Who is signed in. The access token lives in memory only; a reload asks for a new one with the
// HttpOnly refresh cookie, which no script can read.

import { ApiError, asApiError, refusal } from './problem'
import type { Login, User } from './types'

export type Session =
  | { state: 'starting' }
  | { state: 'out'; reason: 'none' | 'expired' | 'left' | 'unreachable' }
  | { state: 'in'; user: User | null }

let token: string | null = null
let session: Session = { state: 'starting' }
const listeners = new Set<() => void>()

export const currentSession = () => session
export function onSession(listener: () => void) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

function become(next: Session) {
  session = next
  for (const listener of listeners) listener()
}

async function post(path: string, body: unknown): Promise<Response> {
  const answer = await fetch(path, {
    method: 'POST',
    credentials: 'same-origin',
    // A form of another site cannot set this header, so it proves the request is ours.
    headers: { 'content-type': 'application/json', 'x-septet-csrf': '1' },
    body: JSON.stringify(body),
  }).catch((thrown) => {
    throw asApiError(thrown)
  })
  if (!answer.ok) throw refusal(answer.status, await answer.text(), (name) => answer.headers.get(name))
  return answer
}

async function keep(answer: Response): Promise<void> {
  const login = (await answer.json()) as Login
  token = login.access_token
  let user: User = login.user
  const me = await fetch('/api/me', { headers: { authorization: `Bearer ${token}` } }).catch(() => null)
  // Without it everything is offered, and the server refuses what may not be.
  const found = me?.ok ? await me.json().catch(() => null) : null
  if (found) user = found as User
  become({ state: 'in', user })
}

/** Signs in. Throws an `ApiError` when the server refuses. */
export async function signIn(email: string, password: string): Promise<void> {
  await keep(await post('/api/auth/login', { email, password }))
}

export async function signOut(): Promise<void> {
  await post('/api/auth/logout', {}).catch(() => undefined)
  token = null
  become({ state: 'out', reason: 'left' })
}

let refreshing: Promise<boolean> | null = null

/**
 * Gets a new access token with the cookie; `false` when the session is over.
 *
 * Callers at the same time share one request. Tabs share the cookie and each refresh token works
 * once, so tabs take turns: two at once would look like theft and end the session.
 */
export function refresh(): Promise<boolean> {
  refreshing ??= inTurn(() => renew()).finally(() => {
    refreshing = null
  })
  return refreshing
}

async function inTurn(work: () => Promise<boolean>): Promise<boolean> {
  // Web locks exist only in a secure context; over plain http a lone tab is the common case.
  return navigator.locks ? await navigator.locks.request('septet-refresh', work) : work()
}

async function renew(mayRepeat = true): Promise<boolean> {
  try {
    await keep(await post('/api/auth/refresh', {}))
    return true
  } catch (thrown) {
    const error = asApiError(thrown)
    // Another tab was faster; the browser holds its newer cookie by now.
    if (error.status === 409 && mayRepeat) return renew(false)
    if (error.status === 401 || error.status === 403 || error.status === 400 || error.status === 409) {
      const was_in = session.state === 'in'
      token = null
      become({ state: 'out', reason: was_in ? 'expired' : 'none' })
      return false
    }
    if (session.state === 'starting') become({ state: 'out', reason: 'unreachable' })
    throw error
  }
}

/** The current access token; renews it first when there is none. */
export async function bearer(): Promise<string> {
  if (!token && !(await refresh())) throw new ApiError({ status: 401, code: 'unauthenticated' })
  if (!token) throw new ApiError({ status: 401, code: 'unauthenticated' })
  return token
}

/** Forgets a token the server no longer accepts, unless another call already replaced it. */
export function reject(stale: string) {
  if (token === stale) token = null
}
