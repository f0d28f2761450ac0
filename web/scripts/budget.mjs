// Fails when the first load of the chat has grown beyond its budget. Sizes are gzip -9 of the built files.
//
// Counted: everything the page needs before the first word can be typed, with the larger of the two
// languages. Code colours come later, with the first code block, and are told apart.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

export const BUDGET = { js: 280_000, css: 40_000, requests: 20 }

/** Sizes in bytes of what the chat loads first, from a build in `dist`. */
export function firstLoad(dist = 'dist') {
  const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'))
  const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length
  const seen = new Set()
  const files = { js: new Set(), css: new Set() }
  const follow = (key) => {
    if (seen.has(key)) return
    seen.add(key)
    const chunk = manifest[key]
    files.js.add(chunk.file)
    for (const css of chunk.css ?? []) files.css.add(css)
    for (const next of chunk.imports ?? []) follow(next)
  }
  follow('index.html')
  const languages = ['src/i18n/en.ts', 'src/i18n/zh.ts'].map((key) => size(manifest[key].file))
  const sum = (set) => [...set].reduce((total, file) => total + size(file), 0)
  return {
    js: sum(files.js) + Math.max(...languages) + size('scheme.js'),
    css: sum(files.css),
    // The page itself, the icon, the language and the scheme script come on top of the chunks.
    requests: files.js.size + files.css.size + 4,
  }
}

if (process.argv[1]?.endsWith('budget.mjs')) {
  const found = firstLoad()
  let failed = false
  for (const [name, limit] of Object.entries(BUDGET)) {
    const ok = found[name] <= limit
    failed ||= !ok
    console.log(`${ok ? 'ok  ' : 'OVER'} ${name}: ${found[name]} of ${limit}`)
  }
  process.exit(failed ? 1 : 0)
}
