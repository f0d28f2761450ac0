// Every page: nothing that axe complains of, nothing that scrolls sideways. Driven against the mock server.
//
//   npm run e2e:pages              four looks in which every two of language, colours and device meet
//   npm run e2e:pages -- all       all eight
//   npm run e2e:pages -- 'zh dark desk'
//
// With SEPTET_SHOTS it leaves pictures.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ask, attach, BOX, launch, pdf, signIn, startMock, violations } from './browser.mjs'

const SHOTS = process.env.SEPTET_SHOTS
if (SHOTS) mkdirSync(SHOTS, { recursive: true })
const WANTED = process.argv[2] ?? ''

const DESK = ['desk', [1440, 900]]
const TELEPHONE = ['telephone', [390, 844]]
const LOOKS = [
  ['zh', 'light', DESK],
  ['zh', 'dark', TELEPHONE],
  ['en', 'light', TELEPHONE],
  ['en', 'dark', DESK],
  ['zh', 'light', TELEPHONE],
  ['zh', 'dark', DESK],
  ['en', 'light', DESK],
  ['en', 'dark', TELEPHONE],
].map(([language, scheme, [device, size]]) => ({
  name: `${language} ${scheme} ${device}`,
  telephone: device === 'telephone',
  context: {
    viewport: { width: size[0], height: size[1] },
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    colorScheme: scheme,
    reducedMotion: 'reduce',
  },
}))
const looks =
  WANTED === '' ? LOOKS.slice(0, 4) : LOOKS.filter(({ name }) => WANTED === 'all' || name === WANTED)

const mock = await startMock({ speed: 0.2, n_old: 40 })
const browser = await launch()
const complaints = []
let n_scans = 0

/** What a scan finds is only told at the end, so that one run shows everything. */
async function scan(page, where) {
  n_scans += 1
  await page.waitForTimeout(120)
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${where.replaceAll(/\W+/g, '-')}.png`) })
  for (const said of await violations(page)) complaints.push(`${where}: ${said}`)
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  if (wide > 0) complaints.push(`${where}: the page scrolls sideways by ${wide} px`)
}

async function enter(context, email) {
  const page = await context.newPage()
  await page.goto(mock.url)
  await signIn(page, mock.password, email)
  await page.locator('[data-testid=top]').waitFor()
  return page
}

/** What there is to be looked at: documents of which one is broken, a question with its answer, formulas. */
let answered = ''
let many = ''
let formulas = ''
async function prepare() {
  const context = await browser.newContext(LOOKS[0].context)
  const page = await enter(context)
  await page.goto(`${mock.url}/knowledge`)
  await page.locator('[data-testid=knowledge-head] button').click()
  await page.fill('[role=dialog] input', '年报')
  await page.click('[role=dialog] button[type=submit]')
  for (const [name, content] of [
    ['年报.pdf', '%PDF-1.7 fine'],
    ['flaky.pdf', 'no pdf'],
  ])
    await page.setInputFiles('[data-testid=base-page] input[type=file]', pdf(name, content))
  await page.locator('[data-testid=row] [data-testid=upload-error]').waitFor({ timeout: 30_000 })
  await page.click('[data-testid=rail] a[href="/chat"]')
  await attach(page, '附件.pdf', '%PDF-1.7 fine')
  await page.locator('[data-testid=upload][data-phase=ready]').waitFor({ timeout: 30_000 })
  const answerTo = async (question) => {
    await ask(page, question)
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .last()
      .waitFor({ timeout: 60_000 })
    return new URL(page.url()).pathname
  }
  answered = await answerTo('帮我分析财报')
  await page.keyboard.press('Control+k')
  await page.locator('[data-testid=welcome]').waitFor()
  formulas = await answerTo('公式')
  await page.keyboard.press('Control+k')
  await page.locator('[data-testid=welcome]').waitFor()
  many = await answerTo('SQL')
  await context.close()
}

const pages = {
  welcome: async (page) => {
    await page.goto(`${mock.url}/chat`)
    await page.locator('[data-testid=suggestion]').first().waitFor()
  },
  answer: async (page) => {
    await page.goto(mock.url + answered)
    await page.locator('[data-testid=turn] [data-testid=actions]').waitFor()
    await page.locator('[data-testid=prose] [data-testid=cite]').first().waitFor()
  },
  citation: async (page) => {
    await page.locator('[data-testid=prose] [data-testid=cite]').first().hover()
    await page.locator('[data-testid=cite-card]').waitFor()
  },
  formulas: async (page) => {
    await page.mouse.move(3, 3)
    await page.goto(mock.url + formulas)
    await page.locator('.katex').first().waitFor()
  },
  'calls that fail': async (page) => {
    await page.goto(mock.url + many)
    await page.locator('[data-testid=tool][data-failed]').first().waitFor()
  },
  waiting: async (page) => {
    await page.goto(`${mock.url}/chat`)
    await ask(page, '等待')
    await page.locator('[data-testid=thinking]', { hasText: /\d/ }).waitFor()
  },
  draft: async (page) => {
    await page.goto(`${mock.url}/chat`)
    await attach(page, '合同.pdf', '%PDF-1.7 /Encrypt')
    await page.locator('[data-testid=upload-error]').waitFor()
    await page.fill(BOX, '还没有写完')
  },
  'choice of bases': async (page) => {
    await page.locator('[data-testid=composer] [data-testid=pill]').click()
    await page.locator('[role=menu]').waitFor()
  },
  search: async (page, telephone) => {
    await page.goto(`${mock.url}/chat`)
    if (telephone) await page.locator('[data-testid=top] button').first().click()
    await page.fill('[data-testid=history-tools] input', '旧对话 39')
    await page.locator('[data-testid=entry]', { hasText: '旧对话 39' }).waitFor()
  },
  knowledge: async (page) => {
    await page.goto(`${mock.url}/knowledge`)
    await page.locator('[data-testid=row]').first().waitFor()
  },
  'new base': async (page) => {
    await page.locator('[data-testid=knowledge-head] button').click()
    await page.locator('[role=dialog] input').waitFor()
  },
  keys: async (page) => {
    await page.goto(`${mock.url}/keys`)
    await page.getByRole('table').waitFor()
  },
  'new key': async (page) => {
    await page.getByRole('button', { name: /新建密钥|New key/ }).click()
    await page.getByLabel(/^(名称|Name)$/).fill('笔记本 notebook')
    await page.getByLabel(/每分钟请求数|Requests per minute/).fill('0')
    await page.getByText(/1 到 1,000,000|from 1 to 1,000,000/).waitFor()
  },
  'a key that was made': async (page) => {
    await page.getByLabel(/每分钟请求数|Requests per minute/).fill('')
    await page.getByRole('button', { name: /创建密钥|Create key/ }).click()
    await page.getByTestId('secret').waitFor()
  },
  'revoke a key': async (page) => {
    await page.getByRole('button', { name: /我已复制|I have copied it/ }).click()
    await page
      .getByRole('button', { name: /^(吊销|Revoke) .*notebook/ })
      .last()
      .click()
    await page.getByText(/此操作无法撤销|cannot be undone/).waitFor()
  },
  account: async (page) => {
    await page.goto(`${mock.url}/account`)
    await page.locator('input[name=new-password]').waitFor()
  },
  lost: async (page) => {
    await page.goto(`${mock.url}/chat/a/b/c`)
    await page.locator('[data-testid=lost]').waitFor()
  },
}

async function look({ name, telephone, context }) {
  const opened = await browser.newContext(context)
  const outside = await opened.newPage()
  await outside.goto(mock.url)
  await outside.locator('input[name=email]').waitFor()
  await scan(outside, `${name} sign-in`)
  await outside.close()
  const page = await enter(opened)
  let at = 'after signing in'
  page.on('pageerror', (error) => complaints.push(`${name} ${at}: the page threw: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      complaints.push(
        `${name} ${at}: the console says: ${message.text()} (${message.location().url}:${message.location().lineNumber})`,
      )
  })
  for (const [title, open] of Object.entries(pages)) {
    at = title
    await open(page, telephone)
    await scan(page, `${name} ${title}`)
  }
  await opened.close()
}

async function lookAsViewer() {
  const opened = await browser.newContext({ ...LOOKS[6].context })
  const page = await enter(opened, 'viewer@example.com')
  await page.locator('[data-testid=read-only]').waitFor()
  for (const offered of [BOX, '[data-testid=suggestion]', '[data-testid=entry-more]'])
    if (await page.locator(offered).count()) complaints.push(`a viewer is offered ${offered}`)
  await scan(page, 'viewer chat')
  await page.goto(`${mock.url}/knowledge`)
  await page.locator('[data-testid=row]').first().waitFor()
  for (const offered of [
    '[data-testid=knowledge-head] button',
    '[data-testid=base-page] header button',
    '[data-testid=row] button',
  ])
    if (await page.locator(offered).count()) complaints.push(`a viewer is offered ${offered}`)
  await scan(page, 'viewer knowledge')
  if (await page.locator('[data-testid=rail] a[href="/keys"]').count())
    complaints.push('a viewer is offered API keys')
  await page.goto(`${mock.url}/keys`)
  await page.getByTestId('empty').waitFor()
  await scan(page, 'viewer keys')
  await opened.close()
}

try {
  await prepare()
  // Two at a time: while one page loads, the other is scanned.
  const waiting = [lookAsViewer, ...looks.map((one) => () => look(one))]
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next()
  }
  await Promise.all([worker(), worker()])
} catch (error) {
  complaints.push(error.message)
}
await browser.close()
mock.stop()
if (complaints.length > 0) {
  console.error(`FAILED\n  ${complaints.join('\n  ')}`)
  process.exit(1)
}
console.log(`${n_scans} pages without a complaint`)
