// The states of a key, what a new one may be asked for, and the programs that are shown.

import { describe, expect, it } from 'vitest'
import type { ApiKey } from '../../api/types'
import { snippet } from './snippets'
import { limitOf, rolesBelow, sorted, stateOf } from './state'

const NOW_MS = 1_790_000_000_000
const DAY = 86_400
const now = NOW_MS / 1000

const key = (id: string, more: Partial<ApiKey> = {}): ApiKey => ({
  id,
  name: id,
  prefix: 'abcdefgh',
  user: 'usr_1',
  role: 'member',
  created_at: now - 100 * DAY,
  ...more,
})

describe('a key', () => {
  it('works until it is revoked or its time is over, and says a week before that it ends', () => {
    const states = [
      key('for ever'),
      key('null', { expires_at: null, revoked_at: null }),
      key('long', { expires_at: now + 8 * DAY }),
      key('soon', { expires_at: now + 6 * DAY }),
      key('now', { expires_at: now }),
      key('both', { expires_at: now - DAY, revoked_at: now - 2 * DAY }),
    ].map((key) => stateOf(key, NOW_MS))
    expect(states).toEqual(['works', 'works', 'works', 'ends', 'expired', 'revoked'])
  })

  it('stands above those that no longer work, and else where it was', () => {
    const list = [key('a', { revoked_at: now }), key('b'), key('c', { expires_at: now - 1 }), key('d')]
    expect(sorted(list, NOW_MS).map(({ id }) => id)).toEqual(['b', 'd', 'a', 'c'])
  })
})

describe('a new key', () => {
  it('can be held to less than its owner may do, never to more', () => {
    expect(rolesBelow('editor')).toEqual(['member', 'viewer'])
    expect(rolesBelow('viewer')).toEqual([])
  })

  it('has a limit that the server takes, or none', () => {
    expect(['', ' ', '1', '1000000', '0', '1000001', '-3', '1.5', 'x'].map(limitOf)).toEqual([
      undefined,
      undefined,
      1,
      1_000_000,
      null,
      null,
      null,
      null,
      null,
    ])
  })
})

describe('a program', () => {
  const given = { origin: 'https://septet.example', model: 'agent:analyst', question: `What's "new"?` }

  it('asks the server that the page came from, whatever the question says', () => {
    expect(snippet('curl', given)).toContain(`-d '{"model":"agent:analyst","input":"What'\\''s \\"new\\"?"}'`)
    expect(snippet('curl', given)).toContain('curl https://septet.example/v1/responses')
    expect(snippet('python', given)).toContain('base_url="https://septet.example/v1"')
    expect(snippet('python', given)).toContain(`input="What's \\"new\\"?"`)
    expect(snippet('typescript', given)).toContain('baseURL: "https://septet.example/v1"')
  })
})
