// @vitest-environment node
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BUDGET, firstLoad } from '../scripts/budget.mjs'

const built = existsSync('dist/manifest.json')
if (!built) console.error('skipped: the budget needs a build (npm run build)')

it.runIf(built)('the first load of the chat stays within its budget', () => {
  const found = firstLoad()
  expect(found.js).toBeLessThanOrEqual(BUDGET.js)
  expect(found.css).toBeLessThanOrEqual(BUDGET.css)
  expect(found.requests).toBeLessThanOrEqual(BUDGET.requests)
})
