import { describe, expect, it } from 'vitest'
import { eventParser } from './sse'

describe('an event stream', () => {
  const wire =
    'event: a\r\nid: 0\r\ndata: {"x":\r\ndata: 1}\r\n\r\n: ping\nevent: b\nid: 1\ndata: 2\n\ndata: cut off'
  const expected = [
    { event: 'a', data: '{"x":\n1}', id: '0' },
    { event: 'b', data: '2', id: '1' },
  ]

  it('reads the same however the bytes are cut', () => {
    for (const size of [1, 2, 5, 1000]) {
      const parse = eventParser()
      const events = []
      for (let at = 0; at < wire.length; at += size) events.push(...parse(wire.slice(at, at + size)))
      expect(events).toEqual(expected)
    }
  })
})
