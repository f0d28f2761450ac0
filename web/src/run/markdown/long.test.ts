// Answers of hundreds of kilobytes, in every shape that a model may give them.

import { describe, expect, it } from 'vitest'
import { blockCutter, fenceOf } from './blocks'

const BYTES = 400_000
const fill = (piece: (n: number) => string) => {
  let text = ''
  for (let n = 0; text.length < BYTES; n += 1) text += piece(n)
  return text
}

const SHAPES: Record<string, string> = {
  paragraphs: fill((n) => `第 ${n} 段：营业收入 **${n}** 亿元，同比增长 3%。[1] See page ${n}.\n\n`),
  'one line': fill((n) => `word${n} and **bold** `),
  'one paragraph': fill((n) => `line ${n} of the text, without a blank line\n`),
  table: `| 项目 | 2024 | 2023 |\n| --- | ---: | ---: |\n${fill((n) => `| 行 ${n} | ${n}.1 | ${n}.2 |\n`)}`,
  list: fill((n) => `- item ${n}\n`),
  'ordered list': fill((n) => `${n + 1}. item\n`),
  'nested list': fill((n) => `${'  '.repeat(n % 12)}- item ${n}\n`),
  'links defined below': `${fill((n) => `See [${n}][a] and [^1].\n\n`)}[a]: https://a.example\n[^1]: a note\n`,
  quotes: fill((n) => `> quoted ${n}\n`),
  html: fill((n) => `<div>block ${n}</div>\n`),
  'windows lines': fill((n) => `line ${n}\r\n\r\n`),
  brackets: '['.repeat(BYTES),
  stars: '*a '.repeat(BYTES / 3),
  'unclosed formula': `$$${fill((n) => `x_${n} + `)}`,
  backticks: fill((n) => `${'`'.repeat(n % 9)} x `),
}

describe('a long answer', () => {
  for (const [name, text] of Object.entries(SHAPES))
    it(`of ${name} is cut into pieces that can be drawn`, { timeout: 20_000 }, () => {
      const started = performance.now()
      const blocks = blockCutter()(text)
      const took = performance.now() - started

      expect(Math.max(...blocks.map((block) => block.length))).toBeLessThan(16_000)
      const without = (long: string) => long.replace(/\s+/g, '').length
      expect(without(blocks.join(''))).toBeGreaterThanOrEqual(without(text))
      if (process.env.SHOW_TIMES) console.log(name, Math.round(took), 'ms', blocks.length)
      // A bound for hangs, far above what it takes.
      expect(took).toBeLessThan(10_000)
    })

  it('of code stays one block, for code is drawn as it is', () => {
    const code = fill((n) => `print(${n})\n`)
    const blocks = blockCutter()(`\`\`\`python\n${code}\`\`\`\n`)

    expect(blocks).toHaveLength(1)
    expect(fenceOf(blocks[0] ?? '')).toEqual({ code: code.trimEnd(), language: 'python' })
  })

  it('repeats the head of a table above each of its pieces', () => {
    const blocks = blockCutter()(SHAPES.table ?? '')
    expect(blocks.length).toBeGreaterThan(50)
    for (const block of blocks) expect(block.startsWith('| 项目 | 2024 | 2023 |\n| --- |')).toBe(true)
  })

  it('that streams is not cut anew from its beginning', { timeout: 30_000 }, () => {
    const text = SHAPES.paragraphs ?? ''
    const cut = blockCutter()
    const started = performance.now()
    for (let at = 0; at <= text.length; at += 1000) cut(text.slice(0, at))
    const took = performance.now() - started

    expect(cut(text)).toEqual(blockCutter()(text))
    if (process.env.SHOW_TIMES) console.log('streamed', Math.round(took), 'ms')
    expect(took).toBeLessThan(20_000)
  })
})
