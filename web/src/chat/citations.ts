// Turns `[1]` in the text of an answer into a node that is drawn as a citation chip.

type Node = { type: string; value?: string; children?: Node[]; data?: unknown }

const MARKER = /[[【](\d{1,3})[\]】]/g

function split(text: string): Node[] {
  const nodes: Node[] = []
  let from = 0
  for (const found of text.matchAll(MARKER)) {
    if (found.index > from) nodes.push({ type: 'text', value: text.slice(from, found.index) })
    // `<data value>` is an element that markdown itself never makes.
    nodes.push({
      type: 'citation',
      data: { hName: 'data', hProperties: { value: found[1] } },
      children: [],
    })
    from = found.index + found[0].length
  }
  if (from < text.length) nodes.push({ type: 'text', value: text.slice(from) })
  return nodes
}

export function remarkCitations() {
  const visit = (node: Node) => {
    if (!node.children) return
    node.children = node.children.flatMap((child) => {
      if (child.type === 'text' && child.value && MARKER.test(child.value)) {
        MARKER.lastIndex = 0
        return split(child.value)
      }
      MARKER.lastIndex = 0
      if (child.type !== 'link') visit(child)
      return [child]
    })
  }
  return (tree: unknown) => visit(tree as Node)
}
