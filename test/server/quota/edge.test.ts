/** Many connections, slow ones, and polls that nobody else finds room beside: the others are answered. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { type ListenOptions, listen } from '../../../server/http/listen.ts'
import { createLongPoll } from '../../../server/push/longPoll.ts'
import type { Notifications } from '../../../server/push/notifications.ts'

const app = (_request: unknown, response: { end(text: string): void }): void => response.end('here')

/** However it ends. */
const closeOf = (made: Socket): Promise<void> => new Promise((resolve) => made.once('close', () => resolve()))

async function open(options: Partial<ListenOptions>) {
  const listening = await listen(app, { host: '127.0.0.1', port: 0, requestTimeoutMs: 60_000, ...options })
  onTestFinished(() => listening.close(0))
  const sockets: Socket[] = []
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  const socket = async (): Promise<Socket> => {
    const made = connect(listening.port, '127.0.0.1')
    made.on('error', () => undefined)
    sockets.push(made)
    await once(made, 'connect')
    return made
  }
  const ask = async (made: Socket): Promise<boolean> => {
    made.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const [first] = await Promise.race([once(made, 'data'), closeOf(made).then(() => [undefined])])
    return String(first).includes('here')
  }
  return { listening, socket, ask }
}

it('[QT-14] an address has so many connections, and a place is free when one ends', async () => {
  const { socket, ask } = await open({ connectionsPerAddress: 3 })
  const held = await Promise.all([socket(), socket(), socket()])
  for (const made of held) expect(await ask(made)).toBe(true)
  expect(await ask(await socket())).toBe(false)
  expect(await ask(held[0] as Socket)).toBe(true)
  held[1]?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await ask(await socket())).toBe(true)
})

it('[QT-14] there are so many connections in all', async () => {
  const { socket, ask } = await open({ maxConnections: 2 })
  const held = await Promise.all([socket(), socket()])
  for (const made of held) expect(await ask(made)).toBe(true)
  expect(await ask(await socket())).toBe(false)
  held[0]?.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(await ask(await socket())).toBe(true)
})

it('[QT-14] behind a proxy all connections are of one address, and are not counted', async () => {
  const { socket, ask } = await open({ connectionsPerAddress: 3, trustProxy: 1 })
  for (let i = 0; i < 10; i++) expect(await ask(await socket())).toBe(true)
})

it('[QT-14] connections on which little or nothing comes end in time, and others are answered', async () => {
  const { socket, ask } = await open({ requestTimeoutMs: 1500 })
  const slow = await Promise.all(Array.from({ length: 200 }, () => socket()))
  const ends = slow.map(closeOf)
  const drip = setInterval(() => {
    for (const made of slow.slice(0, 100)) made.write('X')
  }, 100)
  onTestFinished(() => clearInterval(drip))
  for (const made of slow.slice(0, 100))
    made.write('POST /omads HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nX-Slow: ')
  const startedAt = performance.now()
  expect(await ask(await socket())).toBe(true)
  expect(performance.now() - startedAt).toBeLessThan(1500)
  for (const made of slow) made.resume()
  await Promise.all(ends)
  expect(performance.now() - startedAt).toBeLessThan(6000)
}, 20_000)

it('[QT-15] whoever has the most polls makes room for an account that has fewer', async () => {
  const notifications = { get: async () => undefined } as unknown as Notifications
  const poll = createLongPoll(notifications, 4)
  onTestFinished(() => poll.close())
  const ended: string[] = []
  const wait = (accountId: string, deviceId: string): Promise<unknown> =>
    poll
      .wait({ accountId, deviceId, after: 0, waitMs: 60_000, onGone: () => undefined })
      .then(() => void ended.push(`${accountId}/${deviceId}`))
  const crowd = [wait('many', '1'), wait('many', '2'), wait('many', '3'), wait('many', '4')]
  await expect(wait('many', '5')).rejects.toMatchObject({ code: 'push.busy' })
  const others = [wait('few', '1'), wait('few', '2')]
  await Promise.all(crowd.slice(0, 2))
  expect(ended).toEqual(['many/1', 'many/2'])
  // As many each: nobody is sent home for another.
  await expect(wait('few', '3')).rejects.toMatchObject({ code: 'push.busy' })
  poll.close()
  await Promise.all([...crowd, ...others])
})
