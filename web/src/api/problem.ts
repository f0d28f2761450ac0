// One error type for whatever goes wrong between the console and the server.

/** A refusal of the server, or the network's failure to reach it. */
export class ApiError extends Error {
  readonly status: number
  /** The server's stable name of the failure; `network` when no answer came at all. */
  readonly code: string
  readonly detail: string
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined
  /** The field at fault. */
  readonly param: string | undefined

  constructor(given: {
    status: number
    code: string
    detail?: string
    requestId?: string | undefined
    retryAfterSeconds?: number | undefined
    param?: string | undefined
  }) {
    super(given.detail || given.code)
    this.name = 'ApiError'
    this.status = given.status
    this.code = given.code
    this.detail = given.detail ?? ''
    this.requestId = given.requestId
    this.retryAfterSeconds = given.retryAfterSeconds
    this.param = given.param
  }
}

export const offline = () => new ApiError({ status: 0, code: 'network' })

/** Any thrown thing as an `ApiError`. An abort stays distinguishable by its code. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof DOMException && thrown.name === 'AbortError')
    return new ApiError({ status: 0, code: 'aborted' })
  // fetch reports an unreachable server as a TypeError.
  if (thrown instanceof TypeError) return offline()
  return new ApiError({
    status: 0,
    code: 'unknown',
    detail: thrown instanceof Error ? thrown.message : String(thrown),
  })
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined)

/** Reads both shapes of refusal: OpenAI's `{error:{..}}` and problem+json. */
export function refusal(status: number, body: string, header: (name: string) => string | null): ApiError {
  let parsed: Record<string, unknown> = {}
  try {
    const json: unknown = JSON.parse(body)
    if (json && typeof json === 'object') parsed = json as Record<string, unknown>
  } catch {
    // Not JSON: a proxy's page. Its text is not for the reader.
  }
  const inner =
    parsed.error && typeof parsed.error === 'object' ? (parsed.error as Record<string, unknown>) : parsed
  const wait = Number(header('retry-after'))
  return new ApiError({
    status,
    code: text(inner.code) ?? text(inner.kind) ?? text(inner.type) ?? `http_${status}`,
    detail: text(inner.detail) ?? text(inner.message) ?? text(inner.title) ?? '',
    requestId: text(inner.request_id) ?? header('x-request-id') ?? undefined,
    param: text(inner.param),
    retryAfterSeconds: Number.isFinite(wait) && wait > 0 ? wait : undefined,
  })
}
