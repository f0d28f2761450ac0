// The connection that follows a run, against a server that is a function.

import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { signIn } from '../../api/session'
import type { RunEvent } from '../../api/types'
import { answerText } from '../../run/fold'
import { cancelled, full } from '../../run/recorded'
import { Chat, type ChatState } from './chat'
import { removeConversation } from './removal'

type Call = { method: string; path: string; body: unknown }
let calls: Call[] = []
let answer: (call: Call) => Response | Promise<Response>

beforeEach(async () => {
  calls = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    if (path === '/api/auth/login')
      return Response.json({
        access_token: 't',
        expires_in: 900,
        user: { id: 'u', email: 'e', name: 'n', role: 'owner', tenant: { id: 't', name: 't' } },
      })
    if (path === '/api/me') return Response.json({ id: 'u', permissions: ['agents.use'] })
    const call = {
      method: init.method ?? 'GET',
      path,
      body: init.body ? JSON.parse(init.body as string) : undefined,
    }
    calls.push(call)
    return answer(call)
  })
  await signIn('e', 'p')
})
afterEach(() => vi.unstubAllGlobals())

const wire = (events: RunEvent[]) =>
  events
    .map((event) => `event: ${event.type}\nid: ${event.sequence_number}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('')

/** A stream of some events that then ends, or breaks. */
function stream(events: RunEvent[], how: 'ends' | 'breaks' = 'ends'): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(wire(events)))
      if (how === 'ends') controller.close()
    },
    pull(controller) {
      if (how === 'breaks') controller.error(new TypeError('network error'))
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const asking = { model: 'agent:analyst', stores: ['vs_1'] }
const question = { text: '帮我分析财报', files: [] }
const until = (chat: Chat, done: (state: ChatState) => boolean) =>
  new Promise<ChatState>((resolve) => {
    const look = () => {
      if (done(chat.state)) resolve(chat.state)
      // Pauses between attempts are skipped, so that no test waits for a clock.
      else if (chat.state.turns.at(-1)?.link.state === 'lost') queueMicrotask(chat.retryNow)
    }
    chat.subscribe(look)
    look()
  })
const over = ({ turns }: ChatState) => {
  const last = turns.at(-1)
  return last?.link.state === 'idle' && ['completed', 'cancelled', 'failed'].includes(last.run.status)
}

it('a question becomes a run in a new conversation, with the chosen knowledge base', async () => {
  answer = ({ path }) => (path === '/v1/conversations' ? Response.json({ id: 'conv_1' }) : stream(full))
  const chat = new Chat(null)
  const named: string[] = []
  await chat.ask(question, asking, (id) => named.push(id))

  expect(named).toEqual(['conv_1'])
  expect(calls[1]?.body).toMatchObject({
    model: 'agent:analyst',
    input: '帮我分析财报',
    stream: true,
    conversation: 'conv_1',
    tools: [{ type: 'file_search', vector_store_ids: ['vs_1'] }],
  })
  expect(chat.state.turns[0]?.run.status).toBe('completed')
})

it('a line that breaks again and again costs no event and repeats none', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    const after = Number(new URL(path, 'http://x').searchParams.get('starting_after') ?? -1)
    // Overlapping on purpose: a server may send the last event again.
    return stream(full.slice(Math.max(0, after), after + 5), 'breaks')
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  const { turns } = await until(chat, over)

  expect(turns[0] && answerText(turns[0].run)).toBe('营收增长 **18.6%**。[1]')
  expect(turns[0]?.link.state).toBe('idle')
  const resumed = calls
    .filter((call) => call.path.includes('starting_after'))
    .map((call) => Number(call.path.split('starting_after=')[1]))
  expect(resumed).toEqual([...resumed].sort((a, b) => a - b))
})

it('a gap makes it ask again from the last event it has', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    if (path === '/v1/responses') return stream([...full.slice(0, 6), ...full.slice(9)])
    return stream(full.slice(6))
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  const { turns } = await until(chat, over)

  expect(turns[0]?.run.status).toBe('completed')
  expect(calls.at(-1)?.path).toBe('/v1/responses/resp_1?stream=true&starting_after=5')
})

it('a line that broke before the first event finds the run through the conversation', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    if (path === '/v1/responses') throw new TypeError('network error')
    if (path === '/v1/conversations/conv_1') return Response.json({ id: 'conv_1', last_response: 'resp_1' })
    if (path === '/v1/responses/resp_1') return Response.json({ id: 'resp_1', status: 'in_progress' })
    if (path.includes('input_items')) return Response.json({ data: [] })
    return stream(full)
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  const { turns } = await until(chat, over)

  expect(turns[0]?.run.status).toBe('completed')
  expect(calls.filter((call) => call.path === '/v1/responses')).toHaveLength(1)
})

it('a question that never arrived says so and can be taken back', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    if (path === '/v1/responses') throw new TypeError('network error')
    return Response.json({ id: 'conv_1', last_response: null })
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  const { turns } = await until(chat, (state) => !!state.turns[0]?.error)

  expect(turns[0]?.error?.code).toBe('not_sent')
  chat.dropFailed(turns[0]?.key ?? '')
  expect(chat.state.turns).toEqual([])
})

it('a refusal is final and keeps its code', async () => {
  answer = ({ path }) =>
    path === '/v1/conversations'
      ? Response.json({ id: 'conv_1' })
      : Response.json({ error: { code: 'insufficient_balance', message: 'm' } }, { status: 402 })
  const chat = new Chat(null)
  await chat.ask(question, asking, () => undefined)

  expect(chat.state.turns[0]?.error).toMatchObject({ status: 402, code: 'insufficient_balance' })
})

it('stop is asked for once the run has an id, and ends as stopped', async () => {
  let release: (response: Response) => void = () => undefined
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    if (path.endsWith('/cancel')) return Response.json({ id: 'resp_1', status: 'in_progress' })
    return new Promise((resolve) => {
      release = resolve
    })
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  await vi.waitFor(() => expect(calls.at(-1)?.path).toBe('/v1/responses'))
  await chat.stop()
  expect(calls.some((call) => call.path.endsWith('/cancel'))).toBe(false)
  release(stream(cancelled))
  const { turns } = await until(chat, over)

  expect(turns[0]?.run.status).toBe('cancelled')
  expect(calls.some((call) => call.path === '/v1/responses/resp_1/cancel')).toBe(true)
})

it('a server that lost its streams still tells how the run ended', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations') return Response.json({ id: 'conv_1' })
    if (path === '/v1/responses') return stream(full.slice(0, 3))
    if (path.includes('stream=true'))
      return Response.json({ error: { code: 'service_down' } }, { status: 503 })
    return Response.json(full.at(-1)?.response)
  }
  const chat = new Chat(null)
  void chat.ask(question, asking, () => undefined)
  const { turns } = await until(chat, over)

  expect(turns[0] && answerText(turns[0].run)).toBe('营收增长 **18.6%**。[1]')
})

it('a conversation that is opened again goes on with what it was asked of, until something else is chosen', async () => {
  answer = ({ path }) => {
    if (path === '/v1/conversations/conv_1')
      return Response.json({ id: 'conv_1', model: 'agent:lawyer', vector_store_ids: ['vs_2', 'vs_own'] })
    return Response.json({ data: [], has_more: false })
  }
  const chat = new Chat('conv_1')
  expect(chat.state.loading).toBe(true)
  const { asked } = await until(chat, ({ loading }) => !loading)
  expect(asked).toEqual({ model: 'agent:lawyer', stores: ['vs_2', 'vs_own'] })

  chat.choose({ stores: ['vs_1', 'vs_own'] })
  expect(chat.state.asked).toEqual({ model: 'agent:lawyer', stores: ['vs_1', 'vs_own'] })
})

it('a conversation is deleted with the files that the console gave to it, and with no others', async () => {
  const own = { private: true, metadata: { given_to: 'conversation' } }
  const stores = [
    { id: 'vs_shared', metadata: { given_to: 'conversation' } },
    { id: 'vs_own', ...own },
    { id: 'vs_of_a_program', private: true, metadata: {} },
    { id: 'vs_of_another_chat', ...own },
  ]
  answer = ({ method, path }) => {
    if (method === 'DELETE') return Response.json({ deleted: true })
    if (path === '/v1/conversations/conv_1')
      return Response.json({ id: 'conv_1', vector_store_ids: ['vs_shared', 'vs_own', 'vs_of_a_program'] })
    if (path.startsWith('/v1/vector_stores?')) return Response.json({ data: stores })
    return Response.json({ data: [{ id: 'file_1' }] })
  }
  await removeConversation(new QueryClient(), 'conv_1', null)

  expect(calls.filter(({ method }) => method === 'DELETE').map(({ path }) => path)).toEqual([
    '/v1/conversations/conv_1',
    '/v1/vector_stores/vs_own',
    '/v1/files/file_1',
  ])
})
