/** What a session owes its client stays bounded, short at rest, and is all said in the end. */

import { describe, expect, it } from 'vitest'
import type { Command, Item } from '../../../schemas/syncml/message.ts'
import { addOwed, countOwed, dropOwed, owedStatuses } from '../../../server/omads/owedStatuses.ts'
import {
  addOf,
  headerStatus,
  OmadsPeer,
  omadsServer,
  statuses,
  statusLine,
  syncAlert,
  syncOf,
} from '../../support/omadsPeer.ts'

const display = (): Command => ({ name: 'Alert', cmdId: '', data: '100', items: [] })
const many = (count: number, make: (index: number) => Command): Command[] =>
  Array.from({ length: count }, (_, index) => make(index))

async function opened(options = {}) {
  const server = omadsServer()
  const peer = new OmadsPeer(server, options)
  await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred(), final: false }))
  const stored = async () => (await server.deps.sessions.findByDevice('dev-1'))[0]?.state
  return { server, peer, stored }
}

describe('Statuses at rest', () => {
  const status = (cmdRef: string, more = {}) => ({
    name: 'Status' as const,
    cmdId: '',
    msgRef: '2',
    cmdRef,
    cmd: 'Add',
    targetRefs: [],
    sourceRefs: [],
    data: 201,
    items: [],
    ...more,
  })
  const anchor: Item = { data: { kind: 'anchor', anchor: { next: '1' } } }
  const list = [
    status('1'),
    status('2', { sourceRefs: ['luid'] }),
    status('3', { targetRefs: ['guid'] }),
    status('4', { data: 500 }),
    status('5', { items: [anchor], targetRefs: ['t'] }),
    status('6', { msgRef: '3' }),
    status('7', { targetRefs: ['a', 'b'] }),
    status('8'),
  ]

  it('[OM-26] come out as they went in, whatever was dropped before', () => {
    const owed = addOwed(addOwed([], list.slice(0, 3)), list.slice(3))
    expect(countOwed(owed)).toBe(list.length)
    for (let drop = 0; drop <= list.length + 1; drop++) {
      const left: unknown = JSON.parse(JSON.stringify(dropOwed(owed, drop)))
      expect([...owedStatuses(left as typeof owed)]).toEqual(list.slice(drop))
    }
  })
})

it('[OM-26] thousands of Statuses are stored short, and all of them are said', async () => {
  const { server, peer, stored } = await opened({ maxMsgSize: 100_000 })
  const message = peer.message(many(8000, display), { final: false })
  const first = await peer.send(message)
  expect(JSON.stringify(await stored()).length).toBeLessThan(100_000)
  const said = statuses(first).filter(({ cmd }) => cmd === 'Alert')
  for (let turn = 0; turn < 10 && said.length < 8000; turn++) {
    const answer = await peer.send(peer.message([], { final: false }))
    said.push(...statuses(answer).filter(({ cmd, msgRef }) => cmd === 'Alert' && msgRef === message.header.msgId))
  }
  expect(said.map(({ cmdRef }) => cmdRef)).toEqual(message.commands.map(({ cmdId }) => cmdId))
  expect(server.errors).toEqual([])
})

it('[OM-26] a client that lets Statuses pile up is refused before anything is done, and its session ends', async () => {
  const { server, peer } = await opened({ maxMsgSize: 1500 })
  await peer.send(peer.message(many(8000, display), { final: false }))
  await peer.send(peer.message(many(7900, display), { final: false }))
  const put = syncOf([addOf('1', new Uint8Array([1]))])
  const refused = await peer.send(peer.message([put, ...many(500, display)], { final: false }))
  expect(headerStatus(refused)?.data).toBe(413)
  expect(server.store.items.size).toBe(0)
  expect(server.store.events).toEqual(['suspend'])
  const over = await peer.send(peer.message([], { final: false }))
  expect(headerStatus(over)?.data).toBe(408)
})

it('[OM-26] Results and Alerts are owed 200 at most; what is beyond is told to come again', async () => {
  const { peer } = await opened()
  const get = (): Command => ({ name: 'Get', cmdId: '', items: [{ target: { locUri: './devinf12' } }] })
  const answers = statusLine(await peer.send(peer.message(many(250, get), { final: false })))
  expect(answers.filter((line) => line === 'Get:200').length).toBeGreaterThan(190)
  expect(answers).toContain('Get:417')
})

it('[OM-6] an answer is no larger than what we take, whatever the client offers', async () => {
  const { server, peer } = await opened({ maxMsgSize: 2 ** 45 })
  const { bytes } = await peer.post(peer.message(many(8000, display), { final: false }))
  expect(bytes.length).toBeLessThan(80 * 1024)
  expect(server.errors).toEqual([])
})
