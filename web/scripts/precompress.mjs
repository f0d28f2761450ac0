// Writes .br and .gz beside every text file of dist, so that the server compresses nothing.
// index.html stays plain: the server writes a fresh nonce into each copy it sends.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const TEXT = /\.(js|css|svg|json|txt|webmanifest)$/
let n_files = 0
for (const entry of readdirSync('dist', { recursive: true })) {
  const path = join('dist', entry)
  if (!TEXT.test(path) || !statSync(path).isFile()) continue
  const bytes = readFileSync(path)
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  )
  n_files += 1
}
console.log(`compressed ${n_files} files`)
