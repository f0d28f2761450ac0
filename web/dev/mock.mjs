// A server with the face of Septet and a script for a brain, for work on the console alone.
//
//   SEPTET_PASSWORD=... node dev/mock.mjs      then open http://127.0.0.1:8099
//
// It serves the built console with the real page policy. Question words play failures: 超时 (code
// runs too long), 模型断开 (model down), 欠费 (402), 限流 (429), 没有模型 (unknown model), SQL (a second tool), 等待 (a provider
// that limits, then a run that is taken up again), 长文 (400 KB), 公式 (formulas and emphasis).
// POST /mock/drop cuts every open stream and refuses new ones for two seconds; /mock/expire ends sessions,
// /mock/expire-token only access tokens.

import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHART, play } from './script.mjs'

const DIST = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const PORT = Number(process.env.PORT ?? 8099)
const EMAIL = process.env.SEPTET_EMAIL ?? 'admin@example.com'
const PASSWORD = process.env.SEPTET_PASSWORD ?? randomBytes(9).toString('base64url')
const OFFLINE = process.env.MOCK_OFFLINE !== '0'
const SPEED = Number(process.env.MOCK_SPEED ?? 1)
const UPLOAD_LIMIT = 20_000_000

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}
let counter = 0
const ids = (prefix) => `${prefix}_${Date.now().toString(16)}${(counter++).toString(16).padStart(4, '0')}`
const seconds = () => Math.floor(Date.now() / 1000)

const user = {
  id: 'usr_mock',
  email: EMAIL,
  name: '林若',
  role: 'owner',
  permissions: ['agents.use', 'knowledge.write', 'keys.own'],
  tenant: { id: 'ten_mock', name: '示例公司' },
}
// Signs in with the same password, and may only read.
const viewer = {
  ...user,
  id: 'usr_viewer',
  email: 'viewer@example.com',
  name: '观察员',
  role: 'viewer',
  permissions: [],
}
const tokens = new Set()
let person = user
const cookies = new Set()
const stores = new Map()
const files = new Map()
const storeFiles = new Map()
const conversations = new Map()
const runs = new Map()
const streams = new Set()
let refuseUntil = 0

class Refused extends Error {
  constructor(status, code, message, headers = {}, param = null) {
    super(message)
    Object.assign(this, { status, code, headers, param })
  }
}

function send(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(body))
}

const list = (data) => ({
  object: 'list',
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: false,
})

async function bodyOf(req, onChunk) {
  const chunks = []
  for await (const chunk of req) {
    chunks.push(chunk)
    if (onChunk) await onChunk()
  }
  return Buffer.concat(chunks)
}

const jsonOf = async (req) => JSON.parse((await bodyOf(req)).toString() || '{}')

function signedIn(req) {
  const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1]
  if (!tokens.has(token)) throw new Refused(401, 'token_expired', 'the access token has expired')
}

function login(res) {
  const access_token = ids('token')
  const cookie = ids('refresh')
  tokens.add(access_token)
  cookies.add(cookie)
  send(
    res,
    200,
    { access_token, token_type: 'Bearer', expires_in: 900, user: person },
    {
      'set-cookie': `septet_refresh=${cookie}; Path=/api/auth; HttpOnly; SameSite=Strict`,
    },
  )
}

// Runs

function emit(run, event) {
  const numbered = { ...event, sequence_number: run.events.length }
  if (/^response\.(created|in_progress|completed|failed|incomplete)$/.test(event.type))
    numbered.response = structuredClone(run.response)
  run.events.push(numbered)
  for (const wake of run.waiting.splice(0)) wake()
}

function finish(run, type, change) {
  const used = {
    input_tokens: 2871,
    output_tokens: 541,
    total_tokens: 3412,
    input_tokens_details: { cached_tokens: 0 },
  }
  Object.assign(run.response, { usage: used }, change)
  run.response.septet = {
    cost_nano: OFFLINE ? 0 : 31_000_000,
    steps: run.response.output.length + 1,
    duration_ms: Date.now() - run.startedMs,
    offline: OFFLINE,
  }
  run.over = true
  emit(run, { type })
}

async function perform(run, conversation, text) {
  const file = [...files.values()].at(-1)
  emit(run, { type: 'response.created' })
  run.response.status = 'in_progress'
  emit(run, { type: 'response.in_progress' })
  if (text.includes('等待')) {
    const seconds = 8
    const waiting = {
      code: 'provider_rate_limit',
      message: '429',
      until_ms: Date.now() + seconds * 1000,
      seconds,
    }
    run.response.septet = { waiting }
    emit(run, { type: 'response.in_progress' })
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    run.response.septet = { recoveries: 1 }
    emit(run, { type: 'response.in_progress' })
    await new Promise((resolve) => setTimeout(resolve, 3000))
  }
  const script = play({
    question: text,
    filename: file?.filename ?? '2025-年度报告.pdf',
    fileId: file?.id ?? 'file-mock',
    ids,
    now: Date.now,
  })
  for (const [pause, event] of script) {
    await new Promise((resolve) => setTimeout(resolve, pause * SPEED))
    if (run.cancelled) break
    if (!event) continue
    if (event.type === 'response.completed') finish(run, event.type, { status: 'completed' })
    else if (event.type === 'response.failed')
      finish(run, event.type, { status: 'failed', error: event.error })
    else {
      if (event.type === 'response.output_item.done') run.response.output[event.output_index] = event.item
      emit(run, event)
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
  conversation.updated_at = seconds()
  void perform(run, conversation, text)
  await stream(req, res, run, -1)
}

// Documents

async function upload(req, res) {
  if (Number(req.headers['content-length']) > UPLOAD_LIMIT) {
    req.resume()
    throw new Refused(413, 'too_large', 'the body is larger than 20 MiB')
  }
  const body = await bodyOf(req, () => new Promise((resolve) => setTimeout(resolve, 25 * SPEED)))
  const head = body.toString('latin1')
  const name = /filename="([^"]*)"/.exec(head)?.[1] ?? 'file'
  const from = head.indexOf('\r\n\r\n', head.indexOf('filename=')) + 4
  const bytes = body.subarray(from, head.lastIndexOf('\r\n--'))
  if (bytes.length === 0) throw new Refused(400, 'empty_file', 'the file is empty')
  const file = {
    id: ids('file'),
    object: 'file',
    bytes: bytes.length,
    created_at: seconds(),
    filename: Buffer.from(name, 'latin1').toString(),
    purpose: 'assistants',
    status: 'processed',
  }
  files.set(file.id, file)
  file.problem =
    file.filename.endsWith('.pdf') && !bytes.subarray(0, 1024).includes('%PDF')
      ? 'pdf_broken'
      : bytes.includes('/Encrypt')
        ? 'pdf_encrypted'
        : null
  send(res, 200, file)
}

const STAGES = ['queued', 'parsing', 'parsing', 'parsing', 'parsing', 'chunking', 'embedding', 'indexing']

function seen(entry) {
  const step = Math.floor((Date.now() - entry.startedMs) / (450 * SPEED))
  const file = files.get(entry.id)
  const pages_total = 48
  const failed = file?.problem && step >= 2
  const done = step >= STAGES.length
  const stage = failed ? 'failed' : done ? 'ready' : STAGES[step]
  return {
    id: entry.id,
    object: 'vector_store.file',
    vector_store_id: entry.store,
    created_at: entry.created_at,
    usage_bytes: file?.bytes ?? 0,
    status: failed ? 'failed' : done ? 'completed' : 'in_progress',
    last_error: failed ? { code: file.problem, message: 'page tree not found' } : null,
    septet: {
      stage,
      pages_done: step < 1 ? 0 : Math.min(pages_total, Math.max(0, step - 1) * 13),
      pages_total: step < 1 ? 0 : pages_total,
      n_chunks: done ? 212 : 0,
    },
  }
}

function storeView(store) {
  const entries = [...storeFiles.values()].filter((entry) => entry.store === store.id).map(seen)
  const n = (status) => entries.filter((entry) => entry.status === status).length
  return {
    ...store,
    file_counts: {
      in_progress: n('in_progress'),
      completed: n('completed'),
      failed: n('failed'),
      cancelled: 0,
      total: entries.length,
    },
    usage_bytes: entries.reduce((sum, entry) => sum + entry.usage_bytes, 0),
  }
}

function find(map, id) {
  const found = map.get(id)
  if (!found) throw new Refused(404, 'not_found', `there is no ${id}`)
  return found
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

const ROUTES = [
  [
    'POST',
    '/api/auth/login',
    async (req, res) => {
      const body = await jsonOf(req)
      await new Promise((resolve) => setTimeout(resolve, 250))
      person = body.email === viewer.email ? viewer : user
      if (body.email !== person.email || body.password !== PASSWORD)
        throw new Refused(401, 'wrong_password', 'the mail address or the password is wrong')
      login(res)
    },
    'open',
  ],
  [
    'POST',
    '/api/auth/refresh',
    async (req, res) => {
      const cookie = /septet_refresh=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
      if (!req.headers['x-septet-csrf']) throw new Refused(403, 'csrf_header_missing', 'header missing')
      if (!cookies.delete(cookie)) throw new Refused(401, 'no_session', 'the session is over')
      login(res)
    },
    'open',
  ],
  [
    'POST',
    '/api/auth/logout',
    (_req, res) => {
      cookies.clear()
      send(res, 200, {}, { 'set-cookie': 'septet_refresh=; Path=/api/auth; Max-Age=0' })
    },
    'open',
  ],
  [
    'POST',
    '/mock/drop',
    (_req, res) => {
      refuseUntil = Date.now() + 2000
      for (const stream of streams) stream.destroy()
      send(res, 200, {})
    },
    'open',
  ],
  [
    'POST',
    '/mock/expire',
    (_req, res) => {
      tokens.clear()
      cookies.clear()
      send(res, 200, {})
    },
    'open',
  ],
  [
    'POST',
    '/mock/expire-token',
    (_req, res) => {
      tokens.clear()
      send(res, 200, {})
    },
    'open',
  ],
  ['GET', '/api/me', (_req, res) => send(res, 200, person)],
  [
    'PATCH',
    '/api/users/:id',
    async (req, res) => {
      const body = await jsonOf(req)
      if (body.current_password !== PASSWORD)
        throw new Refused(422, 'invalid_field', 'current_password: is not right', {}, 'current_password')
      send(res, 200, person)
    },
  ],
  [
    'GET',
    '/api/status',
    (_req, res) =>
      send(res, 200, {
        version: '0.1.0',
        offline_model: OFFLINE,
        default_agent: 'agent:analyst',
        sandbox: { level: 'L3', driver: 'process' },
      }),
  ],
  [
    'GET',
    '/v1/models',
    (_req, res) =>
      send(
        res,
        200,
        list([
          {
            id: 'agent:analyst',
            object: 'model',
            owned_by: 'septet',
            septet: {
              title: '财报分析师 / Financial analyst',
              description:
                '检索文档、运行代码、给出有出处的结论 / Searches, runs code and answers with sources',
              kind: 'agent',
            },
          },
          {
            id: 'offline-analyst',
            object: 'model',
            owned_by: 'septet',
            septet: { kind: 'chat', offline: true },
          },
          { id: 'bge-small', object: 'model', owned_by: 'septet', septet: { kind: 'embedding' } },
        ]),
      ),
  ],
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
        .map(({ items, ...rest }) => rest)
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
  ['GET', '/v1/vector_stores', (_req, res) => send(res, 200, list([...stores.values()].map(storeView)))],
  [
    'POST',
    '/v1/vector_stores',
    async (req, res) => {
      const store = {
        id: ids('vs'),
        object: 'vector_store',
        name: (await jsonOf(req)).name,
        created_at: seconds(),
        status: 'completed',
      }
      stores.set(store.id, store)
      send(res, 200, storeView(store))
    },
  ],
  [
    'DELETE',
    '/v1/vector_stores/:id',
    (_req, res, id) => {
      stores.delete(id)
      send(res, 200, { id, deleted: true })
    },
  ],
  [
    'GET',
    '/v1/vector_stores/:id/files',
    (_req, res, id) =>
      send(res, 200, list([...storeFiles.values()].filter((entry) => entry.store === id).map(seen))),
  ],
  [
    'POST',
    '/v1/vector_stores/:id/files',
    async (req, res, id) => {
      find(stores, id)
      const entry = {
        id: find(files, (await jsonOf(req)).file_id).id,
        store: id,
        created_at: seconds(),
        startedMs: Date.now(),
      }
      // Reading anew helps where the name says so.
      const again = storeFiles.has(`${id}/${entry.id}`)
      if (again && files.get(entry.id).filename.includes('flaky')) files.get(entry.id).problem = null
      storeFiles.set(`${id}/${entry.id}`, entry)
      send(res, 200, seen(entry))
    },
  ],
  [
    'GET',
    '/v1/vector_stores/:id/files/:id',
    (_req, res, id, file) => send(res, 200, seen(find(storeFiles, `${id}/${file}`))),
  ],
  [
    'DELETE',
    '/v1/vector_stores/:id/files/:id',
    (_req, res, id, file) => {
      storeFiles.delete(`${id}/${file}`)
      send(res, 200, { id: file, deleted: true })
    },
  ],
  ['POST', '/v1/files', upload],
  ['GET', '/v1/files', (_req, res) => send(res, 200, list([...files.values()]))],
  [
    'DELETE',
    '/v1/files/:id',
    (_req, res, id) => {
      files.delete(id)
      send(res, 200, { id, deleted: true })
    },
  ],
  [
    'GET',
    '/v1/containers/:id/files/:id/content',
    (_req, res) => {
      res.writeHead(200, { 'content-type': 'image/svg+xml' })
      res.end(CHART)
    },
  ],
].map(([method, path, handle, open]) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(':id', '([^/]+)')}$`),
  handle,
  open,
}))

function page(res, path) {
  const nonce = randomBytes(16).toString('base64')
  const file = normalize(join(DIST, path))
  const found = file.startsWith(DIST) && path !== '/' && existsSync(file) && statSync(file).isFile()
  const policy = `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`
  if (found) {
    res.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    createReadStream(file).pipe(res)
    return
  }
  if (path.startsWith('/assets/') || !existsSync(join(DIST, 'index.html'))) {
    res.writeHead(404).end('run `npm run build` first')
    return
  }
  res.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'cache-control': 'no-store',
  })
  res.end(readFileSync(join(DIST, 'index.html'), 'utf8').replaceAll('__SEPTET_NONCE__', nonce))
}

const server = createServer(async (req, res) => {
  const path = decodeURIComponent(new URL(req.url, 'http://mock').pathname)
  try {
    const route = ROUTES.find((route) => route.method === req.method && route.pattern.test(path))
    if (!route) {
      if (/^\/(v1|api)\//.test(path)) throw new Refused(404, 'no_such_route', `there is no ${path} here`)
      return page(res, path)
    }
    if (Date.now() < refuseUntil && !path.startsWith('/mock')) return req.socket.destroy()
    if (!route.open) signedIn(req)
    await route.handle(req, res, ...route.pattern.exec(path).slice(1))
  } catch (error) {
    if (res.headersSent) return res.destroy()
    const { status = 500, code = 'internal', headers = {}, param = null, message } = error
    const request_id = ids('req')
    if (path.startsWith('/v1/'))
      send(res, status, { error: { message, type: code, code, param, request_id } }, headers)
    else
      send(
        res,
        status,
        { type: 'about:blank', title: code, status, detail: message, kind: code, code, param, request_id },
        headers,
      )
  }
})
server.listen(PORT, '127.0.0.1', () =>
  console.log(`mock of Septet on http://127.0.0.1:${PORT} as ${EMAIL} / ${PASSWORD}`),
)
