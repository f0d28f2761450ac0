// Errors in words that say what to do. Known codes first, then the HTTP status; whatever is left
// keeps the server's own sentence and the request id, so that somebody can look it up.

import { asApiError } from '../api/problem'
import type { Key, Translate } from './index'

const BY_CODE: Record<string, Key> = {
  network: 'error.network',
  wrong_password: 'error.wrongPassword',
  login_throttled: 'error.loginThrottled',
  invalid_credentials: 'error.wrongPassword',
  no_credentials: 'error.session',
  invalid_token: 'error.session',
  token_expired: 'error.session',
  session_ended: 'error.session',
  no_session: 'error.session',
  refresh_replayed: 'error.session',
  unauthenticated: 'error.session',
  permission_denied: 'error.forbidden',
  forbidden: 'error.forbidden',
  model_not_found: 'error.model',
  unknown_model: 'error.model',
  no_such_model: 'error.model',
  agent_not_found: 'error.model',
  unknown_agent: 'error.model',
  no_such_agent: 'error.model',
  model_unavailable: 'error.modelDown',
  model_down: 'error.modelDown',
  model_failed: 'error.modelDown',
  provider_unavailable: 'error.modelDown',
  provider_unreachable: 'error.modelDown',
  provider_error: 'error.modelDown',
  no_provider: 'error.modelDown',
  all_providers_failed: 'error.modelDown',
  provider_unauthenticated: 'error.modelAuth',
  provider_auth: 'error.modelAuth',
  context_length_exceeded: 'error.context',
  context_too_long: 'error.context',
  insufficient_balance: 'error.payment',
  insufficient_quota: 'error.payment',
  budget_exceeded: 'error.payment',
  payment_required: 'error.payment',
  rate_limit_exceeded: 'error.rate',
  exhausted: 'error.rate',
  too_large: 'error.tooLarge',
  file_too_large: 'error.tooLarge',
  empty_file: 'error.emptyFile',
  file_empty: 'error.emptyFile',
  empty: 'error.emptyFile',
  empty_document: 'error.emptyFile',
  encrypted: 'error.encrypted',
  encrypted_pdf: 'error.encrypted',
  password_protected: 'error.encrypted',
  password_required: 'error.encrypted',
  invalid_file: 'error.broken',
  broken: 'error.broken',
  broken_file: 'error.broken',
  broken_pdf: 'error.broken',
  damaged: 'error.broken',
  corrupt: 'error.broken',
  malformed: 'error.broken',
  unreadable: 'error.broken',
  parse_failed: 'error.broken',
  no_text: 'error.noText',
  scanned: 'error.noText',
  no_text_layer: 'error.noText',
  unsupported_file: 'error.fileType',
  unsupported_file_type: 'error.fileType',
  unsupported: 'error.fileType',
  no_documents: 'error.noDocuments',
  code_timeout: 'error.codeTimeout',
  execution_timeout: 'error.codeTimeout',
  step_limit: 'error.steps',
  max_steps: 'error.steps',
  max_tool_calls: 'error.steps',
  limit_reached: 'error.steps',
  pdf_encrypted: 'error.encrypted',
  pdf_broken: 'error.broken',
  unsupported_type: 'error.fileType',
  parse_timeout: 'error.parseTimeout',
  parse_memory: 'error.parseMemory',
  time_limit: 'error.timeLimit',
  recovery_limit: 'error.recovery',
  name_taken: 'error.nameTaken',
  wrong_credentials: 'error.wrongPassword',
  response_not_found: 'error.notFound',
  conversation_not_found: 'error.notFound',
  not_found: 'error.notFound',
  empty_input: 'error.emptyInput',
  conversation_busy: 'error.busy',
  conversation_locked: 'error.busy',
  run_in_progress: 'error.busy',
  service_down: 'error.unavailable',
  unavailable: 'error.unavailable',
  timeout: 'error.timeout',
  not_sent: 'error.notSent',
  internal: 'error.internal',
  server_error: 'error.internal',
}

const BY_STATUS: Record<number, Key> = {
  400: 'error.badRequest',
  401: 'error.session',
  402: 'error.payment',
  403: 'error.forbidden',
  404: 'error.notFound',
  408: 'error.timeout',
  409: 'error.conflict',
  413: 'error.tooLarge',
  415: 'error.fileType',
  429: 'error.rate',
  500: 'error.internal',
  502: 'error.unavailable',
  503: 'error.unavailable',
  504: 'error.timeout',
}

/** `sentence` says what to do; `detail` is the server's own wording where ours does not say it all. */
export type Words = { sentence: string; detail: string }

export function errorWords(thrown: unknown, t: Translate): Words {
  const error = asApiError(thrown)
  const code = BY_CODE[error.code]
  const key = code ?? BY_STATUS[error.status] ?? 'error.unknown'
  const seconds = error.retryAfterSeconds
  const wait = seconds ? t('error.seconds', { n: Math.ceil(seconds) }) : t('error.aMoment')
  const exact = code !== undefined && error.status < 500
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
  const key = BY_CODE[failure?.code ?? '']
  return {
    sentence: t(key ?? fallback, { wait: t('error.aMoment') }),
    detail: [failure?.message, failure?.code && !key ? failure.code : ''].filter(Boolean).join(' · '),
  }
}

export const isKnown = (code: string | undefined) => code !== undefined && code in BY_CODE
