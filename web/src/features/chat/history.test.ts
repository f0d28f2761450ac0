import { describe, expect, it } from 'vitest'
import { turnsOf, versionsOf } from './history'

describe('a conversation', () => {
  const user = (text: string) =>
    ({ type: 'message', id: text, role: 'user', content: [{ type: 'input_text', text }] }) as never
  const answer = (text: string) =>
    ({
      type: 'message',
      id: `a-${text}`,
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [] }],
    }) as never

  it('becomes questions with their answers', () => {
    const turns = turnsOf([user('一'), answer('1'), user('二'), answer('2')], null, [])
    expect(turns.map((turn) => [turn.question.text, turn.run.steps.length, turn.run.status])).toEqual([
      ['一', 1, 'completed'],
      ['二', 1, 'completed'],
    ])
  })

  it('leaves the items of a running response to its events', () => {
    const running = { id: 'resp_1', status: 'in_progress' as const, output: [answer('半')] }
    const [turn] = turnsOf([user('一'), answer('半')], running, [user('一')])
    expect([turn?.run.id, turn?.run.steps, turn?.run.lastSeq]).toEqual(['resp_1', [], -1])
  })

  it('shows a question that is only in the running response yet', () => {
    const turns = turnsOf([user('一'), answer('1')], { id: 'resp_2', status: 'queued' }, [user('二')])
    expect(turns.map((turn) => turn.question.text)).toEqual(['一', '二'])
  })

  it('groups the same question asked again as versions', () => {
    const turns = turnsOf([user('一'), answer('1'), user('一'), answer('2'), user('二')], null, [])
    expect(versionsOf(turns).map((group) => group.length)).toEqual([2, 1])
  })
})
