// How long each step of a run took, as bars on one line of time. Pure.

import { isOver, type Run, type Step } from './fold'

export type Span = {
  key: string
  kind: 'search' | 'code' | 'model' | 'answer' | 'other'
  tool: string
  from: number
  ms: number
}
export type Spans = { rows: Span[]; start: number; total: number }

const KINDS: Record<Step['type'], Span['kind']> = {
  file_search_call: 'search',
  code_interpreter_call: 'code',
  message: 'answer',
  mcp_call: 'other',
  other: 'other',
}

/**
 * The steps with a start time as bars. What lies between two steps is the model at work on the next
 * one; a step that still runs reaches to `now`. All times are the server's, in milliseconds.
 */
export function spansOf(run: Run, now: number): Spans {
  const timed = run.steps.filter((step) => step.septet?.started_at_ms)
  const first = Math.min(...timed.map((step) => step.septet?.started_at_ms ?? 0))
  const last = Math.max(
    ...timed.map((step) => (step.septet?.started_at_ms ?? 0) + (step.septet?.duration_ms ?? 0)),
  )
  // The creation is told in whole seconds; the length of the whole run says it better.
  const created = run.extra?.duration_ms ? last - run.extra.duration_ms : (run.createdAtMs ?? first)
  const start = Math.min(created, first)
  if (timed.length === 0) return { rows: [], start: 0, total: 0 }
  const rows: Span[] = []
  let end = start
  for (const step of timed) {
    const from = step.septet?.started_at_ms ?? 0
    const ms = step.septet?.duration_ms ?? (isOver(run) ? 0 : Math.max(0, now - from))
    if (from - end > 30)
      rows.push({ key: `model-${step.id}`, kind: 'model', tool: '', from: end, ms: from - end })
    rows.push({ key: step.id, kind: KINDS[step.type], tool: step.septet?.tool ?? '', from, ms })
    end = Math.max(end, from + ms)
  }
  return { rows, start, total: end - start }
}
