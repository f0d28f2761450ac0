// Calls the server as the signed-in user. An expired token is renewed once and the call repeated.

import { ApiError, asApiError, refusal } from './problem'
import { bearer, refresh, reject } from './session'
import type { Page } from './types'

export type Call = { method?: string; body?: unknown; signal?: AbortSignal; headers?: Record<string, string> }

/** Sends one request. Throws an `ApiError` for every answer that is not 2xx. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  for (let attempt = 0; ; attempt += 1) {
    const token = await bearer()
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, ...call.headers }
    if (call.body !== undefined) headers['content-type'] = 'application/json'
    let answer: Response
    try {
      answer = await fetch(path, {
        method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
        headers,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(call.signal ? { signal: call.signal } : {}),
      })
    } catch (thrown) {
      throw asApiError(thrown)
    }
    if (answer.ok) return answer
    if (answer.status === 401 && attempt === 0) {
      reject(token)
      if (await refresh()) continue
    }
    throw refusal(answer.status, await answer.text().catch(() => ''), (name) => answer.headers.get(name))
  }
}

/** Sends one request and reads its JSON answer. */
export async function json<T>(path: string, call: Call = {}): Promise<T> {
  const answer = await send(path, call)
  try {
    return (await answer.json()) as T
  } catch (thrown) {
    throw new ApiError({
      status: answer.status,
      code: 'unreadable_answer',
      detail: thrown instanceof Error ? thrown.message : '',
    })
  }
}

/** Uploads a form with progress, which `fetch` cannot report. `onProgress` gets 0 to 1. */
export async function upload<T>(
  path: string,
  form: FormData,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const token = await bearer()
    try {
      return await uploadOnce<T>(path, form, token, onProgress, signal)
    } catch (thrown) {
      const error = asApiError(thrown)
      if (error.status !== 401 || attempt > 0) throw error
      reject(token)
      if (!(await refresh())) throw error
    }
  }
}

function uploadOnce<T>(
  path: string,
  form: FormData,
  token: string,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, fail) => {
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open('POST', path)
    request.setRequestHeader('authorization', `Bearer ${token}`)
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    }
    request.onload = () => {
      if (request.status < 200 || request.status > 299) {
        fail(refusal(request.status, request.responseText, (name) => request.getResponseHeader(name)))
        return
      }
      try {
        resolve(JSON.parse(request.responseText) as T)
      } catch {
        fail(new ApiError({ status: request.status, code: 'unreadable_answer' }))
      }
    }
    request.onerror = () => fail(new ApiError({ status: 0, code: 'network' }))
    request.onabort = () => fail(new ApiError({ status: 0, code: 'aborted' }))
    request.onloadend = () => signal.removeEventListener('abort', abort)
    if (signal.aborted) {
      fail(new ApiError({ status: 0, code: 'aborted' }))
      return
    }
    signal.addEventListener('abort', abort)
    request.send(form)
  })
}

/** Every entry of a list that comes in pages. `path` may have a query already. */
export async function all<T extends { id: string }>(path: string): Promise<T[]> {
  const found: T[] = []
  const join = path.includes('?') ? '&' : '?'
  let after = ''
  for (;;) {
    const page = await json<Page<T>>(
      `${path}${join}limit=100${after && `&after=${encodeURIComponent(after)}`}`,
    )
    found.push(...page.data)
    const last = page.last_id ?? page.data.at(-1)?.id
    if (!page.has_more || !last || last === after) return found
    after = last
  }
}
