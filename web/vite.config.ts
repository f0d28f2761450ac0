import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const server = process.env.SEPTET_URL ?? 'http://127.0.0.1:7700'

/** Every browser that the console supports reads woff2; the two older forms of KaTeX's fonts would only lie in the binary. */
const woff2Only: Plugin = {
  name: 'woff2-only',
  enforce: 'pre',
  transform: (code, id) =>
    /katex(\.min)?\.css/.test(id)
      ? code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'][a-z]+["']\)/g, '')
      : undefined,
}

export default defineConfig({
  plugins: [react(), woff2Only],
  // In a browser it parses with the page's own parser, which would report every style attribute of a formula to the
  // content policy; the other parser makes the same tree.
  resolve: {
    alias: {
      'hast-util-from-html-isomorphic': fileURLToPath(
        new URL('node_modules/hast-util-from-html-isomorphic/lib/index.js', import.meta.url),
      ),
    },
  },
  // `.new-chat` in a sheet is `styles.newChat` in the page.
  css: { modules: { localsConvention: 'camelCaseOnly' } },
  build: {
    // Lightning CSS rewrites `light-dark()` into variables that need a literal
    // `color-scheme`; Mantine sets it through a variable, so colours would vanish.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The console's policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    manifest: 'manifest.json',
  },
  server: { proxy: { '/v1': server, '/api': server } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'] },
})
