// One question and the run that answers it.

import type { ApiError } from '../../api/problem'
import { emptyRun, type Run } from '../../run/fold'

export type QuestionFile = { id: string; name: string; bytes: number }
export type Question = { text: string; files: QuestionFile[] }

export type Link = { state: 'idle' | 'live' } | { state: 'lost'; attempt: number }
export type Turn = {
  key: string
  question: Question
  run: Run
  link: Link
  /** The question never became a run, or the run can no longer be followed. */
  error: ApiError | null
  stopping: boolean
  /** Local clock minus server clock, for bars that still grow. */
  skewMs: number | null
}

let n_turns = 0

export const newTurn = (question: Question, run: Run = emptyRun): Turn => {
  n_turns += 1
  return {
    key: `turn-${n_turns}`,
    question,
    run,
    link: { state: 'idle' },
    error: null,
    stopping: false,
    skewMs: null,
  }
}
