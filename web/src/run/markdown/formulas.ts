// Finds formulas in the ways that models write them: $..$, $$..$$, \(..\) and \[..\].
//
// Answers about money are full of dollar signs, so a single $ opens a formula only the way Pandoc has it: no space
// after the first, none before the second, no digit after the second. Code is left as it is.

import type { TokenizerAndRendererExtension } from 'marked'

/** Whether there may be a formula; if not, nothing needs to be loaded. */
export const mayHaveFormula = (text: string) => /\$|\\[([]/.test(text)

const CODE =
  /(?<code>^ {0,3}(?<fence>`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\k<fence>[`~]*\s*$|$(?![\s\S]))|(?<ticks>`+)(?!`)[^`][\s\S]*?(?<!`)\k<ticks>(?!`))/
const ESCAPED = /(?<escaped>\\\\|\\\$)/
const DOUBLE = /\$\$(?<double>[^$]+?)\$\$/
const SINGLE = /(?<![\w$])\$(?=[^\s$])(?<single>[^$\n]*?[^\s$\\]|[^\s$\\])\$(?![\d$])/
const ROUND = /\\\((?<round>[\s\S]+?)\\\)/
const SQUARE = /\\\[(?<square>[\s\S]+?)\\\]/
const ANY = new RegExp(
  [CODE, ESCAPED, DOUBLE, ROUND, SQUARE, SINGLE].map((one) => one.source).join('|'),
  'gm',
)

/** The same text with every formula as `$$..$$`: on a line of its own where it stands alone, inside of the text else. */
export function withFormulas(text: string): string {
  return text.replace(ANY, (whole, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>
    const at = rest.at(-3) as number
    if (groups.code !== undefined || groups.escaped !== undefined) return whole
    const formula = (groups.double ?? groups.round ?? groups.square ?? groups.single ?? '').trim()
    if (formula === '' || /\n\s*\n/.test(formula)) return whole
    const before = text.slice(text.lastIndexOf('\n', at - 1) + 1, at)
    const after = text.slice(at + whole.length).split('\n', 1)[0] ?? ''
    const alone = before.trim() === '' && after.trim() === ''
    if (groups.square !== undefined || (groups.double !== undefined && alone))
      return before.trim() === '' ? `$$\n${formula}\n${before}$$` : ` $$${formula}$$ `
    return `$$${formula.replace(/\n/g, ' ')}$$`
  })
}

/** A formula on lines of its own is one block, whatever its lines look like: `+ b` is no list there. */
export const formulaBlock: TokenizerAndRendererExtension = {
  name: 'formula',
  level: 'block',
  start: (source) => /^ {0,3}(?:\$\$|\\\[)/m.exec(source)?.index,
  tokenizer(source) {
    const found = /^ {0,3}(?:\$\$(?:(?!\n\n)[^$])+\$\$|\\\[(?:(?!\n\n)[\s\S])+?\\\])[ \t]*(?:\n+|$)/.exec(
      source,
    )
    return found ? { type: 'formula', raw: found[0], text: found[0] } : undefined
  },
}
