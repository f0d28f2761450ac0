// A server with the face of Septet and recordings for a brain, for work on the console alone.
//
//   SEPTET_PASSWORD=... node dev/mock.mjs      then open http://127.0.0.1:8099
//
// It serves the built console with the real page policy, and runs as the real server showed them. Words in a question
// play something else: 超时 (code runs too long), 模型断开 (model down), 写不完 (an answer that is cut off), 欠费 (402), 限流 (429),
// 没有模型 (unknown model), SQL (many calls, some of which fail), 等待 (a provider that limits), 崩溃 (a server that dies, and
// takes the run up again), 长文 (400 KB), 公式 (formulas and emphasis). POST /mock/drop cuts every open stream and refuses new
// ones for two seconds; /mock/expire ends sessions, /mock/expire-token only access tokens.

import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CHART } from './answers.mjs'
import { documentRoutes } from './documents.mjs'
import { ids, jsonOf, list, Refused, send } from './http.mjs'
import { keyRoutes, plantKeys } from './keys.mjs'
import { down, isDown, OFFLINE, runRoutes } from './runs.mjs'

const DIST = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const PORT = Number(process.env.PORT ?? 8099)
const EMAIL = process.env.SEPTET_EMAIL ?? 'admin@example.com'
let password = process.env.SEPTET_PASSWORD ?? randomBytes(9).toString('base64url')

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

const user = {
  id: 'usr_mock',
  email: EMAIL,
  name: '管理员',
  role: 'owner',
  permissions: ['agents.use', 'knowledge.write', 'keys.own'],
  tenant: { id: 'ten_mock', name: 'acme' },
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
/** Who an access token or a refresh cookie belongs to. */
const tokens = new Map()
const cookies = new Map()

function signedIn(req) {
  const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1]
  req.person = tokens.get(token)
  if (!req.person) throw new Refused(401, 'token_expired', 'the access token has expired')
}

function login(res, person) {
  const access_token = ids('token')
  const cookie = ids('refresh')
  tokens.set(access_token, person)
  cookies.set(cookie, person)
  send(
    res,
    200,
    { access_token, token_type: 'Bearer', expires_in: 900, user: person },
    {
      'set-cookie': `septet_refresh=${cookie}; Path=/api/auth; HttpOnly; SameSite=Strict`,
    },
  )
}

const ROUTES = [
  [
    'POST',
    '/api/auth/login',
    async (req, res) => {
      const body = await jsonOf(req)
      await new Promise((resolve) => setTimeout(resolve, 250))
      const person = body.email === viewer.email ? viewer : user
      if (body.email !== person.email || body.password !== password)
        throw new Refused(401, 'wrong_password', 'the mail address or the password is wrong')
      login(res, person)
    },
    'open',
  ],
  [
    'POST',
    '/api/auth/refresh',
    async (req, res) => {
      const cookie = /septet_refresh=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
      if (!req.headers['x-septet-csrf']) throw new Refused(403, 'csrf_header_missing', 'header missing')
      const person = cookies.get(cookie)
      if (!person) throw new Refused(401, 'no_session', 'the session is over')
      cookies.delete(cookie)
      login(res, person)
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
      down(2000)
      send(res, 200, {})
    },
    'open',
  ],
  ['GET', '/mock/up', (_req, res) => send(res, isDown() ? 503 : 200, {}), 'open'],
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
  ['GET', '/api/me', (req, res) => send(res, 200, req.person)],
  [
    'PATCH',
    '/api/users/:id',
    async (req, res) => {
      const body = await jsonOf(req)
      if (body.current_password !== password)
        throw new Refused(422, 'invalid_field', 'current_password: is not right', {}, 'current_password')
      password = body.password
      send(res, 200, req.person)
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
  ...runRoutes,
  ...documentRoutes,
  ...keyRoutes,
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

if (process.env.MOCK_OLD) plantKeys(user)

const server = createServer(async (req, res) => {
  const path = decodeURIComponent(new URL(req.url, 'http://mock').pathname)
  try {
    const route = ROUTES.find((route) => route.method === req.method && route.pattern.test(path))
    if (!route) {
      if (/^\/(v1|api)\//.test(path)) throw new Refused(404, 'no_such_route', `there is no ${path} here`)
      return page(res, path)
    }
    if (isDown() && !path.startsWith('/mock')) return req.socket.destroy()
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
  console.log(`mock of Septet on http://127.0.0.1:${server.address().port} as ${EMAIL} / ${password}`),
)
