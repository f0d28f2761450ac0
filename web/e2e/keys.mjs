// API keys against a real platform, with the keyboard alone: a key is made, the shown program is run with it as it stands
// there, its use is told, and once it is revoked it opens nothing.
//
//   SEPTET_BINARY=../target/debug/septet npm run e2e:keys

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BOX, launch, must, signIn, violations } from './browser.mjs'
import { dataFolder, startPlatform } from './platform.mjs'

const data = dataFolder('keys')
let log = ''
const platform = await startPlatform(data, {
  onLog: (piece) => {
    log += piece
  },
})
const browser = await launch()
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' })
const page = await context.newPage()

/** Goes on with Tab until what has the focus is called that, and presses Enter. */
async function press(name) {
  for (let n_steps = 0; n_steps < 60; n_steps += 1) {
    const focused = await page.evaluate(
      () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '',
    )
    if (focused.trim() === name) return page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not get to "${name}"`)
}
const run = async (script) => (await promisify(execFile)('bash', ['-c', script], { timeout: 120_000 })).stdout
const programOf = async (place) => (await place.locator('pre').allInnerTexts()).join('\n')
const row = page.getByRole('row', { name: 'monthly report' })

let failed = false
try {
  await page.goto(`${platform.url}/keys`)
  await signIn(page, platform.password(), platform.email)
  await page.getByTestId('empty').waitFor()
  must((await page.locator(BOX).count()) === 0, 'signing in does not lead back to the page')
  const reloaded = await page.reload()
  must(reloaded.status() === 200, `the page's own address answers ${reloaded.status()}`)
  console.log('ok  the page has an address of its own, and says that there is no key yet')

  await page.getByTestId('empty').waitFor()
  await press('New key')
  await page.getByLabel('Name', { exact: true }).waitFor()
  // The first field has the focus.
  await page.waitForFunction(() => document.activeElement instanceof HTMLInputElement)
  await page.keyboard.type('monthly report')
  await page.keyboard.press('Enter')
  const secret = await page.getByTestId('secret').innerText()
  must(/^sk-septet-\S{20,}$/.test(secret), `the secret is ${secret}`)
  must((await violations(page)).length === 0, (await violations(page)).join('\n'))
  const program = await programOf(page.getByRole('dialog').getByTestId('snippet'))
  must(program.includes(`${platform.url}/v1/responses`), `the program asks another server:\n${program}`)
  await press('I have copied it')
  await row.getByRole('cell', { name: 'Never', exact: true }).waitFor()
  console.log('ok  a key is made with the keyboard alone, and its secret is shown')

  const answer = JSON.parse(await run(program))
  must(answer.status === 'completed', `the program was answered: ${JSON.stringify(answer).slice(0, 300)}`)
  await page.reload()
  await row.getByText(/this minute|1 minute ago/).waitFor()
  console.log('ok  the program that is shown runs as it stands there, and the use is told')

  await page.getByRole('button', { name: 'Revoke monthly report' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText(/cannot be undone/).waitFor()
  await press('Revoke')
  await row.getByText('Revoked').waitFor()
  const refused = JSON.parse(await run(program))
  must(refused.error?.code === 'invalid_api_key', `a revoked key is answered: ${JSON.stringify(refused)}`)
  console.log('ok  a revoked key opens nothing')
  must(!log.includes(secret), 'the secret is in the log')
} catch (error) {
  failed = true
  console.error(`FAILED ${error.message}\n${log.split('\n').slice(-20).join('\n')}`)
  if (process.env.SEPTET_SHOTS)
    await page.screenshot({ path: join(process.env.SEPTET_SHOTS, 'keys-failed.png') })
}
await browser.close()
await platform.stop()
data.remove()
process.exit(failed ? 1 : 0)
