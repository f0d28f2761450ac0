// How the mock server answers: bodies in, JSON out, refusals with a code.

/** How long its pauses are: below 1 they are shorter. */
export const SPEED = Number(process.env.MOCK_SPEED ?? 1)

let counter = 0
export const ids = (prefix) =>
  `${prefix}_${Date.now().toString(16)}${(counter++).toString(16).padStart(4, '0')}`
export const seconds = () => Math.floor(Date.now() / 1000)

export class Refused extends Error {
  constructor(status, code, message, headers = {}, param = null) {
    super(message)
    Object.assign(this, { status, code, headers, param })
  }
}

export function send(res, status, body, headers = {}) {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(JSON.stringify(body))
}

export const list = (data) => ({
  object: 'list',
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: false,
})

export async function bodyOf(req, onChunk) {
  const chunks = []
  for await (const chunk of req) {
    chunks.push(chunk)
    if (onChunk) await onChunk()
  }
  return Buffer.concat(chunks)
}

export const jsonOf = async (req) => JSON.parse((await bodyOf(req)).toString() || '{}')

export function find(map, id) {
  const found = map.get(id)
  if (!found) throw new Refused(404, 'not_found', `there is no ${id}`)
  return found
}
