// Every page in both languages, light and dark, on a telephone and on a desk: nothing that axe complains of, nothing
// that scrolls sideways. Driven against the mock server, which it starts. With SEPTET_SHOTS it leaves pictures;
// SEPTET_ONLY='zh dark desk' looks at those alone.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'

const PORT = Number(process.env.MOCK_PORT ?? 8097)
const PASSWORD = randomBytes(9).toString('base64url')
const URL = `http://127.0.0.1:${PORT}`
const SHOTS = process.env.SEPTET_SHOTS
const BOX = '.composer textarea'
if (SHOTS) mkdirSync(SHOTS, { recursive: true })

const mock = spawn(process.execPath, ['dev/mock.mjs'], {
  env: { ...process.env, PORT: String(PORT), SEPTET_PASSWORD: PASSWORD, MOCK_SPEED: '0.2', MOCK_OLD: '40' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
await new Promise((resolve) => mock.stdout.once('data', resolve))
const browser = await chromium.launch({
  executablePath: process.env.SEPTET_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
})

const complaints = []
let n_scans = 0
/** What a scan finds is only told at the end, so that one run shows everything. */
async function scan(page, where) {
  n_scans += 1
  // A tooltip under the pointer is no part of the page.
  await page.mouse.move(3, 3)
  await page.waitForTimeout(250)
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${where.replaceAll(/\W+/g, '-')}.png`) })
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  for (const { id, help, nodes } of violations)
    for (const node of nodes.slice(0, 3))
      complaints.push(`${where}: ${id}: ${help}\n    ${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  if (wide > 0) complaints.push(`${where}: the page scrolls sideways by ${wide} px`)
}

async function signIn(page, email = 'admin@example.com') {
  await page.goto(URL)
  await page.fill('input[name=email]', email)
  await page.fill('input[name=password]', PASSWORD)
  await page.click('button[type=submit]')
  await page.locator('.top').waitFor()
}

const context = (language, scheme, [width, height]) =>
  browser.newContext({ viewport: { width, height }, locale: language, colorScheme: scheme })

/** What there is to be looked at: a question with its answer, formulas, and documents of which one is broken. */
let answered = ''
let formulas = ''
async function prepare() {
  const page = await (await context('zh-CN', 'light', [1440, 900])).newPage()
  await signIn(page)
  const upload = (name, text) =>
    page.setInputFiles('.composer input[type=file]', {
      name,
      mimeType: 'application/pdf',
      buffer: Buffer.from(text),
    })
  await upload('年报.pdf', '%PDF-1.7 fine')
  await page.locator('.upload[data-phase=ready]').waitFor({ timeout: 30_000 })
  await upload('flaky.pdf', 'no pdf')
  await page.locator('.upload[data-phase=failed]').waitFor({ timeout: 30_000 })
  const ask = async (text) => {
    await page.fill(BOX, text)
    await page.press(BOX, 'Enter')
    await page.locator('.turn[data-status=completed] .actions').last().waitFor({ timeout: 60_000 })
    return new globalThis.URL(page.url()).pathname
  }
  answered = await ask('帮我分析财报')
  await page.keyboard.press('Control+k')
  await page.locator('.welcome').waitFor()
  formulas = await ask('公式')
  await page.context().close()
}

const pages = {
  welcome: async (page) => {
    await page.goto(`${URL}/chat`)
    await page.locator('.suggestion').first().waitFor()
  },
  answer: async (page) => {
    await page.goto(URL + answered)
    await page.locator('.turn .actions').waitFor()
    await page.locator('.prose .cite').first().waitFor()
  },
  citation: async (page) => {
    await page.locator('.prose .cite').first().hover()
    await page.locator('.cite-card').waitFor()
  },
  formulas: async (page) => {
    await page.goto(URL + formulas)
    await page.locator('.katex').first().waitFor()
  },
  knowledge: async (page) => {
    await page.goto(`${URL}/knowledge`)
    await page.locator('.row').first().waitFor()
  },
  'new base': async (page) => {
    await page.locator('.knowledge-head button').click()
    await page.locator('[role=dialog] input').waitFor()
  },
  account: async (page) => {
    await page.goto(`${URL}/account`)
    await page.locator('input[name=new-password]').waitFor()
  },
  lost: async (page) => {
    await page.goto(`${URL}/chat/a/b/c`)
    await page.locator('.lost').waitFor()
  },
}

try {
  await prepare()
  for (const [language, speech] of [
    ['zh-CN', 'zh'],
    ['en-GB', 'en'],
  ])
    for (const scheme of ['light', 'dark'])
      for (const [device, size] of [
        ['desk', [1440, 900]],
        ['telephone', [390, 844]],
      ]) {
        const where = `${speech} ${scheme} ${device}`
        if (!where.includes(process.env.SEPTET_ONLY ?? '')) continue
        const opened = await context(language, scheme, size)
        const page = await opened.newPage()
        page.on('pageerror', (error) => complaints.push(`${where}: the page threw: ${error.message}`))
        page.on('console', (message) => {
          if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
            complaints.push(`${where}: the console says: ${message.text()}`)
        })
        await page.goto(URL)
        await page.locator('input[name=email]').waitFor()
        await scan(page, `${where} sign-in`)
        await signIn(page)
        for (const [name, open] of Object.entries(pages)) {
          await open(page)
          await scan(page, `${where} ${name}`)
        }
        if (device === 'telephone') {
          await page.goto(`${URL}/chat`)
          await page.locator('.top button').first().click()
          await page.locator('.rail .history .entry').first().waitFor()
          await scan(page, `${where} menu`)
        }
        await opened.close()
      }
  const reader = await context('en-GB', 'light', [1440, 900])
  const page = await reader.newPage()
  await signIn(page, 'viewer@example.com')
  await page.locator('.read-only').waitFor()
  await scan(page, 'en light desk viewer')
  await page.goto(`${URL}/knowledge`)
  await page.locator('.row').first().waitFor()
  for (const offered of [
    '.knowledge-head button',
    '.base-page header button',
    '.row button',
    '.entry-more',
    BOX,
  ])
    if (await page.locator(offered).count()) complaints.push(`a viewer is offered ${offered}`)
  await scan(page, 'en light desk viewer knowledge')
} catch (error) {
  complaints.push(error.message)
}
await browser.close()
mock.kill()
if (complaints.length > 0) {
  console.error(`FAILED\n  ${complaints.join('\n  ')}`)
  process.exit(1)
}
console.log(`${n_scans} pages without a complaint`)
