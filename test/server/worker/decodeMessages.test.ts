/** Large messages are read elsewhere, and what is read is the same. */

import { afterEach, expect, it } from 'vitest'
import { encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Command, Encoding, Message } from '../../../schemas/syncml/message.ts'
import { showMessage } from '../../../schemas/syncml/trace.ts'
import { createMessageDecoder, type MessageDecoder } from '../../../server/worker/decodeMessages.ts'
import { package1 } from '../../fixtures/syncml.ts'

let decoder: MessageDecoder = createMessageDecoder()
afterEach(async () => {
  await decoder.close()
  decoder = createMessageDecoder()
})

const alerts = (count: number): Command[] =>
  Array.from({ length: count }, (_, i) => ({ name: 'Alert', cmdId: String(i + 1), data: '100', items: [] }))
const withCommands = (commands: readonly Command[]): Message => ({ ...package1.message, commands })

it.each<Encoding>(['xml', 'wbxml'])(
  '[OM-24] a %s message of many elements arrives as it was, and nobody waits',
  async (encoding) => {
    const message = withCommands(alerts(8000))
    const octets = encodeMessage(message, encoding)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    expect(await decoder.decode(octets, encoding)).toEqual(message)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  },
)

it.each<Encoding>(['xml', 'wbxml'])('[OM-24] a %s message with one large Item arrives as it was', async (encoding) => {
  const bytes = new Uint8Array(1_000_000).fill(0xc3)
  const add: Command = {
    name: 'Add',
    cmdId: '2',
    meta: { format: encoding === 'xml' ? 'b64' : 'bin' },
    items: [{ data: { kind: 'bytes', bytes } }],
  }
  const message = withCommands([{ name: 'Sync', cmdId: '1', commands: [add] }])
  const read = await decoder.decode(encodeMessage(message, encoding), encoding)
  expect(read.commands[0]).toMatchObject({ name: 'Sync' })
  expect(JSON.stringify(read).length).toBeGreaterThan(1_000_000)
})

it('[OM-24] a refusal keeps its code', async () => {
  const deep = Buffer.from('<a>'.repeat(100_000))
  await expect(decoder.decode(deep, 'xml')).rejects.toMatchObject({ code: 'protocol.too-large' })
  await expect(decoder.decode(new Uint8Array(100_000).fill(1), 'wbxml')).rejects.toMatchObject({
    code: 'protocol.malformed',
  })
})

it('[OM-24] senders have their turns, and what would wait too long is told to come again', async () => {
  const octets = encodeMessage(withCommands(alerts(2000)), 'wbxml')
  const many = (count: number, from: string) =>
    Array.from({ length: count }, () => decoder.decode(octets, 'wbxml', from).then(() => from))
  const greedy = Promise.allSettled(many(30, 'greedy'))
  const order: string[] = []
  const others = [...many(2, 'one'), ...many(2, 'two')].map((work) => work.then((from) => order.push(from)))
  await Promise.all(others)
  const rest = Promise.allSettled(Array.from({ length: 80 }, (_, i) => decoder.decode(octets, 'wbxml', `${i}`)))
  const refused = (results: readonly PromiseSettledResult<unknown>[]) =>
    results.filter(({ status }) => status === 'rejected').length
  // Nearly at once, though sixteen of the greedy one wait before them.
  expect(order).toEqual(['one', 'two', 'one', 'two'])
  // One is being read while sixteen wait.
  expect(refused(await greedy)).toBe(13)
  expect(refused(await rest)).toBeGreaterThan(0)
})

it('[TR-5, OM-24] a large message is made readable elsewhere, too, and what is none is refused', async () => {
  const octets = encodeMessage(withCommands(alerts(2000)), 'wbxml')
  expect(await decoder.show(octets)).toBe(showMessage(octets))
  expect(await decoder.show(encodeMessage(package1.message, 'xml'))).toContain('<SyncHdr>')
  await expect(decoder.show(new Uint8Array(20_000))).rejects.toMatchObject({ code: 'protocol.malformed' })
  await expect(decoder.show(new Uint8Array(2))).rejects.toMatchObject({ code: 'protocol.malformed' })
})
