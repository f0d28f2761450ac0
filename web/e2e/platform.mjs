// A real platform on a folder of its own, for tests in a browser.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BINARY = process.env.SEPTET_BINARY

/** A folder for a platform's data; `remove` takes it away. */
export function dataFolder(name) {
  if (!BINARY) throw new Error('set SEPTET_BINARY')
  const path = mkdtempSync(join(tmpdir(), `septet-${name}.`))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Starts a platform and waits until it is ready. What it says goes to `onLog`. */
export async function startPlatform(folder, { port = 0, env = {}, onLog = () => undefined } = {}) {
  // A clean environment, so that no provider of this machine answers instead.
  const { PATH, HOME, SEPTET__GATEWAY__CONSOLE_FOLDER } = process.env
  const platform = spawn(BINARY, ['up', '--listen', `127.0.0.1:${port}`, '--data', folder.path], {
    env: {
      PATH,
      HOME,
      LANG: 'C.UTF-8',
      ...env,
      ...(SEPTET__GATEWAY__CONSOLE_FOLDER && { SEPTET__GATEWAY__CONSOLE_FOLDER }),
    },
  })
  let said = ''
  const timeout = setTimeout(() => platform.kill('SIGKILL'), 60_000)
  platform.stderr.on('data', onLog)
  await new Promise((resolve, reject) => {
    platform.stdout.on('data', (piece) => {
      said += piece
      if (said.includes('septet is ready')) resolve()
    })
    platform.once('exit', (code) => reject(new Error(`the platform ended with ${code} before it was ready`)))
  })
  clearTimeout(timeout)
  const stop = async (signal = 'SIGTERM') => {
    const ended = once(platform, 'exit')
    platform.kill(signal)
    await ended
  }
  return {
    url: /septet is ready: (\S+)/.exec(said)[1],
    email: /^ {2}mail +(\S+)/m.exec(said)?.[1],
    password: () => readFileSync(join(folder.path, 'first-password'), 'utf8').trim(),
    stop,
  }
}
