// Whether a key still works, and what a new one may be asked for. Pure.

import type { ApiKey, Role } from '../../api/types'

export type KeyState = 'works' | 'ends' | 'expired' | 'revoked'

const SOON_MS = 7 * 86_400_000

/** `ends` is a key that stops working within a week. */
export function stateOf(key: ApiKey, nowMs: number): KeyState {
  if (key.revoked_at) return 'revoked'
  if (!key.expires_at) return 'works'
  const left = key.expires_at * 1000 - nowMs
  if (left <= 0) return 'expired'
  return left < SOON_MS ? 'ends' : 'works'
}

export const isPast = (state: KeyState) => state === 'expired' || state === 'revoked'

/** Those that work first; each part in the order given. */
export function sorted(keys: ApiKey[], nowMs: number): ApiKey[] {
  const past = (key: ApiKey) => Number(isPast(stateOf(key, nowMs)))
  return keys.toSorted((one, other) => past(one) - past(other))
}

/** From the least to the most; each includes those before it. */
const ROLES: Role[] = ['viewer', 'member', 'editor', 'admin', 'owner']

/** What a key of this person may be held to: anything below what the person may do. */
export const rolesBelow = (role: Role): Role[] => ROLES.slice(0, ROLES.indexOf(role)).reverse()

export const MOST_REQUESTS = 1_000_000

/** Requests per minute as they were typed: nothing is no limit, `null` is no number that the server takes. */
export function limitOf(typed: string): number | undefined | null {
  if (typed.trim() === '') return undefined
  const limit = Number(typed)
  return Number.isInteger(limit) && limit >= 1 && limit <= MOST_REQUESTS ? limit : null
}
