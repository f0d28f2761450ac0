// The mock server's knowledge bases: files that are uploaded, read page by page, and fail where their bytes say so.

import { bodyOf, find, ids, jsonOf, list, Refused, SPEED, seconds, send } from './http.mjs'

const UPLOAD_LIMIT = 20_000_000
const stores = new Map()
const files = new Map()
const storeFiles = new Map()

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
  const { owner, ...seenByAll } = store
  return {
    ...seenByAll,
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

export const documentRoutes = [
  [
    'GET',
    '/v1/vector_stores',
    (req, res) => {
      const seen = [...stores.values()].filter((store) => !store.private || store.owner === req.person.id)
      send(res, 200, list(seen.map(storeView)))
    },
  ],
  [
    'POST',
    '/v1/vector_stores',
    async (req, res) => {
      const wanted = await jsonOf(req)
      const store = {
        id: ids('vs'),
        object: 'vector_store',
        name: wanted.name,
        private: wanted.private ?? false,
        metadata: wanted.metadata ?? {},
        owner: req.person.id,
        created_at: seconds(),
        status: 'completed',
      }
      stores.set(store.id, store)
      send(res, 200, storeView(store))
    },
  ],
  [
    'POST',
    '/v1/vector_stores/:id',
    async (req, res, id) => {
      Object.assign(find(stores, id), await jsonOf(req))
      send(res, 200, storeView(find(stores, id)))
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
]
