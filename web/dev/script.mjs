// What the mock server plays: runs as the real one showed them, from the files that Agent Core's own tests are held to
// (crates/services/agent-core/tests/journals). Words in the question choose another run, or change one: what fails
// seldom has no recording.

import { readFileSync } from 'node:fs'
import { FORMULAS, longAnswer } from './answers.mjs'

const FILE = new URL('../../crates/services/agent-core/tests/journals/v0.2.events.jsonl', import.meta.url)
const [ANALYSIS, MANY_CALLS, FAILED, CUT] = readFileSync(FILE, 'utf8')
  .trim()
  .split('\n\n')
  .map((run) => run.split('\n').map((line) => JSON.parse(line)))

/** How long before each kind of event, in milliseconds: the recordings do not say. */
const PAUSES = {
  'response.output_item.added': 700,
  'response.file_search_call.searching': 80,
  'response.file_search_call.completed': 700,
  'response.code_interpreter_call_code.delta': 22,
  'response.code_interpreter_call.interpreting': 40,
  'response.code_interpreter_call.completed': 1100,
  'response.output_text.delta': 28,
  'response.completed': 60,
  'response.failed': 600,
}

const isOf = (event, type) => event.item?.type === type || event.type.startsWith(`response.${type}`)

/** The same run with ids of its own, so that it can be played twice. */
function anew(events, ids) {
  const fresh = new Map()
  const text = JSON.stringify(events).replace(
    /\b(resp|conv|call|msg|item)_[0-9a-f]{32}\w*/g,
    (old, kind) => fresh.get(old) ?? fresh.set(old, ids(kind)).get(old),
  )
  return JSON.parse(text)
}

/** Cuts what comes in one piece into pieces as a model would send them. */
function* inPieces(event, size) {
  if (typeof event.delta !== 'string' || event.delta.length <= size) return yield event
  const letters = Array.from(event.delta)
  for (let at = 0; at < letters.length; at += size)
    yield { ...event, delta: letters.slice(at, at + size).join('') }
}

/** The run with other words for its answer, which cite nothing but what is written in them. */
function withAnswer(events, text) {
  return events.flatMap((event) => {
    if (event.type === 'response.output_text.annotation.added') return []
    if (event.type === 'response.output_text.delta')
      return event === events.find(({ type }) => type === event.type) ? [{ ...event, delta: text }] : []
    if (event.type === 'response.output_text.done') return [{ ...event, text }]
    const part = { type: 'output_text', text, annotations: [] }
    if (event.type === 'response.content_part.done') return [{ ...event, part }]
    if (event.type === 'response.output_item.done' && event.item.type === 'message')
      return [{ ...event, item: { ...event.item, content: [part] } }]
    return [event]
  })
}

/** The run with code that never ends, and is stopped. */
function withTimeout(events) {
  const code = 'while True:\n    pass'
  const error = { code: 'timeout', message: 'the code ran longer than 30 s' }
  return events.flatMap((event) => {
    if (!isOf(event, 'code_interpreter_call')) return [event]
    if (event.septet?.stdout) return []
    const changed = { ...event }
    if ('delta' in event) changed.delta = code
    if ('code' in event) changed.code = code
    if (event.item) changed.item = { ...event.item, code: event.item.code && code }
    if (event.type === 'response.output_item.done')
      Object.assign(changed.item, {
        status: 'failed',
        outputs: [],
        septet: { ...event.item.septet, files: [], error },
      })
    return [changed]
  })
}

/** The run until its first tool call is done, and then a model that cannot be reached. */
function unreachable(events) {
  const found = events.findIndex(({ type }) => type === 'response.output_item.done')
  const end = FAILED.at(-1)
  const error = { code: 'provider_unreachable', message: 'openai: connection refused' }
  return [...events.slice(0, found + 1), { ...end, response: { ...end.response, error } }]
}

function chosen(question) {
  if (question.includes('SQL')) return MANY_CALLS
  if (question.includes('写不完')) return CUT
  if (question.includes('超时')) return withTimeout(ANALYSIS)
  if (question.includes('模型断开')) return unreachable(ANALYSIS)
  if (question.includes('长文')) return withAnswer(ANALYSIS, longAnswer())
  if (question.includes('公式')) return withAnswer(ANALYSIS, FORMULAS)
  return ANALYSIS
}

/** The run of one question as `[pause_ms, event]`. The caller numbers the events, keeps them and may stop in between. */
export function* play(question, ids) {
  const long = question.includes('长文')
  for (const event of anew(chosen(question), ids)) {
    // The beginning is the caller's.
    if (event.sequence_number < 2) continue
    const size = isOf(event, 'output_text') ? (long ? 8000 : 10) : 40
    for (const piece of inPieces(event, size)) yield [long ? 2 : (PAUSES[event.type] ?? 10), piece]
  }
}
