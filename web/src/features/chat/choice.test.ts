// Which knowledge bases a question names, and where dropped files go.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { VectorStore } from '../../api/types'
import { ALL, choiceOf, type Known } from './choice'
import { draftBase, forgetDrafts, makeBase, NEW, nameDraft } from './drafts'

const base = (id: string, more: Partial<VectorStore> = {}): VectorStore => ({
  id,
  object: 'vector_store',
  name: id,
  created_at: 0,
  last_active_at: 0,
  status: 'completed',
  usage_bytes: 0,
  metadata: {},
  file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
  ...more,
})
const report = base('report')
const law = base('law')
const mine = base('mine', { private: true })
const other = base('other', { private: true })
const bases = [report, law, mine, other]

function named(known: Partial<Known>) {
  const { chosen, own, isAll, stores } = choiceOf({
    bases,
    asked: null,
    kept: null,
    dropped: null,
    ...known,
  })
  return { chosen: chosen.map(({ id }) => id), own: own.map(({ id }) => id), isAll, stores }
}

describe('a new conversation', () => {
  it('searches what was chosen last', () => {
    expect(named({ kept: 'law' })).toEqual({ chosen: ['law'], own: [], isAll: false, stores: ['law'] })
  })

  it('searches the first when the chosen one is gone, and never somebody’s files of another chat', () => {
    expect(named({ kept: 'gone' }).stores).toEqual(['report'])
    expect(named({ kept: 'mine' }).stores).toEqual(['report'])
  })

  it('names nothing when everything is chosen or nothing is there', () => {
    expect(named({ kept: ALL })).toMatchObject({ chosen: ['report', 'law'], isAll: true, stores: [] })
    expect(named({ bases: [] }).stores).toEqual([])
  })

  it('searches its own files besides the chosen base', () => {
    expect(named({ kept: 'law', dropped: 'mine' })).toMatchObject({ own: ['mine'], stores: ['law', 'mine'] })
  })

  it('searches its own files alone where there is nothing else', () => {
    expect(named({ bases: [mine], dropped: 'mine' }).stores).toEqual(['mine'])
  })

  it('names everything when its own files are searched besides everything', () => {
    expect(named({ kept: ALL, dropped: 'mine' }).stores).toEqual(['report', 'law', 'mine'])
  })
})

describe('a conversation that goes on', () => {
  it('searches what it was asked of, whatever was chosen since', () => {
    expect(named({ asked: ['law', 'mine'], kept: 'report' })).toEqual({
      chosen: ['law'],
      own: ['mine'],
      isAll: false,
      stores: ['law', 'mine'],
    })
  })

  it('goes on with everything, or with its own files alone', () => {
    expect(named({ asked: [], kept: 'report' })).toMatchObject({ isAll: true, stores: [] })
    expect(named({ asked: ['mine'], kept: 'report' })).toMatchObject({ chosen: [], stores: ['mine'] })
  })

  it('takes the chosen base once all of its own are gone', () => {
    expect(named({ asked: ['gone'], kept: 'law' }).stores).toEqual(['law'])
  })

  it('names everything after a choice that had it narrowed before', () => {
    expect(named({ asked: ['report', 'law'] })).toMatchObject({ isAll: true, stores: ['report', 'law'] })
  })
})

describe('the base of dropped files', () => {
  beforeEach(forgetDrafts)
  afterEach(forgetDrafts)

  it('is made once for all of them, and goes with the conversation that they are sent in', async () => {
    let n_made = 0
    const make = async () => {
      n_made += 1
      return `vs_${n_made}`
    }
    expect(await Promise.all([makeBase(NEW, make), makeBase(NEW, make)])).toEqual(['vs_1', 'vs_1'])
    nameDraft('conv_1')
    expect(draftBase('conv_1')).toBe('vs_1')
    expect(draftBase(NEW)).toBe(null)
    expect(JSON.parse(localStorage.getItem('septet-draft:conv_1') ?? '{}')).toMatchObject({ base: 'vs_1' })
  })

  it('can be tried again when it could not be made', async () => {
    await expect(makeBase(NEW, () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(await makeBase(NEW, async () => 'vs_2')).toBe('vs_2')
  })

  it('follows a draft that is named while it is made', async () => {
    let done: (id: string) => void = () => undefined
    const made = makeBase(NEW, () => new Promise((resolve) => (done = resolve)))
    nameDraft('conv_2')
    done('vs_3')
    await made
    expect(draftBase('conv_2')).toBe('vs_3')
    expect(draftBase(NEW)).toBe(null)
  })
})
