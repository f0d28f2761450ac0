// A real platform whose model provider limits it and which is then killed: what the console tells meanwhile.
//
//   SEPTET_BINARY=../target/debug/septet npm run e2e:crash
//
// It starts the platform on a folder of its own, and a provider that refuses once and then answers slowly.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { ask, BOX, countsDown, launch, must, signIn } from './browser.mjs'
import { dataFolder, startPlatform } from './platform.mjs'

const WAIT_SECONDS = 6
const N_WORDS = 40
const data = dataFolder('crash')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const listen = async (server) => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** Speaks OpenAI's interface; its first call is one too many. */
let n_calls = 0
const provider = createServer(async (req, res) => {
  const json = { 'content-type': 'application/json' }
  if (req.url.endsWith('/models')) {
    res.writeHead(200, json).end(JSON.stringify({ object: 'list', data: [{ id: 'slow', object: 'model' }] }))
    return
  }
  req.resume()
  n_calls += 1
  if (n_calls === 1) {
    res
      .writeHead(429, { ...json, 'retry-after': String(WAIT_SECONDS) })
      .end(JSON.stringify({ error: { message: 'too many requests', type: 'rate_limit' } }))
    return
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  const piece = (choice, more = {}) =>
    res.write(
      `data: ${JSON.stringify({ id: 'call', object: 'chat.completion.chunk', model: 'slow', choices: [{ index: 0, ...choice }], ...more })}\n\n`,
    )
  for (let at = 0; at < N_WORDS && !res.destroyed; at += 1) {
    piece({ delta: { role: 'assistant', content: `词${at} ` } })
    await sleep(150)
  }
  const usage = { prompt_tokens: 5, completion_tokens: N_WORDS, total_tokens: N_WORDS + 5 }
  piece({ delta: {}, finish_reason: 'stop' }, { usage })
  res.end('data: [DONE]\n\n')
})

let log = ''
const start = (port, provider_port) =>
  startPlatform(data, {
    port,
    env: { VLLM_BASE_URL: `http://127.0.0.1:${provider_port}/v1` },
    onLog: (piece) => {
      log += piece
    },
  })

const provider_port = await listen(provider)
// The port has to be the same after the crash.
const holder = createServer()
const port = await listen(holder)
holder.close()

const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
let running = null
let failed = false
try {
  running = await start(port, provider_port)
  await page.goto(running.url)
  await signIn(page, running.password(), running.email)
  await page.locator(BOX).waitFor()

  await ask(page, '你好')
  const told = page.locator('[data-testid=thinking]', { hasText: /限制了请求频率.*\d+ 秒后自动重试/ })
  await told.waitFor({ timeout: 20_000 })
  const before = await countsDown(told)
  must(before <= WAIT_SECONDS, `it says that ${before} seconds are to go`)
  console.log('ok  a provider that limits is told, with the seconds to go')

  await page.locator('[data-testid=prose]', { hasText: '词5' }).waitFor({ timeout: 60_000 })
  await running.stop('SIGKILL')
  await page.locator('[data-testid=lost-line]').waitFor({ timeout: 5000 })
  running = await start(port, provider_port)
  const back = Date.now()
  await page
    .locator('[data-testid=thinking]', { hasText: '运行曾中断，正在继续' })
    .waitFor({ timeout: 30_000 })
  const ms = Date.now() - back
  // Two seconds are the promise; a machine that compiles meanwhile gets more.
  must(ms < 6000, `it took ${ms} ms to tell that the run is taken up again`)
  console.log(
    `ok  a run is taken up again after a crash, which is told ${ms} ms after the platform was ready`,
  )

  await page
    .locator('[data-testid=turn][data-status=completed] [data-testid=actions]')
    .waitFor({ timeout: 60_000 })
  const answers = await page.locator('[data-testid=turn] [data-testid=prose]').allInnerTexts()
  const words = answers.join(' ').trim().split(/\s+/)
  must(
    words.length === N_WORDS && words.every((word, at) => word === `词${at}`),
    `the answer is not the whole one, once: ${answers.join(' | ')}`,
  )
  console.log('ok  the answer is there whole, and once')
} catch (error) {
  failed = true
  console.error(`FAILED ${error.message}\n${log.split('\n').slice(-20).join('\n')}`)
  if (process.env.SEPTET_SHOTS)
    await page.screenshot({ path: join(process.env.SEPTET_SHOTS, 'crash-failed.png') })
}
await browser.close()
await running?.stop()
data.remove()
process.exit(failed ? 1 : 0)
