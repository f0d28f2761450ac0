// The main job in a real browser against a running server, in Chinese.
//
//   SEPTET_URL=http://127.0.0.1:8080 SEPTET_EMAIL=.. SEPTET_PASSWORD=.. SEPTET_PDF=report.pdf SEPTET_SHOTS=shots npm run e2e
//
// Every step says what it saw. The first thing that is missing ends it with a sentence and exit code 1.

import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ask as askHere, BOX, launch, must, signIn, violations } from './browser.mjs'
import { openLine } from './line.mjs'

function setting(name, fallback) {
  const value = process.env[name] ?? fallback
  if (value === undefined) throw new Error(`set ${name}`)
  return value
}
const SERVER = setting('SEPTET_URL')
const EMAIL = setting('SEPTET_EMAIL')
const PASSWORD = setting('SEPTET_PASSWORD')
const PDF = setting('SEPTET_PDF')
const SHOTS = setting('SEPTET_SHOTS', 'shots')
// A large report on a busy machine takes minutes to read; a run with a slow model too.
const PATIENCE = Number(setting('SEPTET_PATIENCE_MS', '300000'))
const QUESTION = '帮我分析财报'

mkdirSync(SHOTS, { recursive: true })
const line = await openLine(SERVER)
const browser = await launch()
const context = await browser.newContext({
  viewport: { width: 1440, height: 900 },
  locale: 'zh-CN',
  colorScheme: 'light',
})
const page = await context.newPage()
const complaints = []
page.on('pageerror', (error) => complaints.push(`the page threw: ${error.message}`))
page.on('console', (message) => {
  // Refused and dropped requests are part of this test; anything else is a fault of the page.
  if (message.type() === 'error' && !/Failed to load resource|net::ERR_/.test(message.text()))
    complaints.push(`the console says: ${message.text()}`)
})

/** What the page asks of the server: the bases that it makes, and what every question names. */
const made = []
const asked = []
page.on('request', (request) => {
  if (request.method() !== 'POST') return
  if (request.url().endsWith('/v1/vector_stores')) made.push(request.postDataJSON())
  if (request.url().endsWith('/v1/responses')) asked.push(request.postDataJSON())
})
const basesOf = (question) => question.tools?.[0]?.vector_store_ids ?? []

let n_shots = 0
const shot = async (name) => {
  n_shots += 1
  await page.screenshot({ path: join(SHOTS, `${String(n_shots).padStart(2, '0')}-${name}.png`) })
}
const see = async (selector, sentence, timeout = 15_000) => {
  const found = page.locator(selector).first()
  await found.waitFor({ state: 'visible', timeout }).catch(() => {
    throw new Error(sentence)
  })
  return found
}
const say = (sentence) => console.log(`ok  ${sentence}`)

const ask = (text) => askHere(page, text)
const newChat = async () => {
  await page.keyboard.press('Control+k')
  await see('[data-testid=welcome]', 'Ctrl K does not open a new chat')
}
const finished = async () => {
  await see(
    '[data-testid=turn]:last-child[data-status=completed] [data-testid=actions]',
    'the run did not end with an answer',
    PATIENCE,
  )
}
// A long answer is drawn piece by piece: it is all there once nothing is added any more.
async function lastAnswer() {
  const prose = page.locator('[data-testid=turn]:last-child [data-testid=answer] [data-testid=prose]')
  let seen = ''
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const now = (await prose.allInnerTexts()).join('\n')
    if (now !== '' && now === seen) return now
    seen = now
    await page.waitForTimeout(500)
  }
  return seen
}

const steps = {
  async 'a wrong password is refused in words'() {
    await page.goto(line.url)
    await see('input[name=email]', 'there is no sign-in page')
    await signIn(page, `${PASSWORD}-wrong`, EMAIL)
    const words = await (await see('[role=alert]', 'a wrong password shows no message')).innerText()
    must(words.includes('密码不正确'), `the message for a wrong password says: ${words}`)
    await shot('wrong-password')
    await axe('sign-in')
  },
  async 'the right one opens the chat'() {
    await signIn(page, PASSWORD, EMAIL)
    await see(BOX, 'signing in does not lead to the chat')
    await see('[data-testid=suggestion]', 'an empty chat suggests no questions')
    await page.waitForTimeout(600)
    await shot('welcome')
    await axe('empty chat')
  },
  async 'a broken PDF is refused in words'() {
    const bad = join(tmpdir(), 'septet-broken.pdf')
    writeFileSync(bad, '%PDF-1.7\nthis is not a document\n'.replace('%PDF', 'XPDF'))
    await page.setInputFiles('[data-testid=composer] input[type=file]', bad)
    const words = await (
      await see('[data-testid=upload-error]', 'a broken PDF shows no error', PATIENCE)
    ).innerText()
    must(/[\u4e00-\u9fff]/.test(words), `the error for a broken PDF is not in Chinese: ${words}`)
    await shot('broken-pdf')
    await page.click('[data-testid=upload][data-phase=failed] button[aria-label^="移除"]')
  },
  async 'an empty file is refused in words'() {
    await page.setInputFiles('[data-testid=composer] input[type=file]', {
      name: 'empty.pdf',
      mimeType: 'application/pdf',
      buffer: Buffer.alloc(0),
    })
    const words = await (await see('[data-testid=upload-error]', 'an empty file shows no error')).innerText()
    must(words.includes('空的'), `the error for an empty file says: ${words}`)
    await page.click('[data-testid=upload][data-phase=failed] button[aria-label^="移除"]')
  },
  async 'a report is uploaded with progress'() {
    await page.setInputFiles('[data-testid=composer] input[type=file]', PDF)
    await see('[data-testid=upload] [role=progressbar]', 'an upload shows no progress bar')
    const seen = new Set()
    const until = Date.now() + PATIENCE
    while (
      Date.now() < until &&
      (await page.locator('[data-testid=upload][data-phase=ready]').count()) === 0
    ) {
      const state = page.locator('[data-testid=upload-state]').first()
      if (await state.count()) seen.add((await state.innerText().catch(() => '')).replace(/[\d%/ ]+/g, ''))
      if (seen.size === 2) await shot('upload')
      must(
        (await page.locator('[data-testid=upload][data-phase=failed]').count()) === 0,
        'the report could not be read',
      )
      await page.waitForTimeout(60)
    }
    await see('[data-testid=upload][data-phase=ready]', 'the report was never ready')
    say(`the upload said: ${[...seen].filter(Boolean).join(' → ')}`)
    await shot('uploaded')
  },
  async 'the question is answered with tools, a chart and citations'() {
    await ask(QUESTION)
    await see('[data-testid=tool]', 'no tool card appeared', PATIENCE)
    await page.waitForTimeout(500)
    await shot('running')
    await see('[data-tool=run_python] pre code', 'no Python card with code appeared', PATIENCE)
    await shot('code')
    await finished()
    must(
      await page.locator('[data-tool=knowledge_search]').count(),
      'there is no card of the knowledge search',
    )
    const chart = await see('[data-testid=chart] img', 'there is no chart', PATIENCE)
    must(
      await chart.evaluate((img) => img.decode().then(() => img.naturalWidth > 50)),
      'the chart is not a picture',
    )
    await see('[data-testid=prose] [data-testid=cite]', 'the answer cites nothing', PATIENCE)
    await shot('answer')
    await chart.scrollIntoViewIfNeeded()
    await shot('chart')
  },
  async 'a citation shows where it comes from'() {
    const chip = page.locator('[data-testid=prose] [data-testid=cite]').first()
    await chip.scrollIntoViewIfNeeded()
    await chip.hover()
    const card = await see('[data-testid=cite-card]', 'a citation shows no card')
    const words = await card.innerText()
    must(words.includes(basename(PDF)), `the card does not name the document: ${words}`)
    must(await card.locator('blockquote').count(), 'the card has no quote')
    await page.waitForTimeout(250)
    await shot('citation')
    must(
      await page.locator('[data-testid=panel] [data-testid=source]').count(),
      'the run panel lists no sources',
    )
    must(
      (await page.locator('[data-testid=panel] [data-testid=trace] li').count()) > 2,
      'the run panel has no trace',
    )
    await axe('answer')
  },
  async 'the search card lists queries and passages'() {
    await page.mouse.move(5, 5)
    await page.click('[data-tool=knowledge_search] [data-testid=tool-head]')
    await see('[data-testid=queries] li', 'the search card shows no queries')
    await see('[data-testid=passages] li', 'the search card shows no passages')
    await page.locator('[data-tool=knowledge_search]').first().scrollIntoViewIfNeeded()
    await shot('search-card')
  },
  async 'the chart can be enlarged and downloaded'() {
    await page.locator('[data-testid=chart-picture]').first().click()
    await see('[data-testid=chart-large]', 'the chart does not open')
    await page.waitForTimeout(300)
    await shot('chart-large')
    await page.keyboard.press('Escape')
    await page.locator('[data-testid=chart-large]').waitFor({ state: 'hidden' })
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('[data-testid=chart] a[download]').first().click(),
    ])
    must(
      /\.(png|svg)$/.test(download.suggestedFilename()),
      `the download is called ${download.suggestedFilename()}`,
    )
  },
  async 'a dropped connection is told, and every event arrives once'() {
    for (let attempt = 1; ; attempt += 1) {
      await ask(`${QUESTION}（${attempt}）`)
      await see('[data-run-status=in_progress]', 'the second run did not start')
      line.cut(2500)
      const told = await page
        .locator('[data-testid=lost-line]')
        .waitFor({ state: 'visible', timeout: 6000 })
        .then(() => true)
        .catch(() => false)
      if (told) break
      // The run was over before the line was cut.
      must(attempt < 4, 'a dropped connection shows no message')
      await finished()
    }
    const words = await page.locator('[data-testid=lost-line]').innerText()
    must(words.includes('连接中断'), `the message says: ${words}`)
    await shot('connection-lost')
    await finished()
    must(
      (await page.locator('[data-testid=lost-line]').count()) === 0,
      'the message stays after reconnecting',
    )
    const before = await lastAnswer()
    await page.reload()
    await finished()
    const after = await lastAnswer()
    must(before === after, `the answer differs after a reload:\n--- before\n${before}\n--- after\n${after}`)
    await shot('reconnected')
  },
  async 'a conversation goes on with its own files, whatever this browser keeps'() {
    must(made.length === 1 && made[0].private === true, 'a dropped file does not go to a private base')
    const [own] = basesOf(asked[0])
    must(own, 'the question does not name the private base')
    await page.evaluate(() => localStorage.clear())
    await page.reload()
    await finished()
    await ask('收入是多少？')
    await finished()
    must(basesOf(asked.at(-1)).includes(own), 'the conversation has lost its files')
    must(asked.at(-1).model === asked[0].model, 'the conversation goes on with another model')
    // What the server remembers is what was asked.
    const kept = await page.evaluate(async (id) => {
      const { access_token } = await (
        await fetch('/api/auth/refresh', { method: 'POST', headers: { 'x-septet-csrf': '1' } })
      ).json()
      const headers = { authorization: `Bearer ${access_token}` }
      return (await fetch(`/v1/conversations/${id}`, { headers })).json()
    }, new URL(page.url()).pathname.split('/').at(-1))
    must(
      kept.model === asked[0].model && kept.vector_store_ids?.includes(own),
      `the server remembers ${JSON.stringify(kept)}`,
    )
  },
  async 'a knowledge base is made for everybody, and new chats search it'() {
    await page.click('[data-testid=rail-link][href^="/knowledge"]')
    await page.click('[data-testid=knowledge-head] button')
    await page.fill('[role=dialog] input', '年报')
    await page.click('[role=dialog] button[type=submit]')
    await see('[data-testid=base][data-active]:has-text("年报")', 'the new knowledge base is not opened')
    await page.setInputFiles('[data-testid=base-page] input[type=file]', PDF)
    await see('[data-testid=row][data-phase=ready]', 'the report was never ready', PATIENCE)
    await newChat()
    await ask(QUESTION)
    await finished()
    const named = basesOf(asked.at(-1))
    must(!named.includes(basesOf(asked[0])[0]), 'another conversation searches the private base')
    await see('[data-testid=prose] [data-testid=cite]', 'the answer cites nothing', PATIENCE)
  },
  async 'a running answer is found again after a reload'() {
    await newChat()
    await ask(QUESTION)
    await see('[data-testid=tool], [data-testid=prose]', 'the run shows nothing', PATIENCE)
    await page.reload()
    await finished()
    await see(
      '[data-testid=prose] [data-testid=cite]',
      'the answer that was found again cites nothing',
      PATIENCE,
    )
    must(
      (await page.locator('[data-testid=turn]').count()) === 1,
      'the question is there more than once after a reload',
    )
  },
  async 'a run can be stopped'() {
    for (let attempt = 1; ; attempt += 1) {
      await newChat()
      await ask(`${QUESTION}，第 ${attempt} 次`)
      const stop = await see('[data-stop]', 'there is no stop button')
      await stop.click({ timeout: 3000 }).catch(() => undefined)
      await see(
        '[data-testid=turn]:last-child [data-testid=actions]',
        'the stopped run does not end',
        PATIENCE,
      )
      if (await page.locator('[data-testid=turn]:last-child[data-status=cancelled]').count()) break
      must(attempt < 4, 'the run went on although it was stopped')
    }
    const words = await page.locator('[data-testid=turn]:last-child [data-testid=ending]').innerText()
    must(words.includes('已停止'), `a stopped run says: ${words}`)
    await shot('stopped')
  },
  async 'regenerating makes a second version'() {
    await page.click('[data-testid=actions] button[aria-label="重新生成"]')
    await finished()
    must(
      (await page.locator('[data-testid=versions]').innerText()).includes('2 / 2'),
      'there is no second version',
    )
    await shot('regenerated')
  },
  async 'the history lists the conversations'() {
    must(
      (await page.locator('[data-testid=history] [data-testid=entry]').count()) >= 3,
      'the history does not list the conversations',
    )
    await page.locator('[data-testid=history] [data-testid=entry] a').last().click()
    await see('[data-testid=turn]', 'a conversation of the history does not open')
    await page.goBack()
  },
  async 'the knowledge page lists the documents'() {
    await page.click('[data-testid=rail] a[href^="/knowledge"]')
    await see('[data-testid=row]', 'the knowledge page lists no documents')
    await page.waitForTimeout(400)
    await shot('knowledge')
    await axe('knowledge')
    await page.click('[data-testid=rail] a[href="/chat"]')
    await page.locator('[data-testid=history] [data-testid=entry] a').first().click()
    await see('[data-testid=turn] [data-testid=actions]', 'the conversation does not open', PATIENCE)
  },
  async 'it speaks English and goes dark'() {
    await page.locator('[data-testid=language] label', { hasText: 'EN' }).click()
    await see('[data-testid=new-chat]:has-text("New chat")', 'the page does not speak English')
    await shot('english')
    await page.click('[data-testid=switches] button')
    must(
      (await page.locator('html').getAttribute('data-mantine-color-scheme')) === 'dark',
      'the page does not go dark',
    )
    // A tooltip under the pointer is no part of the page.
    await page.mouse.move(700, 400)
    await page.waitForTimeout(400)
    await shot('dark')
    await axe('answer, dark')
    await page.locator('[data-testid=language] label', { hasText: '中文' }).click()
    await see('[data-testid=new-chat]:has-text("新对话")', 'the page does not speak Chinese again')
    await page.reload()
    await see('[data-testid=new-chat]:has-text("新对话")', 'the language is forgotten')
    must(
      (await page.locator('html').getAttribute('data-mantine-color-scheme')) === 'dark',
      'the colours are forgotten',
    )
  },
  async 'it fits a telephone'() {
    await see('[data-testid=turn] [data-testid=actions]', 'the conversation is gone after a reload', PATIENCE)
    await page.setViewportSize({ width: 390, height: 844 })
    for (const scheme of ['dark', 'light']) {
      await page.waitForTimeout(300)
      const wide = await page.evaluate(() => {
        const width = document.documentElement.clientWidth
        if (document.documentElement.scrollWidth > width) return 'the page'
        const scroll = document.querySelector('.scroll')
        return scroll && scroll.scrollWidth > scroll.clientWidth + 1 ? 'the conversation' : ''
      })
      must(wide === '', `${wide} scrolls sideways at 390 px`)
      // A tooltip under the pointer is no part of the page.
      await page.mouse.move(200, 300)
      await page.waitForTimeout(300)
      await shot(`telephone-${scheme}`)
      await axe(`telephone, ${scheme}`)
      await page.click('[data-testid=switches] button')
    }
    await page.click('[data-testid=top] button[aria-label="菜单"]')
    await see('[data-testid=rail]', 'the menu does not open')
    await page.waitForTimeout(400)
    await shot('telephone-menu')
    await page.keyboard.press('Escape')
    await page.click('[data-testid=panel-button]')
    await see('[data-testid=run] [data-testid=facts]', 'the run panel does not open')
    await page.waitForTimeout(400)
    await shot('telephone-run')
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 1440, height: 900 })
  },
  async 'signing out leads back to the sign-in page'() {
    await page.click('[data-testid=account]')
    await page.click('[role=menuitem]:has-text("退出登录")')
    await see('input[name=email]', 'signing out does nothing')
    await page.reload()
    await see('input[name=email]', 'the session outlives signing out')
  },
}

async function axe(where) {
  const said = await violations(page)
  must(said.length === 0, `accessibility of ${where}:\n  ${said.join('\n  ')}`)
}

let failure = null
try {
  for (const [sentence, step] of Object.entries(steps)) {
    await step().catch(async (error) => {
      await shot('failed').catch(() => undefined)
      throw new Error(`"${sentence}" is not true: ${error.message}`)
    })
    say(sentence)
  }
  must(complaints.length === 0, complaints.join('\n'))
} catch (error) {
  failure = error
}
await browser.close()
line.close()
if (failure) {
  console.error(`FAILED ${failure.message}`)
  for (const complaint of complaints) console.error(`  ${complaint}`)
  process.exit(1)
}
console.log(`all ${Object.keys(steps).length} steps passed, ${n_shots} pictures in ${SHOTS}`)
