import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

const server = process.env.SEPTET_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
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
  test: { environment: 'happy-dom', include: ['test/**/*.test.{ts,tsx}'] },
})
