// The mock server's conversations and runs.

import { find, ids, jsonOf, list, Refused, SPEED, seconds, send } from './http.mjs'
import { play } from './script.mjs'

export const OFFLINE = process.env.MOCK_OFFLINE !== '0'
const conversations = new Map()
const runs = new Map()
const streams = new Set()

let downUntilMs = 0
export const isDown = () => Date.now() < downUntilMs

/** Cuts every open stream and answers nothing for a while. */
export function down(ms) {
  downUntilMs = Date.now() + ms
  for (const stream of streams) stream.destroy()
}

function emit(run, event) {
  const numbered = { ...event, sequence_number: run.events.length }
  if (/^response\.(created|in_progress|completed|failed|incomplete)$/.test(event.type))
    numbered.response = structuredClone(run.response)
  run.events.push(numbered)
  for (const wake of run.waiting.splice(0)) wake()
}

/** A recording was made at another time: steps begin and end when they are played. */
function timed(run, event) {
  const extra = event.item?.septet
  if (!extra) return event
  const began = run.begun.get(event.item.id) ?? Date.now()
  run.begun.set(event.item.id, began)
  const ends = event.type === 'response.output_item.done'
  const septet = { ...extra, started_at_ms: began, duration_ms: ends ? Date.now() - began : null }
  return { ...event, item: { ...event.item, septet } }
}

function finish(run, type, change) {
  Object.assign(run.response, change)
  run.response.septet = {
    cost_nano: OFFLINE ? 0 : 31_000_000,
    steps: run.response.output.length + 1,
    duration_ms: Date.now() - run.startedMs,
    offline: OFFLINE,
  }
  run.over = true
  emit(run, { type })
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A provider that limits requests: the run says so and tries again by itself. */
async function waitForProvider(run) {
  const n_seconds = 8
  run.response.septet = {
    waiting: {
      code: 'provider_rate_limit',
      message: '429',
      until_ms: Date.now() + n_seconds * 1000,
      seconds: n_seconds,
    },
  }
  emit(run, { type: 'response.in_progress' })
  await sleep(n_seconds * 1000)
}

/** A server that dies and is back after a while, and then takes the run up again. */
async function crash(run) {
  await sleep(400)
  down(5000)
  await sleep(5000)
  run.response.septet = { recoveries: 1 }
  emit(run, { type: 'response.in_progress' })
  await sleep(3000)
}

async function perform(run, conversation, text) {
  emit(run, { type: 'response.created' })
  run.response.status = 'in_progress'
  emit(run, { type: 'response.in_progress' })
  if (text.includes('等待')) await waitForProvider(run)
  if (text.includes('崩溃')) await crash(run)
  for (const [pause, event] of play(text, ids)) {
    await sleep(pause * SPEED)
    if (run.cancelled) break
    if (/^response\.(completed|failed|incomplete)$/.test(event.type)) {
      const { status, usage, error, incomplete_details } = event.response
      finish(run, event.type, { status, usage, error, incomplete_details })
    } else if (event.type === 'response.in_progress') {
      run.response.septet = event.response.septet
      emit(run, event)
    } else {
      const played = timed(run, event)
      if (event.type === 'response.output_item.done') run.response.output[event.output_index] = played.item
      emit(run, played)
    }
  }
  if (run.cancelled)
    finish(run, 'response.incomplete', { status: 'cancelled', incomplete_details: { reason: 'cancelled' } })
  conversation.items.push(...run.response.output.filter(Boolean))
  conversation.updated_at = seconds()
}

async function stream(req, res, run, after) {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  streams.add(res)
  const ping = setInterval(() => res.write(': ping\n'), 15_000)
  let gone = false
  req.socket.once('close', () => {
    gone = true
    for (const wake of run.waiting.splice(0)) wake()
  })
  for (let next = after + 1; !gone; next += 1) {
    while (next >= run.events.length && !run.over && !gone)
      await new Promise((resolve) => run.waiting.push(resolve))
    const event = run.events[next]
    if (!event || gone) break
    res.write(`event: ${event.type}\nid: ${event.sequence_number}\ndata: ${JSON.stringify(event)}\n\n`)
  }
  clearInterval(ping)
  streams.delete(res)
  res.end()
}

async function ask(req, res) {
  const body = await jsonOf(req)
  const text = typeof body.input === 'string' ? body.input : ''
  if (text.includes('欠费')) throw new Refused(402, 'insufficient_balance', 'the balance is spent')
  if (text.includes('限流'))
    throw new Refused(429, 'rate_limit_exceeded', 'more than 60 requests per minute', { 'retry-after': '12' })
  if (text.includes('没有模型')) throw new Refused(404, 'model_not_found', 'there is no model nobody')
  const conversation = conversations.get(body.conversation?.id ?? body.conversation)
  if (!conversation) throw new Refused(404, 'not_found', 'no such conversation')
  const response = {
    id: ids('resp'),
    object: 'response',
    created_at: seconds(),
    status: 'queued',
    model: body.model,
    output: [],
    error: null,
    incomplete_details: null,
    metadata: body.metadata ?? {},
    conversation: { id: conversation.id },
  }
  const run = {
    response,
    events: [],
    /** When each step began, by its id. */
    begun: new Map(),
    waiting: [],
    over: false,
    cancelled: false,
    startedMs: Date.now(),
    input: { type: 'message', id: ids('msg'), role: 'user', content: [{ type: 'input_text', text }] },
  }
  runs.set(response.id, run)
  conversation.items.push(run.input)
  conversation.title ??= text.slice(0, 40)
  conversation.last_response = response.id
  conversation.model = body.model
  conversation.vector_store_ids =
    body.tools?.find((tool) => tool.type === 'file_search')?.vector_store_ids ??
    conversation.vector_store_ids ??
    []
  conversation.updated_at = seconds()
  void perform(run, conversation, text)
  await stream(req, res, run, -1)
}

/** Conversations of programs and old ones, so that the list has something to page and filter. */
function plant(n, source) {
  for (let at = 0; at < n; at += 1) {
    const id = ids('conv')
    const time = seconds() - 86_400 - at * 3600
    conversations.set(id, {
      id,
      object: 'conversation',
      title: source === 'api' ? `API job ${at}` : `旧对话 ${at}`,
      source,
      created_at: time,
      updated_at: time,
      last_response: null,
      items: [],
    })
  }
}
plant(Number(process.env.MOCK_OLD ?? 0), 'console')
plant(Number(process.env.MOCK_OLD ?? 0), 'api')

export const runRoutes = [
  [
    'GET',
    '/api/conversations',
    (req, res) => {
      const wanted = new URL(req.url, 'http://mock').searchParams
      const found = [...conversations.values()]
        .filter((one) => one.title && one.source === (wanted.get('source') ?? one.source))
        .filter((one) => one.title.toLowerCase().includes((wanted.get('search') ?? '').toLowerCase()))
        .sort((one, other) => other.updated_at - one.updated_at || (other.id > one.id ? 1 : -1))
      const from = wanted.get('after') ? found.findIndex((one) => one.id === wanted.get('after')) + 1 : 0
      const page = found
        .slice(from, from + Number(wanted.get('limit') ?? 20))
        .map(({ items, model, vector_store_ids, ...rest }) => rest)
      send(res, 200, { ...list(page), has_more: found.length > from + page.length })
    },
  ],
  [
    'POST',
    '/v1/conversations',
    (_req, res) => {
      const conversation = {
        id: ids('conv'),
        object: 'conversation',
        title: null,
        source: 'console',
        created_at: seconds(),
        updated_at: seconds(),
        last_response: null,
        items: [],
      }
      conversations.set(conversation.id, conversation)
      send(res, 200, { id: conversation.id, object: 'conversation', created_at: conversation.created_at })
    },
  ],
  [
    'DELETE',
    '/v1/conversations/:id',
    (_req, res, id) => {
      conversations.delete(id)
      send(res, 200, { id, deleted: true })
    },
  ],
  [
    'GET',
    '/v1/conversations/:id',
    (_req, res, id) => {
      const { items, ...rest } = find(conversations, id)
      send(res, 200, rest)
    },
  ],
  [
    'GET',
    '/v1/conversations/:id/items',
    (_req, res, id) => send(res, 200, list(find(conversations, id).items)),
  ],
  ['POST', '/v1/responses', ask],
  [
    'GET',
    '/v1/responses/:id',
    (req, res, id) => {
      const run = find(runs, id)
      const query = new URL(req.url, 'http://mock').searchParams
      if (query.get('stream') !== 'true') return send(res, 200, run.response)
      return stream(req, res, run, Number(query.get('starting_after') ?? -1))
    },
  ],
  ['GET', '/v1/responses/:id/input_items', (_req, res, id) => send(res, 200, list([find(runs, id).input]))],
  [
    'POST',
    '/v1/responses/:id/cancel',
    (_req, res, id) => {
      const run = find(runs, id)
      run.cancelled = true
      send(res, 200, run.response)
    },
  ],
]
