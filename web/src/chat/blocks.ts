// Cuts streamed markdown into blocks, so that only the block still growing is drawn again.

import { type Links, marked } from 'marked'
import remend from 'remend'

type Cut = { text: string; blocks: string[] }

/**
 * A cutter that remembers. Text that only grew is lexed from its last two blocks on: the last is
 * growing, and the one before may still merge with it (a list after a blank line, a lazy quote).
 */
export function blockCutter(): (text: string) => string[] {
  let last: Cut = { text: '', blocks: [] }
  return (text) => {
    if (text === last.text) return last.blocks
    const grew = last.text !== '' && text.startsWith(last.text)
    const kept = grew ? last.blocks.slice(0, -2) : []
    const offset = kept.reduce((sum, block) => sum + block.length, 0)
    last = { text, blocks: [...kept, ...lex(text.slice(offset))] }
    return last.blocks
  }
}

function lex(text: string): string[] {
  const blocks: string[] = []
  const tokens = marked.lexer(text, { gfm: true }) as { raw: string; type: string }[] & { links?: Links }
  // Link definitions and footnotes work across blocks; such a text stays whole.
  if (tokens.some((token) => token.type === 'def')) return [text]
  for (const token of tokens) {
    if (token.type === 'space' && blocks.length > 0) blocks[blocks.length - 1] += token.raw
    else blocks.push(token.raw)
  }
  // The lexer normalises line ends and tabs; if anything got lost the cut would shift.
  return blocks.join('') === text ? blocks : [text]
}

/** Closes what the stream has only opened (bold, code), and hides a marker that is half there. */
export function mend(block: string): string {
  return remend(block.replace(/[[【][\d\s,，、]*$/, ''), { links: false, images: false, katex: false })
}
