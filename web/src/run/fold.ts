// What a run looks like after the events seen so far. Pure: the same events always give the same
// run, however often the connection broke in between.
//
// `sequence_number` is the one cursor. An event that was already applied changes nothing; an event
// from beyond the next number is not applied but marks a gap, and the caller asks again from
// `lastSeq`. So each event counts exactly once.

import { toMillis } from '../api/time'
import type {
  CodeItem,
  CodeOutput,
  Item,
  McpItem,
  MessageItem,
  OtherItem,
  ResponseObject,
  RunEvent,
  RunStatus,
  SearchItem,
  TextPart,
  Waiting,
} from '../api/types'

export type Message = Omit<MessageItem, 'content'> & { content: TextPart[] }
export type ToolStep = SearchItem | CodeItem | McpItem | OtherItem
export type Step = ToolStep | Message

export type Run = {
  id: string | null
  status: RunStatus
  /** Number of the last applied event; -1 before the first. */
  lastSeq: number
  /** An event came too early: the ones between are missing. */
  gap: boolean
  steps: Step[]
  model: string | null
  createdAtMs: number | null
  usage: ResponseObject['usage']
  extra: ResponseObject['septet']
  error: { code?: string; message?: string } | null
  /** Why it stopped early, in the server's word (`cancelled`, `max_output_tokens`, ..). */
  reason: string | null
  /** What it waits for right now, and until when. */
  waiting: Waiting | null
  /** It was just taken up again after an interruption, and nothing has followed yet. */
  resumed: boolean
}

export const emptyRun: Run = {
  id: null,
  status: 'queued',
  lastSeq: -1,
  gap: false,
  steps: [],
  model: null,
  createdAtMs: null,
  usage: null,
  extra: null,
  error: null,
  reason: null,
  waiting: null,
  resumed: false,
}

export const isOver = (run: Run) => run.status !== 'queued' && run.status !== 'in_progress'

/** Applies events in the order given. Gives back the very same run when nothing changed. */
export function applyAll(run: Run, events: RunEvent[]): Run {
  return events.reduce(apply, run)
}

export function apply(run: Run, event: RunEvent): Run {
  const seq = event.sequence_number
  if (seq <= run.lastSeq) return run
  if (seq > run.lastSeq + 1) return run.gap ? run : { ...run, gap: true }
  return { ...change(run, event), ...pausing(run, event), lastSeq: seq, gap: false }
}

/** Waiting and being taken up again are told by `response.in_progress`; whatever else happens ends them. */
function pausing(run: Run, event: RunEvent): Pick<Run, 'waiting' | 'resumed'> {
  if (event.type !== 'response.in_progress') return { waiting: null, resumed: false }
  const extra = event.response?.septet
  const again = (extra?.recoveries ?? 0) > (run.extra?.recoveries ?? 0)
  return { waiting: extra?.waiting ?? null, resumed: again || run.resumed }
}

function change(run: Run, event: RunEvent): Run {
  switch (event.type) {
    case 'response.created':
    case 'response.queued':
    case 'response.in_progress':
      return event.response ? { ...absorb(run, event.response), steps: run.steps } : run
    case 'response.completed':
    case 'response.failed':
    case 'response.incomplete':
    case 'response.cancelled':
      return end(run, event)
    case 'error':
      return {
        ...run,
        status: 'failed',
        error: event.error ?? {
          ...(event.code && { code: event.code }),
          ...(event.message && { message: event.message }),
        },
        steps: settle(run.steps),
      }
    case 'response.output_item.added':
    case 'response.output_item.done':
      return event.item ? place(run, event, known(event.item)) : run
    case 'response.content_part.added':
    case 'response.content_part.done':
      return onPart(run, event, (old) => event.part ?? old)
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      return onPart(run, event, (old) => ({ ...old, text: old.text + (event.delta ?? '') }))
    case 'response.output_text.done':
      return onPart(run, event, (old) => ({ ...old, text: event.text ?? old.text }))
    case 'response.output_text.annotation.added':
      return onPart(run, event, (old) =>
        event.annotation ? { ...old, annotations: [...(old.annotations ?? []), event.annotation] } : old,
      )
    case 'response.code_interpreter_call_code.delta':
      return onCode(run, event, (old) => ({ ...old, code: (old.code ?? '') + (event.delta ?? '') }))
    case 'response.code_interpreter_call_code.done':
      return onCode(run, event, (old) => ({ ...old, code: event.code ?? old.code }))
    default:
      return onStatus(run, event)
  }
}

/** `response.<tool>_call.<status>` tells how far a tool is; unknown events pass without a trace. */
function onStatus(run: Run, event: RunEvent): Run {
  const status = /^response\.\w+_call\.(in_progress|searching|interpreting|completed|failed)$/.exec(
    event.type,
  )?.[1]
  if (!status) return run
  if (event.item) return place(run, event, known(event.item))
  const printed = (event.septet?.stdout ?? '') + (event.septet?.stderr ?? '')
  return onStep(run, event, (step) => {
    const moved = { ...step, status: status as SearchItem['status'] } as Step
    if (printed === '' || moved.type !== 'code_interpreter_call') return moved
    const line: CodeOutput = { type: 'logs', logs: printed }
    return { ...moved, outputs: [...(moved.outputs ?? []), line] }
  })
}

function end(run: Run, event: RunEvent): Run {
  const named = event.type.slice('response.'.length) as RunStatus
  const whole = absorb(run, event.response ?? { id: run.id ?? '', status: named })
  const over = isOver(whole) ? whole : { ...whole, status: named }
  const cancelled = over.status === 'incomplete' && over.reason === 'cancelled'
  return { ...over, status: cancelled ? 'cancelled' : over.status, steps: settle(over.steps) }
}

/** Takes over what a response object says; its items only when it has at least as many as are known. */
function absorb(run: Run, response: ResponseObject): Run {
  const output = response.output ?? []
  return {
    ...run,
    id: response.id || run.id,
    status: response.status ?? run.status,
    model: response.model ?? run.model,
    createdAtMs: response.created_at ? toMillis(response.created_at) : run.createdAtMs,
    usage: response.usage ?? run.usage,
    extra: response.septet ?? run.extra,
    error: response.error ?? run.error,
    reason: response.incomplete_details?.reason ?? run.reason,
    steps: output.length >= run.steps.length && output.length > 0 ? output.map(known) : run.steps,
  }
}

/** A run from a stored response that was read whole, without its events. */
export function runOf(response: ResponseObject): Run {
  const run = absorb(emptyRun, response)
  const cancelled = run.status === 'incomplete' && run.reason === 'cancelled'
  return isOver(run)
    ? { ...run, status: cancelled ? 'cancelled' : run.status, steps: settle(run.steps) }
    : run
}

/** A run from items of a conversation whose response is not at hand. */
export const runOfItems = (items: Item[]): Run => ({
  ...emptyRun,
  status: 'completed',
  steps: settle(items.map(known)),
})

/** Items in a shape that is safe to draw: known kinds as they are, everything else set aside. */
export function known(item: Item): Step {
  switch (item.type) {
    case 'message':
      return {
        ...item,
        content:
          typeof item.content === 'string'
            ? [{ type: 'output_text', text: item.content }]
            : (item.content ?? []).map(knownPart),
      }
    case 'file_search_call':
      return { ...item, queries: item.queries ?? [] }
    case 'code_interpreter_call':
      return item
    case 'mcp_call':
      return { ...item, arguments: item.arguments ?? '' }
    default: {
      const other = item as unknown as Partial<OtherItem> & { type: string }
      return {
        type: 'other',
        kind: other.type,
        id: other.id ?? '',
        ...(other.name && { name: other.name }),
        ...(other.septet && { septet: other.septet }),
      }
    }
  }
}

// A refusal part carries its words under another name.
const knownPart = (part: TextPart & { refusal?: string }): TextPart =>
  part.type === 'refusal' && part.refusal
    ? { type: 'refusal', text: part.refusal }
    : { ...part, text: part.text ?? '' }

/** After the end nothing is under way any more. */
function settle(steps: Step[]): Step[] {
  return steps.map((step) =>
    step.status === 'in_progress' || step.status === 'searching' || step.status === 'interpreting'
      ? ({ ...step, status: 'incomplete' } as Step)
      : step,
  )
}

function indexOf(run: Run, event: RunEvent): number {
  if (event.output_index !== undefined) return event.output_index
  const id = event.item_id ?? event.item?.id
  return run.steps.findIndex((step) => step.id === id)
}

function place(run: Run, event: RunEvent, step: Step): Run {
  const at = indexOf(run, event)
  const steps = run.steps.slice()
  if (at < 0 || at >= steps.length) steps.push(step)
  else steps[at] = step
  return { ...run, status: run.status === 'queued' ? 'in_progress' : run.status, steps }
}

function onStep(run: Run, event: RunEvent, edit: (step: Step) => Step): Run {
  const at = indexOf(run, event)
  const step = run.steps[at]
  if (!step) return run
  const steps = run.steps.slice()
  steps[at] = edit(step)
  return { ...run, steps }
}

function onPart(run: Run, event: RunEvent, edit: (part: TextPart) => TextPart): Run {
  return onStep(run, event, (step) => {
    if (step.type !== 'message') return step
    const at = event.content_index ?? 0
    const content = step.content.slice()
    content[at] = edit(content[at] ?? { type: 'output_text', text: '' })
    return { ...step, content }
  })
}

function onCode(run: Run, event: RunEvent, edit: (item: CodeItem) => CodeItem): Run {
  return onStep(run, event, (step) => (step.type === 'code_interpreter_call' ? edit(step) : step))
}

/** The whole answer as text, as one would copy it. */
export const answerText = (run: Run) =>
  run.steps
    .filter((step): step is Message => step.type === 'message')
    .map((step) => step.content.map((part) => part.text).join(''))
    .join('\n\n')
