// A telephone line between the browser and the server that can be cut.

import { connect, createServer } from 'node:net'

/** Forwards a loopback port to `target`. `cut(ms)` drops every connection and refuses new ones for a while. */
export async function openLine(target) {
  const { hostname, port } = new URL(target)
  const sockets = new Set()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(Number(port || 80), hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut(ms) {
      isCut = true
      for (const socket of sockets) socket.destroy()
      setTimeout(() => {
        isCut = false
      }, ms)
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
