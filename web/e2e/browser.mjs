// What the tests in a browser share: Chromium, the mock server, and how somebody signs in and asks.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'

export const BOX = '[data-testid=composer] textarea'

export function must(condition, sentence) {
  if (!condition) throw new Error(sentence)
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.SEPTET_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

/** The mock server on a free port, with a password that nobody else has. `speed` below 1 makes its pauses shorter. */
export async function startMock({ speed = 0.3, n_old = 0 } = {}) {
  const password = randomBytes(9).toString('base64url')
  const mock = spawn(process.execPath, ['dev/mock.mjs'], {
    env: {
      ...process.env,
      PORT: '0',
      SEPTET_PASSWORD: password,
      MOCK_SPEED: String(speed),
      ...(n_old > 0 && { MOCK_OLD: String(n_old) }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(mock.stdout, 'data')
  const url = /http:\S+/.exec(said.toString())[0]
  return { url, password, stop: () => mock.kill() }
}

/** Fills the sign-in page that is open. */
export async function signIn(page, password, email = 'admin@example.com') {
  await page.fill('input[name=email]', email)
  await page.fill('input[name=password]', password)
  await page.click('button[type=submit]')
}

/** Sees the seconds in these words become fewer, however slow the machine is. Returns how many they were at first. */
export async function countsDown(words) {
  // In either language: the page may be about to change to the other one.
  const left = async () => Number(/(\d+) (?:秒|second)/.exec(await words.innerText())?.[1])
  const first = await left()
  must(first > 0, 'no seconds to go')
  const until = Date.now() + 10_000
  let now = first
  while (!(now < first)) {
    must(Date.now() < until, 'the seconds do not count down')
    await words.page().waitForTimeout(100)
    now = await left()
  }
  return first
}

export async function ask(page, text) {
  await page.fill(BOX, text)
  await page.press(BOX, 'Enter')
}

export const pdf = (name, content) => ({
  name,
  mimeType: 'application/pdf',
  buffer: Buffer.from(content),
})

/** Hands a document to the message box. */
export const attach = (page, name, content) =>
  page.setInputFiles('[data-testid=composer] input[type=file]', pdf(name, content))

/** What axe complains of on the page as it is, one sentence each. */
export async function violations(page) {
  const found = await new AxeBuilder({ page })
    // A sheet that is still loading would be read again and put into a style element, which the page's policy refuses.
    .options({ preload: false })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    // There are no frames, and the other mode opens a page of its own for each scan.
    .setLegacyMode()
    .analyze()
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes
      .slice(0, 4)
      .map((node) => `${id}: ${help}\n    ${node.target.join(' ')} ${node.any[0]?.message ?? ''}`),
  )
}
