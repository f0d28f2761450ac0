// Everything that can go wrong, in words, in both languages: driven against the mock server, which it starts.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chromium } from 'playwright-core'

const PORT = 8098
const PASSWORD = randomBytes(9).toString('base64url')
const URL = `http://127.0.0.1:${PORT}`
const mock = spawn(process.execPath, ['dev/mock.mjs'], {
  env: { ...process.env, PORT: String(PORT), SEPTET_PASSWORD: PASSWORD, MOCK_SPEED: '0.3' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
await new Promise((resolve) => mock.stdout.once('data', resolve))
const browser = await chromium.launch({
  executablePath: process.env.SEPTET_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
})
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })

const BOX = '.composer textarea'
const must = (condition, sentence) => {
  if (!condition) throw new Error(sentence)
}
async function says(selector, chinese, english) {
  const found = page.locator(selector).last()
  for (const [button, words] of [
    ['中文', chinese],
    ['EN', english],
  ]) {
    await page.locator('.language label', { hasText: button }).click()
    await found.waitFor({ timeout: 15_000 })
    await page
      .locator(selector, { hasText: words })
      .last()
      .waitFor({ timeout: 5000 })
      .catch(async () => {
        throw new Error(`expected "${words}", it says "${await found.innerText()}"`)
      })
  }
  await page.locator('.language label', { hasText: '中文' }).click()
}
async function ask(text) {
  await page.locator('.new-chat').click()
  await page.locator('.welcome').waitFor()
  await page.fill(BOX, text)
  await page.press(BOX, 'Enter')
}
async function signIn() {
  await page.fill('input[name=email]', 'admin@example.com')
  await page.fill('input[name=password]', PASSWORD)
  await page.click('button[type=submit]')
  await page.locator(BOX).waitFor()
}
const upload = (name, buffer) =>
  page.setInputFiles('.composer input[type=file]', {
    name,
    mimeType: 'application/pdf',
    buffer: Buffer.from(buffer),
  })
const remove = () => page.locator('.upload .upload-row button').last().click()

const cases = {
  async 'no documents yet'() {
    await says('.bare', '还没有文档', 'no documents')
  },
  async 'a payment that is due'() {
    await ask('欠费')
    await says('.failure', '充值', 'top it up')
    must((await page.locator('.failure button').count()) === 1, 'a refused question cannot be asked again')
  },
  async 'a rate limit'() {
    await ask('限流')
    await says('.failure', '等待 12 秒', 'Wait 12 seconds')
  },
  async 'an unknown model'() {
    await ask('没有模型')
    await says('.failure', '另选一个', 'Choose another one')
  },
  async 'a model that is down'() {
    await ask('模型断开')
    await says('.failure', '无法连接模型服务', 'cannot be reached')
    must(
      (await page.locator('.run [data-run-status=failed]').count()) === 1,
      'the run panel does not say that it failed',
    )
  },
  async 'code that runs too long'() {
    await ask('超时')
    await says('.tool-failure', '超过了允许的运行时间', 'ran longer than allowed')
  },
  async 'an empty file'() {
    await page.locator('.new-chat').click()
    await upload('empty.pdf', '')
    await says('.upload-error', '空的', 'is empty')
    await remove()
  },
  async 'a PDF with a password'() {
    await upload('locked.pdf', '%PDF-1.7 /Encrypt')
    await says('.upload-error', '设有密码', 'protected by a password')
    await remove()
  },
  async 'a broken PDF'() {
    await upload('broken.pdf', 'no pdf')
    await says('.upload-error', '已损坏', 'damaged')
    await remove()
  },
  async 'a file that is too large'() {
    await upload('large.pdf', Buffer.alloc(21_000_000))
    await says('.upload-error', '文件或请求太大', 'larger than the server takes')
    await remove()
  },
  async 'a session that ends while an answer is written'() {
    await ask('帮我分析财报')
    await page.locator('.tool').first().waitFor()
    await page.evaluate(() => fetch('/mock/expire', { method: 'POST' }))
    await page.evaluate(() => fetch('/mock/drop', { method: 'POST' }))
    await page.locator('input[name=email]').waitFor({ timeout: 20_000 })
    await says('.login-card [role=status]', '登录已过期', 'session has ended')
    await signIn()
    await page.locator('.turn[data-status=completed] .actions').waitFor({ timeout: 30_000 })
    must((await page.locator('.turn .prose').count()) === 1, 'the answer is there twice')
  },
  async 'a token that expires is renewed without a word'() {
    await page.evaluate(() => fetch('/mock/expire-token', { method: 'POST' }))
    await ask('帮我分析财报')
    await page.locator('.turn[data-status=completed] .actions').waitFor({ timeout: 30_000 })
  },
  async 'a server that is gone'() {
    await page.route('**/v1/conversations', (route) => route.abort())
    await ask('帮我分析财报')
    await says('.failure', '无法连接服务器', 'cannot be reached')
    await page.unroute('**/v1/conversations')
    await page.locator('.failure button').click()
    await page.locator('.turn[data-status=completed] .actions').waitFor({ timeout: 30_000 })
    must((await page.locator('.turn').count()) === 1, 'asking again left the failed question behind')
  },
  async 'Enter while Chinese is being composed'() {
    await page.locator('.new-chat').click()
    await page.fill(BOX, 'bang')
    await page.dispatchEvent(BOX, 'keydown', { key: 'Enter', isComposing: true })
    must(
      (await page.locator('.turn').count()) === 0,
      'Enter sent the text while the input method was composing',
    )
  },
  async 'Esc stops a run'() {
    await ask('帮我分析财报')
    await page.locator('.tool').first().waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.turn[data-status=cancelled]').waitFor({ timeout: 15_000 })
  },
}

let failed = false
try {
  await page.goto(URL)
  await signIn()
  for (const [name, run] of Object.entries(cases)) {
    await run().catch((error) => {
      throw new Error(`${name}: ${error.message}`)
    })
    console.log(`ok  ${name}`)
  }
} catch (error) {
  failed = true
  console.error(`FAILED ${error.message}`)
  if (process.env.SEPTET_SHOTS)
    await page.screenshot({ path: `${process.env.SEPTET_SHOTS}/errors-failed.png` })
}
await browser.close()
mock.kill()
process.exit(failed ? 1 : 0)
