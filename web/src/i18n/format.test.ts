import { describe, expect, it } from 'vitest'
import { byDay, bytes, duration, money } from './format'

describe('formats', () => {
  it('are short and exact', () => {
    expect([
      bytes(999, 'en'),
      bytes(2_440_000, 'en'),
      duration(842, 'en'),
      duration(6400, 'en'),
      duration(125_000, 'en'),
    ]).toEqual(['999 B', '2.4 MB', '842 ms', '6.4 s', '2 min 5 s'])
    expect(money(31_000_000, 'CNY', 'en')).toBe('¥0.031')
  })

  it('group by day', () => {
    const now = new Date(2026, 10, 23, 12)
    const day = 86_400_000
    const groups = byDay(
      [0, 1, 3, 40].map((n) => now.getTime() - n * day),
      (time) => time,
      { today: 'T', yesterday: 'Y', week: 'W' },
      'en',
      now,
    )
    expect(groups.map((group) => group.label)).toEqual(['T', 'Y', 'W', 'October 2026'])
  })
})
