// Turns the flat items of a conversation back into questions and runs.

import type { Item, ResponseObject } from '../../api/types'
import { isOver, known, type Run, runOf, runOfItems } from '../../run/fold'
import { newTurn, type Question, type QuestionFile, type Turn } from './turn'

const isQuestion = (item: Item) => item.type === 'message' && item.role === 'user'

function words(item: Item): string {
  const step = known(item)
  return step.type === 'message' ? step.content.map((part) => part.text).join('') : ''
}

function filesOf(response: ResponseObject | null): QuestionFile[] {
  try {
    const files: unknown = JSON.parse(response?.metadata?.attachments ?? '[]')
    return Array.isArray(files) ? (files as QuestionFile[]) : []
  } catch {
    // Another client put something else there.
    return []
  }
}

/**
 * Every question with what came after it, oldest first.
 *
 * The newest response is given whole, for its state, cost and failure. While it runs, its items may
 * be in the conversation in part; its own events tell them all, so they are left out here.
 */
export function turnsOf(items: Item[], last: ResponseObject | null, lastInput: Item[]): Turn[] {
  const turns: { question: Question; output: Item[] }[] = []
  for (const item of items) {
    if (isQuestion(item)) turns.push({ question: { text: words(item), files: [] }, output: [] })
    else if (item.type !== 'message' || item.role === 'assistant') turns.at(-1)?.output.push(item)
  }
  const asked = lastInput.filter(isQuestion).map(words).at(-1)
  // A running or failed response may not have left its question in the conversation yet.
  if (last && asked !== undefined && turns.at(-1)?.question.text !== asked)
    turns.push({ question: { text: asked, files: [] }, output: [] })
  return turns.map(({ question, output }, at) => {
    if (!last || at !== turns.length - 1) return newTurn(question, runOfItems(output))
    return newTurn({ ...question, files: filesOf(last) }, newest(last, output))
  })
}

function newest(response: ResponseObject, output: Item[]): Run {
  const run = runOf(response)
  // Its events are told again from the first one.
  if (!isOver(run)) return { ...run, steps: [], lastSeq: -1 }
  return run.steps.length > 0 ? run : { ...run, steps: runOfItems(output).steps }
}

/**
 * Turns that ask the very same thing one after the other are versions of one answer: that is what
 * "regenerate" leaves in the conversation.
 */
export function versionsOf(turns: Turn[]): Turn[][] {
  const groups: Turn[][] = []
  for (const turn of turns) {
    const group = groups.at(-1)
    if (group?.[0]?.question.text === turn.question.text) group.push(turn)
    else groups.push([turn])
  }
  return groups
}
