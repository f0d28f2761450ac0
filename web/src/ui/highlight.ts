// Code colours, loaded when the first code block is drawn.

import { useEffect, useState } from 'react'

type Painter = (code: string, language: string) => string | null
/** Longer code stays without colours: painting it would hold the page up. */
const MOST_CHARS = 40_000

let loading: Promise<Painter> | null = null

function load(): Promise<Painter> {
  loading ??= Promise.all([
    import('highlight.js/lib/core'),
    import('highlight.js/lib/languages/python'),
    import('highlight.js/lib/languages/sql'),
    import('highlight.js/lib/languages/json'),
    import('highlight.js/lib/languages/bash'),
    import('highlight.js/lib/languages/javascript'),
  ]).then(([{ default: hljs }, python, sql, json, bash, javascript]) => {
    hljs.registerLanguage('python', python.default)
    hljs.registerLanguage('sql', sql.default)
    hljs.registerLanguage('json', json.default)
    hljs.registerLanguage('bash', bash.default)
    hljs.registerLanguage('javascript', javascript.default)
    hljs.registerAliases(['py'], { languageName: 'python' })
    hljs.registerAliases(['sh', 'shell'], { languageName: 'bash' })
    hljs.registerAliases(['js', 'ts', 'typescript'], { languageName: 'javascript' })
    return (code, language) =>
      code.length <= MOST_CHARS && hljs.getLanguage(language)
        ? hljs.highlight(code, { language }).value
        : null
  })
  return loading
}

/**
 * Coloured HTML of a piece of code and what of it is not coloured yet. Code that grows keeps the
 * colours of its beginning while the new end is painted.
 */
export function useHighlighted(code: string, language: string): { html: string; rest: string } {
  const [painted, setPainted] = useState({ code: '', html: '' })
  useEffect(() => {
    let gone = false
    load()
      .then((paint) => {
        const html = paint(code, language)
        if (!gone && html !== null) setPainted({ code, html })
      })
      // Without colours the code is still readable.
      .catch(() => undefined)
    return () => {
      gone = true
    }
  }, [code, language])
  return code.startsWith(painted.code)
    ? { html: painted.html, rest: code.slice(painted.code.length) }
    : { html: '', rest: code }
}
