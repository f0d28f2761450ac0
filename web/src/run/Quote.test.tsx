import { describe, expect, it } from 'vitest'
import { partsOf } from './Quote'

describe('a source', () => {
  it('has its tables as tables', () => {
    const passage =
      '主要会计数据 单位：元\n | 2019年 | 2018年\n营业收入 | 1,275 | 1,330\n净利润 | 139 | 192\n以上为合并口径 | 注'
    expect(partsOf(passage)).toEqual([
      { kind: 'text', text: '主要会计数据 单位：元' },
      {
        kind: 'table',
        rows: [
          ['', '2019年', '2018年'],
          ['营业收入', '1,275', '1,330'],
          ['净利润', '139', '192'],
          ['以上为合并口径', '注'],
        ],
      },
    ])
    expect(partsOf('| a | b |\n|---|---|\n| 1 | x \\| y |')).toEqual([
      {
        kind: 'table',
        rows: [
          ['a', 'b'],
          ['1', 'x | y'],
        ],
      },
    ])
    expect(partsOf('either | or, in a sentence')).toEqual([
      { kind: 'text', text: 'either | or, in a sentence' },
    ])
  })
})
