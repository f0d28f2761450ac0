// Errors in words that say what to do. The words of the server's codes are written from its own list
// (generated/); a code of another program falls back to what the HTTP status means, and keeps that program's
// sentence and the request id, so that somebody can look it up.

import { asApiError } from '../api/problem'
import type { Code } from './generated/codes'
import type { Key, Translate } from './index'

/** What the console itself finds out, without a server. */
const OWN: Record<string, Key> = {
  network: 'error.network',
  not_sent: 'error.notSent',
}

const BY_STATUS: Record<number, Key> = {
  400: 'bad_request',
  401: 'unauthenticated',
  402: 'payment_required',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'timeout',
  409: 'conflict',
  413: 'too_large',
  415: 'unsupported_type',
  422: 'unprocessable',
  429: 'rate_limit_exceeded',
  500: 'internal',
  502: 'unavailable',
  503: 'unavailable',
  504: 'timeout',
}

/** Codes whose words point at the server's own sentence, which is shown with them. */
const WITH_DETAIL: ReadonlySet<Code> = new Set<Code>([
  'bad_request',
  'failed',
  'in_use',
  'invalid_field',
  'invalid_json',
  'invalid_request',
  'method_not_allowed',
  'no_such_route',
  'provider_refused',
  'run_failed',
  'unprocessable',
  'unsupported_parameter',
])

/** `sentence` says what to do; `detail` is the server's own wording where ours does not say it all. */
export type Words = { sentence: string; detail: string }

const keyOf = (code: string, t: Translate): Key | undefined => OWN[code] ?? (t.knows(code) ? code : undefined)
const saysAll = (key: Key | undefined) => key !== undefined && !(WITH_DETAIL as ReadonlySet<Key>).has(key)

export function errorWords(thrown: unknown, t: Translate): Words {
  const error = asApiError(thrown)
  const code = keyOf(error.code, t)
  const key = code ?? BY_STATUS[error.status] ?? 'error.unknown'
  const seconds = error.retryAfterSeconds
  const wait = seconds ? t('error.seconds', { n: Math.ceil(seconds) }) : t('error.aMoment')
  const exact = saysAll(code) && error.status < 500
  const detail = exact ? [] : [error.detail && error.detail !== error.code ? error.detail : error.code]
  if (!exact && error.requestId) detail.push(t('error.requestId', { id: error.requestId }))
  return {
    sentence: t(key, { wait }),
    detail: error.code === 'network' ? '' : detail.filter(Boolean).join(' · '),
  }
}

/** The same for a code and message that came inside an answer (a failed run or document). */
export function codeWords(
  failure: { code?: string | undefined; message?: string | undefined } | null | undefined,
  fallback: Key,
  t: Translate,
): Words {
  const key = keyOf(failure?.code ?? '', t)
  return {
    sentence: t(key ?? fallback, { wait: t('error.aMoment') }),
    detail: [failure?.message, failure?.code && !key ? failure.code : ''].filter(Boolean).join(' · '),
  }
}

export const isKnown = (code: string | undefined, t: Translate) =>
  code !== undefined && keyOf(code, t) !== undefined
