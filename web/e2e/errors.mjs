// Everything that can go wrong, in words, in both languages: driven against the mock server, which it starts.
//
//   npm run e2e:errors -- 'files'      only the cases with this in their name

import {
  ask as askHere,
  attach,
  BOX,
  countsDown,
  launch,
  must,
  signIn as signInAs,
  startMock,
} from './browser.mjs'

const WANTED = process.argv[2] ?? ''

const mock = await startMock()
const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })

/** The bases that the page had the server make. */
const made = []
page.on('request', (request) => {
  if (request.method() === 'POST' && request.url().endsWith('/v1/vector_stores'))
    made.push(request.postDataJSON())
})

async function says(selector, chinese, english) {
  const found = page.locator(selector).last()
  for (const [button, words] of [
    ['中文', chinese],
    ['EN', english],
  ]) {
    await page.locator('[data-testid=language] label', { hasText: button }).click()
    await found.waitFor({ timeout: 15_000 })
    await page
      .locator(selector, { hasText: words })
      .last()
      .waitFor({ timeout: 5000 })
      .catch(async () => {
        throw new Error(`expected "${words}", it says "${await found.innerText()}"`)
      })
  }
  await page.locator('[data-testid=language] label', { hasText: '中文' }).click()
}
async function ask(text) {
  await page.locator('[data-testid=new-chat]').click()
  await page.locator('[data-testid=welcome]').waitFor()
  await askHere(page, text)
}
async function signIn() {
  await signInAs(page, mock.password)
  await page.locator(BOX).waitFor()
}
const upload = (name, content) => attach(page, name, content)
const remove = () => page.locator('[data-testid=upload] [data-testid=upload-row] button').last().click()

const cases = {
  async 'no documents yet'() {
    await says('[data-testid=bare]', '还没有文档', 'no documents')
  },
  async 'a payment that is due'() {
    await ask('欠费')
    await says('[data-testid=failure]', '充值', 'top it up')
    must(
      (await page.locator('[data-testid=failure] button').count()) === 1,
      'a refused question cannot be asked again',
    )
  },
  async 'a rate limit'() {
    await ask('限流')
    await says('[data-testid=failure]', '等待 12 秒', 'Wait 12 seconds')
  },
  async 'an unknown model'() {
    await ask('没有模型')
    await says('[data-testid=failure]', '另选一个', 'Choose another one')
  },
  async 'a model that is down'() {
    await ask('模型断开')
    await says('[data-testid=failure]', '无法连接模型服务', 'cannot be reached')
    must(
      (await page.locator('[data-testid=run] [data-run-status=failed]').count()) === 1,
      'the run panel does not say that it failed',
    )
  },
  async 'code that runs too long'() {
    await ask('超时')
    await says('[data-testid=tool-failure]', '超过了允许的运行时间', 'ran longer than allowed')
  },
  async 'an answer that reaches its longest length'() {
    await ask('写不完')
    await says('[data-testid=ending]', '长度上限', 'longest allowed length')
  },
  async 'an empty file'() {
    await page.locator('[data-testid=new-chat]').click()
    await upload('empty.pdf', '')
    await says('[data-testid=upload-error]', '空的', 'is empty')
    await remove()
  },
  async 'a PDF with a password'() {
    await upload('locked.pdf', '%PDF-1.7 /Encrypt')
    await says('[data-testid=upload-error]', '设有密码', 'protected by a password')
    await remove()
  },
  async 'a broken PDF'() {
    await upload('broken.pdf', 'no pdf')
    await says('[data-testid=upload-error]', '已损坏', 'damaged')
    await remove()
  },
  async 'a file that is too large'() {
    await upload('large.pdf', Buffer.alloc(21_000_000))
    await says('[data-testid=upload-error]', '文件或请求太大', 'larger than the server takes')
    await remove()
  },
  async 'a session that ends while an answer is written'() {
    await ask('帮我分析财报')
    await page.locator('[data-testid=tool]').first().waitFor()
    await page.evaluate(() => fetch('/mock/expire', { method: 'POST' }))
    await page.evaluate(() => fetch('/mock/drop', { method: 'POST' }))
    await page.locator('input[name=email]').waitFor({ timeout: 20_000 })
    await says('[data-testid=login-card] [role=status]', '登录已过期', 'session has ended')
    await signIn()
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 30_000 })
    must(
      (await page.locator('[data-testid=turn] [data-testid=prose]').count()) === 1,
      'the answer is there twice',
    )
  },
  async 'a token that expires is renewed without a word'() {
    await page.evaluate(() => fetch('/mock/expire-token', { method: 'POST' }))
    await ask('帮我分析财报')
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 30_000 })
  },
  async 'a server that is gone'() {
    await page.route('**/v1/conversations', (route) => route.abort())
    await ask('帮我分析财报')
    await says('[data-testid=failure]', '无法连接服务器', 'cannot be reached')
    await page.unroute('**/v1/conversations')
    await page.locator('[data-testid=failure] button').click()
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 30_000 })
    must(
      (await page.locator('[data-testid=turn]').count()) === 1,
      'asking again left the failed question behind',
    )
  },
  async 'Enter while Chinese is being composed'() {
    await page.locator('[data-testid=new-chat]').click()
    await page.fill(BOX, 'bang')
    await page.dispatchEvent(BOX, 'keydown', { key: 'Enter', isComposing: true })
    must(
      (await page.locator('[data-testid=turn]').count()) === 0,
      'Enter sent the text while the input method was composing',
    )
  },
  async 'Esc stops a run'() {
    await ask('帮我分析财报')
    await page.locator('[data-testid=tool]').first().waitFor()
    await page.keyboard.press('Escape')
    await page.locator('[data-testid=turn][data-status=cancelled]').waitFor({ timeout: 15_000 })
  },
  async 'a draft, over other pages, a reload and the end of the session'() {
    await page.locator('[data-testid=new-chat]').click()
    await page.fill(BOX, '写到一半的问题')
    await upload('草稿.pdf', '%PDF-1.7 fine')
    await page.locator('[data-testid=upload][data-phase=ready]').waitFor({ timeout: 20_000 })
    const isThere = async (when) => {
      await page
        .locator('[data-testid=upload][data-phase=ready]', { hasText: '草稿.pdf' })
        .waitFor({ timeout: 10_000 })
      must((await page.inputValue(BOX)) === '写到一半的问题', `the words are lost ${when}`)
    }
    await page.locator('[data-testid=history] [data-testid=entry] a').first().click()
    await page.locator('[data-testid=turn]').first().waitFor()
    must((await page.inputValue(BOX)) === '', 'another conversation has the words')
    must((await page.locator('[data-testid=upload]').count()) === 0, 'another conversation has the document')
    await page.fill(BOX, '另一个对话的问题')
    const other = page.url()
    await page.locator('[data-testid=new-chat]').click()
    await isThere('on other pages')
    await page.reload()
    await isThere('after a reload')
    await page.evaluate(() => fetch('/mock/expire', { method: 'POST' }))
    await page.locator('[data-testid=rail-link][href="/knowledge"]').click()
    await page.locator('input[name=email]').waitFor({ timeout: 20_000 })
    await signInAs(page, mock.password)
    await page.locator('[data-testid=rail-link][href="/chat"]').click()
    await isThere('after the session ended')
    await page.goto(other)
    await page.locator('[data-testid=turn]').first().waitFor()
    must((await page.inputValue(BOX)) === '另一个对话的问题', 'the words of another conversation are lost')
    await page.fill(BOX, '')
    await page.locator('[data-testid=new-chat]').click()
    await isThere('beside another draft')
    await remove()
    await page.fill(BOX, '')
    await page.reload()
    await page.locator(BOX).waitFor()
    must((await page.inputValue(BOX)) === '', 'a draft that was thrown away is back')
    must((await page.locator('[data-testid=upload]').count()) === 0, 'a document that was taken off is back')
  },
  async 'files of one chat, which no other chat searches'() {
    await page.locator('[data-testid=new-chat]').click()
    const asked = []
    const models = []
    const note = (request) => {
      if (request.method() !== 'POST' || !request.url().endsWith('/v1/responses')) return
      models.push(request.postDataJSON().model)
      asked.push(request.postDataJSON().tools?.[0].vector_store_ids ?? [])
    }
    page.on('request', note)
    const answered = async (n) => {
      await page
        .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
        .nth(n - 1)
        .waitFor({ timeout: 30_000 })
    }
    await upload('机密.pdf', '%PDF-1.7 fine')
    await page.locator('[data-testid=upload][data-phase=ready]').waitFor({ timeout: 20_000 })
    await askHere(page, '第一个问题')
    await answered(1)
    const address = page.url()
    const [own] = asked[0]
    must(
      made.length > 0 && made.every((base) => base.private === true),
      'the files of a chat do not go to a private base',
    )
    // What this browser remembers does not count: the server does.
    await page.evaluate(() => {
      localStorage.clear()
      localStorage.setItem('septet-model', 'offline-analyst')
    })
    await page.reload()
    await answered(1)
    await askHere(page, '第二个问题')
    await answered(2)
    must(asked[1].includes(own), 'a conversation that was opened again has lost its files')
    must(models[1] === models[0], 'a conversation that was opened again goes on with another model')
    await ask('别的对话')
    await answered(1)
    must(!asked[2].includes(own), 'another conversation searches the files')
    must(models[2] === 'offline-analyst', 'a new conversation does not begin with what was chosen last')
    await page.locator('[data-testid=rail-link][href="/knowledge"]').click()
    await says('[data-testid=base-group]', '对话中的文件', 'Files of chats')
    // They are called what their conversation is called.
    await page.locator('[data-testid=base]', { hasText: '第一个问题' }).waitFor()
    page.off('request', note)
    await page.goto(address)
    await page.locator('[data-testid=entry][data-active] [data-testid=entry-more]').click({ force: true })
    await page.locator('[role=dialog] [data-testid=dialog-actions] button').last().click()
    await page.locator('[data-testid=welcome]').waitFor()
    await page.locator('[data-testid=rail-link][href="/knowledge"]').click()
    await page.locator('[data-testid=knowledge-head]').waitFor()
    must(
      (await page.locator('[data-testid=base]', { hasText: '第一个问题' }).count()) === 0,
      'the files of a deleted conversation are still there',
    )
  },
  async 'a provider that limits: the seconds to go'() {
    await ask('等待')
    await says('[data-testid=thinking]', /限制了请求频率.*秒后自动重试/, /Trying again in \d+ second/)
    await countsDown(page.locator('[data-testid=thinking]'))
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 30_000 })
    must((await page.locator('[data-testid=thinking]').count()) === 0, 'it still waits after the answer')
  },
  async 'a server that dies and takes the run up again'() {
    await ask('崩溃')
    await says('[data-testid=lost-line]', '正在重新连接', 'reconnecting')
    await page.evaluate(async () => {
      while (!(await fetch('/mock/up')).ok) await new Promise((resolve) => setTimeout(resolve, 50))
    })
    const back = Date.now()
    await page
      .locator('[data-testid=thinking]', { hasText: '运行曾中断，正在继续' })
      .waitFor({ timeout: 10_000 })
    const ms = Date.now() - back
    console.log(`    told ${ms} ms after the server was back`)
    must(ms < 2500, `it took ${ms} ms to tell that the run is taken up again`)
    must((await page.locator('[data-testid=lost-line]').count()) === 0, 'it still reconnects')
    await says('[data-testid=thinking]', '运行曾中断', 'was interrupted')
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 30_000 })
    must(
      (await page.locator('[data-testid=turn] [data-testid=prose]').count()) === 1,
      'the answer is there twice',
    )
  },
  async 'API keys'() {
    const row = (name) => page.getByRole('row', { name })
    const button = (name) => page.getByRole('button', { name, exact: true })
    await page.route('**/api/keys?*', (route) => route.abort())
    await page.locator('[data-testid=rail-link][href="/keys"]').click()
    await says('[data-testid=failure]', '无法连接服务器', 'cannot be reached')
    await page.unroute('**/api/keys?*')
    await page.locator('[data-testid=failure] button').click()
    await says('[data-testid=empty]', '还没有 API 密钥', 'no API key yet')
    await button('新建密钥').click()
    await page.getByLabel('名称', { exact: true }).fill('限流')
    await button('创建密钥').click()
    await page.locator('[role=dialog] [data-testid=failure]', { hasText: '等待 7 秒' }).waitFor()
    await page.getByLabel('名称', { exact: true }).fill('报表')
    await button('创建密钥').click()
    const secret = await page.getByTestId('secret').innerText()
    must(/^sk-septet-\S{20,}$/.test(secret), `the secret is ${secret}`)
    await page.keyboard.press('Escape')
    must(await page.getByTestId('secret').isVisible(), 'Esc closes the secret, which is then lost')
    await button('我已复制').click()
    await page.getByTestId('secret').waitFor({ state: 'detached' })
    must(!(await page.content()).includes(secret), 'the secret is still in the page')
    await row('报表').getByText('可用').waitFor()
    await page.route('**/api/keys/*', (route) => route.abort())
    await button('吊销 报表').click()
    await button('吊销').click()
    await page.locator('[role=dialog] [data-testid=failure]', { hasText: '无法连接服务器' }).waitFor()
    await page.unroute('**/api/keys/*')
    await button('吊销').click()
    await row('报表').getByText('已吊销').waitFor()
    must((await button('吊销 报表').count()) === 0, 'a revoked key can be revoked again')
  },
  async 'another password'() {
    await page.locator('[data-testid=account]').click()
    await page.locator('[role=menuitem]').first().click()
    const change = async (current, fresh, again = fresh) => {
      for (const [name, value] of [
        ['current-password', current],
        ['new-password', fresh],
        ['new-password-again', again],
      ])
        await page.fill(`input[name=${name}]`, value)
    }
    const submit = page.locator('[data-testid=account-form] button[type=submit]')
    await change(mock.password, 'short')
    await says('[data-testid=account-form] [class*=error]', '不足 10', 'shorter than 10')
    await change(mock.password, 'a longer password', 'another password')
    await says('[data-testid=account-form] [class*=error]', '不一致', 'not the same')
    must(await submit.isDisabled(), 'a password that was mistyped can be set')
    await change('not the password', 'a longer password')
    await submit.click()
    await says('[data-testid=account-form] [class*=error]', '当前密码不正确', 'not your current')
    const fresh = `${mock.password}-fresh`
    await change(mock.password, fresh)
    await submit.click()
    await says('[data-testid=account-form] [role=status]', '密码已修改', 'is changed')
    await page.locator('[data-testid=account]').click()
    await page.locator('[role=menuitem]').last().click()
    await signInAs(page, mock.password)
    await says('[data-testid=login-card] [role=alert]', '密码不正确', 'password is wrong')
    await signInAs(page, fresh)
    await page.locator('[data-testid=account]').waitFor()
    mock.password = fresh
  },
  async 'an answer of 400 KB'() {
    // The longest time that the page answered nothing: a generous bound, for it is to find a page that hangs.
    const MOST_MS = 5000
    await page.locator('[data-testid=rail-link][href="/chat"]').click()
    const watch = () => {
      let last = performance.now()
      window.longestPause = 0
      setInterval(() => {
        const now = performance.now()
        window.longestPause = Math.max(window.longestPause, now - last)
        last = now
      }, 20)
    }
    const held = async (what) => {
      const ms = Math.round(await page.evaluate(() => window.longestPause))
      console.log(`    ${what}: no longer than ${ms} ms without an answer to the keyboard`)
      must(ms < MOST_MS, `the page hung for ${ms} ms ${what}`)
    }
    const drawn = () =>
      page
        .locator('[data-testid=prose] p', { hasText: /^末尾$/ })
        .waitFor({ state: 'attached', timeout: 60_000 })
    await page.evaluate(watch)
    const began = Date.now()
    await ask('长文')
    await page
      .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
      .waitFor({ timeout: 60_000 })
    await drawn()
    await held('while it came')
    must(Date.now() - began < 60_000, 'it took longer than a minute')
    await page.addInitScript(watch)
    await page.reload()
    await drawn()
    await page.fill(BOX, '还能打字吗')
    await held('when it was opened')
    await page.fill(BOX, '')
  },
}

let failed = false
try {
  await page.goto(mock.url)
  await signIn()
  for (const [name, run] of Object.entries(cases).filter(([name]) => name.includes(WANTED))) {
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
mock.stop()
process.exit(failed ? 1 : 0)
