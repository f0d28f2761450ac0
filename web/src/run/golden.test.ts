// Runs as the server journaled and showed them, kept with Agent Core's own tests: the console folds every one of them,
// those of earlier versions too.

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { RunEvent } from '../api/types'
import { answerText, apply, applyAll, emptyRun, isOver, type Run, runOf } from './fold'
import { sourcesOf } from './sources'
import { spansOf } from './spans'
import { toolOf } from './tools'

const FOLDER = '../crates/services/agent-core/tests/journals'
const runs = ['v0.1', 'v0.2', 'v0.3'].flatMap((version) =>
  readFileSync(`${FOLDER}/${version}.events.jsonl`, 'utf8')
    .trim()
    .split('\n\n')
    .map((run, at) => ({
      name: `${version} number ${at}`,
      events: run.split('\n').map((line) => JSON.parse(line) as RunEvent),
    })),
)

/** What a reader sees of it, whatever way it came. */
const seen = (run: Run) => ({
  status: run.status,
  text: answerText(run),
  steps: run.steps,
  error: run.error,
  sources: [...sourcesOf(run).values()],
})

describe.each(runs)('the run $name', ({ events }) => {
  const whole = applyAll(emptyRun, events)
  const last = events.at(-1)

  it('has every event applied, with no gap', () => {
    expect([whole.lastSeq, whole.gap]).toEqual([events.length - 1, false])
  })

  it('ends as its last event says, and then shows what the stored response shows', () => {
    const ends = /^response\.(completed|failed|incomplete)$/.test(last?.type ?? '')
    expect(isOver(whole)).toBe(ends)
    if (ends && last?.response) expect(seen(runOf(last.response))).toEqual(seen(whole))
  })

  it('is the same however often the line broke and events came again', () => {
    for (let cut = 0; cut <= events.length; cut += 1) {
      const before = applyAll(emptyRun, events.slice(0, cut))
      expect(applyAll(before, events.slice(Math.max(0, cut - 3)))).toEqual(whole)
    }
  })

  it('has a card for every tool call, at every moment', () => {
    let run = emptyRun
    for (const event of events) {
      run = apply(run, event)
      for (const step of run.steps)
        if (step.type !== 'message') expect(toolOf(step).Body).toBeTypeOf('function')
      expect(spansOf(run, Date.now()).total).toBeGreaterThanOrEqual(0)
    }
  })
})

it('a whole analysis cites pages that its search found', () => {
  const analysis = runs.find(({ name }) => name === 'v0.2 number 0')
  const run = applyAll(emptyRun, analysis?.events ?? [])
  const cited = [...sourcesOf(run).values()].filter((source) => source.cited)
  expect(cited.length).toBeGreaterThan(3)
  for (const source of cited) {
    expect(source.filename).toBe('annual-report-2025.pdf')
    expect(source.page).toBeGreaterThan(0)
    expect(source.quote).not.toBe('')
  }
})
