// Turns `[1]` in the text of an answer into a node that is drawn as a citation chip.

type Node = { type: string; value?: string; children?: Node[]; data?: unknown }

// `[1]`, `[2, 3]` and the full-width forms that Chinese models like.
const MARKER = /[[【]\s*(\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)\s*[\]】]/g

/** The numbers of all markers in a text, in order, with repeats. */
export const markersIn = (text: string): number[] =>
  [...text.matchAll(MARKER)].flatMap((found) => numbers(found[1] ?? ''))

const numbers = (list: string) => (list.match(/\d+/g) ?? []).map(Number)

function split(text: string): Node[] {
  const nodes: Node[] = []
  let from = 0
  for (const found of text.matchAll(MARKER)) {
    if (found.index > from) nodes.push({ type: 'text', value: text.slice(from, found.index) })
    // `<data value>` is an element that markdown itself never makes.
    for (const number of numbers(found[1] ?? ''))
      nodes.push({ type: 'citation', data: { hName: 'data', hProperties: { value: number } }, children: [] })
    from = found.index + found[0].length
  }
  if (from < text.length) nodes.push({ type: 'text', value: text.slice(from) })
  return nodes
}

/** A remark plugin. Text inside links and code stays as it is. */
export function remarkCitations() {
  const visit = (node: Node) => {
    if (!node.children) return
    node.children = node.children.flatMap((child) => {
      if (child.type === 'text' && child.value) return split(child.value)
      if (child.type !== 'link') visit(child)
      return [child]
    })
  }
  return (tree: unknown) => visit(tree as Node)
}
