// Cuts streamed markdown into blocks, so that only the block still growing is drawn again, and so that no
// block is larger than can be drawn at once: an answer of hundreds of kilobytes is drawn piece by piece.

import { Lexer, Marked } from 'marked'
import remend from 'remend'
import { formulaBlock } from './formulas'

/** Beyond this many characters a block is cut at a place where it does not hurt. */
const LARGE = 6000

type Token = { raw: string; type: string; items?: { raw: string }[]; ordered?: boolean; start?: number | '' }
type Cut = { text: string; tokens: string[]; blocks: string[] }

const options = new Marked({ gfm: true, extensions: [formulaBlock] }).defaults

/**
 * A cutter that remembers. Text that only grew is lexed from its last two blocks on: the last is
 * growing, and the one before may still merge with it (a list after a blank line, a lazy quote).
 */
export function blockCutter(): (text: string) => string[] {
  let last: Cut = { text: '', tokens: [], blocks: [] }
  const pieces = new Map<string, string[]>()
  return (given) => {
    const text = given.replace(/\r\n?/g, '\n')
    if (text === last.text) return last.blocks
    const grew = last.text !== '' && text.startsWith(last.text)
    const kept = grew ? last.tokens.slice(0, -2) : []
    const offset = kept.reduce((sum, token) => sum + token.length, 0)
    const { tokens, definitions } = lex(text.slice(offset))
    const all = [...kept, ...tokens]
    const blocks = all.flatMap((token) => {
      if (token.length <= LARGE) return [token]
      const known = pieces.get(token) ?? pieces_of(token)
      pieces.set(token, known)
      return known
    })
    last = {
      text,
      tokens: all,
      blocks: definitions ? blocks.map((block) => withLinks(block, definitions)) : blocks,
    }
    // A definition may change what was drawn long before, so nothing may be kept then.
    if (definitions) last.tokens = [text]
    if (pieces.size > 50) pieces.clear()
    return last.blocks
  }
}

function lex(text: string): { tokens: string[]; definitions: Map<string, string> | null } {
  const definitions = new Map<string, string>()
  const tokens: string[] = []
  for (const part of parts(text)) {
    // Code, and what is far too large for the lexer: both are cut by their lines alone.
    const raws = part.length > 4 * LARGE ? [part] : blocksOf(part, definitions)
    tokens.push(...raws)
  }
  return { tokens, definitions: definitions.size > 0 ? definitions : null }
}

function blocksOf(text: string, definitions: Map<string, string>): string[] {
  // Only blocks: what stands inside of them is the drawing's to read.
  const found = new Lexer(options).blockTokens(text) as Token[]
  const raws: string[] = []
  for (const token of found) {
    if (token.type === 'def') definitions.set(labelOf(token.raw), token.raw.trim())
    if (token.type === 'space' && raws.length > 0) raws[raws.length - 1] += token.raw
    else raws.push(token.raw)
  }
  // The lexer normalises some white space; if anything got lost the cut would shift.
  return raws.join('') === text ? raws : paragraphs(text)
}

/**
 * A long text in parts that are lexed one by one, for the lexer's work grows with the square of its text. A part ends
 * where a line begins that cannot belong to what is above: no list, no quote, nothing indented.
 */
function parts(text: string): string[] {
  if (text.length <= 2 * LARGE) return [text]
  const found: string[] = []
  for (const block of paragraphs(text)) {
    const last = found.at(-1)
    const stands = /^[^\s\-*+\d>|]/.test(block) || block.length > LARGE
    if (last !== undefined && !(stands && last.length > LARGE) && last.length + block.length <= 4 * LARGE)
      found[found.length - 1] = last + block
    else found.push(block)
  }
  return found
}

const labelOf = (definition: string) => (/^\s*\[([^\]]+)\]/.exec(definition)?.[1] ?? '').toLowerCase()

/** Link definitions and footnotes work across blocks, so each block gets those that it names. */
function withLinks(block: string, definitions: Map<string, string>): string {
  const named = new Set<string>()
  for (const found of block.matchAll(/\[([^\][]{1,200})\]/g)) {
    const label = (found[1] ?? '').toLowerCase()
    if (definitions.has(label)) named.add(label)
  }
  for (const label of named)
    if (block.trim() === definitions.get(label)) return block.startsWith('[^') ? '' : block
  return named.size === 0
    ? block
    : `${block}\n\n${[...named].map((label) => definitions.get(label)).join('\n')}\n`
}

/** Blocks by blank lines alone, with code kept together. */
function paragraphs(text: string): string[] {
  const blocks: string[] = []
  let fence = ''
  let block = ''
  for (const line of text.split(/(?<=\n)/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? ''
    const closes = fence !== '' && line.trim().startsWith(fence)
    if (closes) fence = ''
    else if (mark && !fence) fence = mark
    block += line
    if (closes || (!fence && line.trim() === '')) {
      blocks.push(block)
      block = ''
    }
  }
  return block === '' ? blocks : [...blocks, block]
}

/** A block that is too large to be drawn at once, in several that look the same one below the other. */
function pieces_of(token: string): string[] {
  if (fenceOf(token)) return [token]
  const lines = token.split(/(?<=\n)/)
  const isRule = (line: string | undefined) => line !== undefined && /^[\s|:-]*-[\s|:-]*$/.test(line)
  const table = lines.findIndex((line, at) => at < 20 && line.includes('|') && isRule(lines[at + 1]))
  const head = table < 0 ? '' : lines.slice(table, table + 2).join('')
  const pieces = table > 0 ? [lines.slice(0, table).join('')] : []
  let piece = ''
  for (const line of table < 0 ? lines : lines.slice(table + 2)) {
    for (const part of line.length > LARGE && table < 0 ? sentences(line) : [line]) {
      // A list is cut between its items, never inside of one unless that one is large itself.
      const mayCut = !/^\s+\S/.test(part) || piece.length > 2 * LARGE
      if (piece !== '' && piece.length + part.length > LARGE && mayCut) {
        pieces.push(head + piece)
        piece = ''
      }
      piece += part
    }
  }
  return piece === '' ? pieces : [...pieces, head + piece]
}

/** A line without end, cut after sentences, else after words, else anywhere. */
function sentences(line: string): string[] {
  return line.match(/[\s\S]{1,5000}(?:[。！？；.!?;\s]|$)|[\s\S]{1,5000}/g) ?? [line]
}

/** The code and language of a block that is nothing but fenced code, closed or still growing. */
export function fenceOf(block: string): { code: string; language: string } | null {
  const open = /^ {0,3}(`{3,}|~{3,})([^\n`]*)\n/.exec(block)
  if (!open) return null
  const body = block.slice(open[0].length).trimEnd()
  const close = new RegExp(`^ {0,3}${open[1]}[\`~]*[ \\t]*$`, 'm').exec(body)
  // Something follows the code: it is not all of the block.
  if (close && close.index + close[0].length < body.length) return null
  const code = close ? body.slice(0, Math.max(0, close.index - 1)) : body
  return { code, language: (open[2] ?? '').trim().split(/\s/)[0] ?? '' }
}

/** Closes what the stream has only opened (bold, code), and hides a marker that is half there. */
export function mend(block: string): string {
  return remend(block.replace(/[[【][\d\s,，、]*$/, ''), { links: false, images: false, katex: false })
}
