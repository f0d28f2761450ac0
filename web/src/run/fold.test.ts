import { describe, expect, it } from 'vitest'
import type { RunEvent } from '../api/types'
import { answerText, apply, applyAll, emptyRun, isOver, runOf } from './fold'
import { cancelled, failed, full } from './recorded'
import { sourcesOf } from './sources'

const finished = applyAll(emptyRun, full)

describe('a run', () => {
  it('is complete after all its events', () => {
    expect(finished.status).toBe('completed')
    expect(finished.lastSeq).toBe(full.length - 1)
    expect(finished.steps.map((step) => [step.type, step.status])).toEqual([
      ['file_search_call', 'completed'],
      ['code_interpreter_call', 'completed'],
      ['message', 'completed'],
    ])
    expect(answerText(finished)).toBe('营收增长 **18.6%**。[1]')
    expect(finished.usage?.total_tokens).toBe(3412)
    expect(finished.extra?.cost_nano).toBe(31_000_000)
  })

  it('is the same when every event comes twice', () => {
    expect(
      applyAll(
        emptyRun,
        full.flatMap((event) => [event, event]),
      ),
    ).toEqual(finished)
  })

  it('gives back the very same object for an event it has seen', () => {
    const half = applyAll(emptyRun, full.slice(0, 9))
    expect(apply(half, full[4] as RunEvent)).toBe(half)
  })

  it('is the same whatever event the connection broke after', () => {
    for (let cut = 0; cut <= full.length; cut += 1) {
      const before = applyAll(emptyRun, full.slice(0, cut))
      const resumed = applyAll(
        before,
        full.filter((event) => event.sequence_number > before.lastSeq),
      )
      expect(resumed).toEqual(finished)
    }
  })

  it('is the same when a resumed stream starts over from the first event', () => {
    const before = applyAll(emptyRun, full.slice(0, 12))
    expect(applyAll(before, full)).toEqual(finished)
  })

  it('does not apply an event that came too early, and says so', () => {
    const before = applyAll(emptyRun, full.slice(0, 5))
    const early = apply(before, full[7] as RunEvent)
    expect(early).toEqual({ ...before, gap: true })
    expect(applyAll(early, full.slice(5))).toEqual(finished)
  })

  it('shows text and code while they grow', () => {
    const upTo = (type: string) =>
      applyAll(emptyRun, full.slice(0, full.findIndex((event) => event.type === type) + 1))
    const typing = upTo('response.code_interpreter_call_code.delta').steps[1]
    expect(typing?.type === 'code_interpreter_call' && typing.code).toBe('print(')
    const writing = upTo('response.output_text.delta')
    expect(answerText(writing)).toBe('营收增长 ')
    expect(isOver(writing)).toBe(false)
  })

  it('shows what code prints before it has ended, and once afterwards', () => {
    const printing = applyAll(emptyRun, full.slice(0, full.findIndex((event) => event.septet?.stdout) + 1))
      .steps[1]
    expect(printing?.type === 'code_interpreter_call' && printing.outputs).toEqual([
      { type: 'logs', logs: '51' },
    ])
    const done = finished.steps[1]
    expect(done?.type === 'code_interpreter_call' && done.outputs?.[0]).toEqual({
      type: 'logs',
      logs: '512.4\n',
    })
  })

  it('keeps the reason of a failure and leaves nothing running', () => {
    const run = applyAll(emptyRun, failed)
    expect(run.status).toBe('failed')
    expect(run.error).toEqual({ code: 'model_unavailable', message: 'connection refused' })
    expect(run.steps.map((step) => step.status)).toEqual(['incomplete'])
  })

  it('is cancelled, not broken, when it was stopped', () => {
    const run = applyAll(emptyRun, cancelled)
    expect(run.status).toBe('cancelled')
    expect(answerText(run)).toBe('营收')
  })

  it('fails on an error event of the stream', () => {
    const run = apply(emptyRun, {
      type: 'error',
      sequence_number: 0,
      code: 'server_error',
      message: 'x',
    } as RunEvent)
    expect([run.status, run.error?.message]).toEqual(['failed', 'x'])
  })

  it('passes over event types it does not know', () => {
    const run = applyAll(emptyRun, full.slice(0, 3))
    const next = apply(run, { type: 'response.something.new', sequence_number: 3 })
    expect(next).toEqual({ ...run, lastSeq: 3 })
  })

  it('survives items of a kind it does not know, and deltas without an item', () => {
    const odd = applyAll(emptyRun, [
      { type: 'response.output_text.delta', sequence_number: 0, output_index: 5, delta: 'x' },
      {
        type: 'response.output_item.added',
        sequence_number: 1,
        output_index: 0,
        item: { type: 'web_search_call', id: 'm', name: 'mail' },
      },
    ] as unknown as RunEvent[])
    expect(odd.steps).toEqual([{ type: 'other', kind: 'web_search_call', id: 'm', name: 'mail' }])
  })

  it('reads the same from the stored response as from its events', () => {
    const last = full.at(-1)?.response
    expect(last && runOf(last).steps).toEqual(finished.steps)
  })
})

describe('sources', () => {
  it('are cited as soon as the marker is in the text, before any annotation', () => {
    const at = full.findIndex((event) => event.type === 'response.output_text.annotation.added')
    const sources = sourcesOf(applyAll(emptyRun, full.slice(0, at)))
    expect([...sources.values()].map((source) => [source.number, source.cited])).toEqual([
      [1, true],
      [2, false],
    ])
  })

  it('tell document, page and quote of the citation', () => {
    expect(sourcesOf(finished).get(1)).toMatchObject({
      filename: '年报.pdf',
      page: 12,
      heading: '主要会计数据',
      quote: '营业收入 512.4 亿元',
    })
  })
})

describe('a run that pauses', () => {
  const told = (seq: number, septet: object) => ({
    type: 'response.in_progress',
    sequence_number: seq,
    response: { id: 'resp_1', status: 'in_progress' as const, septet },
  })
  const waiting = { code: 'provider_rate_limit', message: 'slowly', until_ms: 57_000, seconds: 57 }

  it('says what it waits for until something happens', () => {
    const start = applyAll(emptyRun, [told(0, {}), told(1, { waiting })])
    expect(start.waiting).toEqual(waiting)
    const item = { type: 'message' as const, id: 'm', role: 'assistant' as const, content: [] }
    const gone = apply(start, {
      type: 'response.output_item.added',
      sequence_number: 2,
      output_index: 0,
      item,
    })
    expect([gone.waiting, gone.resumed]).toEqual([null, false])
  })

  it('says that it was taken up again, once', () => {
    const again = applyAll(emptyRun, [told(0, {}), told(1, { recoveries: 1 })])
    expect(again.resumed).toBe(true)
    const item = { type: 'message' as const, id: 'm', role: 'assistant' as const, content: [] }
    const on = apply(again, { type: 'response.output_item.added', sequence_number: 2, output_index: 0, item })
    expect(on.resumed).toBe(false)
    expect(apply(on, told(3, { recoveries: 1, waiting })).resumed).toBe(false)
  })
})
