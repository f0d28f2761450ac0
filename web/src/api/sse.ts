// Reads a server-sent event stream from a fetch body, by the HTML standard's rules: any line
// ending, several `data:` lines joined, comments and unknown fields skipped, a last block
// without its blank line dropped (it was cut off).

export type ServerEvent = { event: string; data: string; id: string }

/** A push parser: give it text as it comes, get the events that are complete. */
export function eventParser(): (chunk: string) => ServerEvent[] {
  let rest = ''
  let event = ''
  let data: string[] = []
  let id = ''
  return (chunk) => {
    const complete: ServerEvent[] = []
    rest += chunk
    for (;;) {
      const end = rest.search(/[\r\n]/)
      if (end === -1) break
      // A lone \r at the very end may be the first half of \r\n; wait for the rest.
      if (rest[end] === '\r' && end === rest.length - 1) break
      const line = rest.slice(0, end)
      rest = rest.slice(end + (rest.startsWith('\r\n', end) ? 2 : 1))
      if (line === '') {
        if (data.length > 0) complete.push({ event: event || 'message', data: data.join('\n'), id })
        event = ''
        data = []
        continue
      }
      const colon = line.indexOf(':')
      if (colon === 0) continue
      const field = colon === -1 ? line : line.slice(0, colon)
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (field === 'data') data.push(value)
      else if (field === 'event') event = value
      else if (field === 'id') id = value
    }
    return complete
  }
}

/**
 * Reads the body until it ends. `onEvents` gets every batch in order.
 *
 * A stream that is silent for `silenceMs` counts as broken: the server sends a comment every
 * 15 s, so silence means that something on the way dropped the connection without saying so.
 */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvents: (events: ServerEvent[]) => void,
  silenceMs: number,
): Promise<void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const parse = eventParser()
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    for (;;) {
      const silence = new Promise<never>((_, fail) => {
        timer = setTimeout(() => fail(new TypeError('silent stream')), silenceMs)
      })
      const { value, done } = await Promise.race([reader.read(), silence])
      clearTimeout(timer)
      if (done) return
      const events = parse(decoder.decode(value, { stream: true }))
      if (events.length > 0) onEvents(events)
    }
  } finally {
    clearTimeout(timer)
    reader.cancel().catch(() => undefined)
  }
}
