/** The device's side of the protocol against our own server: encodings, logins, sizes, a busy server, kills. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fetch } from '../../../device-client/ports.ts'
import { xmlCodec } from '../../../device-client/sync/xmlCodec.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Message, StatusCommand } from '../../../schemas/syncml/message.ts'
import { card, type ItemServer, openItemServer } from '../../support/itemPeer.ts'
import { limitMessages } from '../../support/limitMessages.ts'
import { lossyNetwork, sessionPorts } from '../../support/lossyFetch.ts'
import { SyncFolder, type SyncOptions } from '../../support/syncFolder.ts'

let server: ItemServer
let one: SyncFolder
let two: SyncFolder
beforeEach(async () => {
  server = await openItemServer()
  one = new SyncFolder(server.server, 'dev-one')
  two = new SyncFolder(server.server, 'dev-two')
})
afterEach(async () => {
  expect(server.server.errors).toEqual([])
  one.dispose()
  two.dispose()
  await server.close()
})

/** The messages of `two`, as they passed. */
function watched(at: ItemServer = server): { readonly options: SyncOptions; sent(): Message[]; received(): Message[] } {
  const network = lossyNetwork(at.server)
  const read = (bodies: readonly Uint8Array[]) => bodies.map((body) => decodeMessage(body, 'wbxml'))
  return {
    options: { ports: (keyStore) => sessionPorts(at.server, network, keyStore) },
    sent: () => read(network.sent),
    received: () => read(network.received),
  }
}

describe('messages', () => {
  it('[DC-63] in XML, with large items in parts', async () => {
    const peer = { codec: xmlCodec, maxMsgSize: 200_000 }
    one.put(card('large', `${'<&> ü and more of it '.repeat(60_000)}end`))
    one.put(card('small'))
    expect(await one.sync({ peer })).toMatchObject({ sent: { added: 2 }, failedCount: 0 })
    expect(await two.sync({ peer })).toMatchObject({ received: { added: 2 }, failedCount: 0 })
    expect(two.contents().map((text) => text.replaceAll('\r\n', '\n'))).toEqual(
      one.contents().map((text) => text.replaceAll('\r\n', '\n')),
    )
  })

  it('[DC-63] with basic credentials, and with a nonce that is not known any more', async () => {
    one.put(card('Ada'))
    expect(await one.sync({ peer: { basic: true } })).toMatchObject({ sent: { added: 1 } })
    await two.sync()
    const fresh = new SyncFolder(server.server, 'dev-two')
    try {
      expect(await fresh.sync()).toMatchObject({ received: { added: 1 }, exchanges: 4 })
    } finally {
      fresh.dispose()
    }
    await expect(one.sync({ peer: { secret: 'wrong' } })).rejects.toMatchObject({ code: 'auth.invalid' })
  })

  it('[DC-63] below the MaxMsgSize of either side, each command answered', async () => {
    limitMessages(server.server, 4000)
    for (let i = 0; i < 30; i++) one.put(card(`item ${i}`, 'x'.repeat(300)))
    await one.sync()
    const line = watched()
    expect(await two.sync({ ...line.options, peer: { maxMsgSize: 3000 } })).toMatchObject({ received: { added: 30 } })
    const sizes = line
      .sent()
      .slice(1)
      .map((message) => encodeMessage(message, 'wbxml').length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4000)
    const asked = line.received().flatMap((message) => commandsOf(message))
    const answered = new Set(line.sent().flatMap((message) => statusesOf(message)))
    expect(asked.filter((name) => !answered.has(name))).toEqual([])
  })

  it('[DC-63] device information goes once; a server that asks for it gets it', async () => {
    const first = watched()
    await two.sync(first.options)
    expect(first.sent()[0]?.commands.map(({ name }) => name)).toEqual(['Put', 'Get', 'Alert'])
    const second = watched()
    await two.sync(second.options)
    expect(second.sent()[0]?.commands.map(({ name }) => name)).toEqual(['Alert'])
    // A server that lost what it knew: it asks, and the sync begins anew.
    const other = await openItemServer()
    try {
      const third = watched(other)
      two.put(card('Ada'))
      expect(await two.sync(third.options)).toMatchObject({ mode: 'slow', sent: { added: 1 } })
      expect(third.sent().flatMap(({ commands }) => commands.map(({ name }) => name))).toContain('Results')
    } finally {
      await other.close()
    }
  })

  it('[DC-63] a datastore that is not there is said to be so', async () => {
    const lost = new SyncFolder(server.server, 'dev-three', { remote: './nowhere' })
    try {
      await expect(lost.sync()).rejects.toMatchObject({ code: 'datastore.unknown' })
    } finally {
      lost.dispose()
    }
  })

  it('[DC-63] a busy server is asked again', async () => {
    one.put(card('Ada'))
    await one.sync()
    let waiting: Uint8Array | undefined
    let asked = 0
    const busy: SyncOptions = {
      ports: (keyStore) => {
        const ports = sessionPorts(server.server, lossyNetwork(server.server), keyStore)
        const fetch: Fetch = async (url, init) => {
          const message = decodeMessage(init.body ?? new Uint8Array(), 'wbxml')
          if (message.commands.some((c) => c.name === 'Alert' && c.data === '221')) asked += 1
          const whole = waiting ?? (await (await ports.fetch(url, init)).bytes())
          const map = message.commands.some(({ name }) => name === 'Map')
          const bytes = map ? busyAnswer(whole) : waiting === undefined ? whole : lateAnswer(whole)
          waiting = map ? whole : undefined
          return { status: 200, header: () => 'application/vnd.syncml+wbxml', bytes: async () => bytes }
        }
        return { ...ports, fetch }
      },
    }
    expect(await two.sync(busy)).toMatchObject({ received: { added: 1 } })
    expect(asked).toBe(1)
    expect(await two.sync()).toMatchObject({ mode: 'two-way', received: { added: 0 } })
  })
})

/** Only the header's Status, which says 101. */
function busyAnswer(whole: Uint8Array): Uint8Array {
  const message = decodeMessage(whole, 'wbxml')
  const commands = message.commands.flatMap((c) =>
    c.name === 'Status' && c.cmd === 'SyncHdr' ? [{ ...c, data: 101 }] : [],
  )
  return encodeMessage({ ...message, commands, final: false }, 'wbxml')
}

/** The answer that was held back, as one to the message after. */
function lateAnswer(whole: Uint8Array): Uint8Array {
  const message = decodeMessage(whole, 'wbxml')
  const next = (text: string) => String(Number(text) + 1)
  const own = message.commands.find((c): c is StatusCommand => c.name === 'Status' && c.cmd === 'SyncHdr')
  const header = { ...message.header, msgId: next(message.header.msgId) }
  const status = own === undefined ? [] : [{ ...own, cmdId: '99', msgRef: next(own.msgRef) }]
  return encodeMessage({ ...message, header, commands: [...message.commands, ...status] }, 'wbxml')
}

/** Every command that wants a Status, as `message/command`. */
function commandsOf({ header, commands }: Message): string[] {
  const all = commands.flatMap((c) => (c.name === 'Sync' ? [c, ...c.commands] : [c]))
  return all.filter(({ name }) => name !== 'Status').map(({ cmdId }) => `${header.msgId}/${cmdId}`)
}

function statusesOf({ commands }: Message): string[] {
  return commands.flatMap((c) => (c.name === 'Status' ? [`${c.msgRef}/${c.cmdRef}`] : []))
}
