/** Statuses: which, in what order, how many fit, and what is refused without any. */

import { describe, expect, it } from 'vitest'
import type { Command } from '../../../schemas/syncml/message.ts'
import {
  addOf,
  alerts,
  headerStatus,
  OmadsPeer,
  omadsServer,
  statuses,
  statusLine,
  syncAlert,
  syncOf,
} from '../../support/omadsPeer.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

function nextMessage(): Command {
  return { name: 'Alert', cmdId: '', data: '222', items: [{ target: { locUri: 's' }, source: { locUri: 'd' } }] }
}

describe('statuses', () => {
  it('[OM-5] NoResp on a command silences its Status only, on the header all', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const quiet = { ...addOf('1', bytesOf('x')), noResp: true } as Command
    const one = await peer.send(peer.message([syncOf([quiet, addOf('2', bytesOf('y'))])], { final: false }))
    expect(statusLine(one)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    const all = await peer.send(peer.message([syncOf([addOf('3', bytesOf('z'))])], { header: { noResp: true } }))
    expect(statuses(all)).toEqual([])
    expect(server.store.items.size).toBe(3)
  })

  it('[OM-5] Items of one command share a Status if they fared alike, else each has its own with refs', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const item = (luid: string) => ({ source: { locUri: luid }, data: { kind: 'text' as const, text: luid } })
    const two = (a: string, b: string): Command => ({ name: 'Add', cmdId: '', items: [item(a), item(b)] })
    const answer = await peer.send(peer.message([syncOf([two('1', '2'), two('2', '3')])]))
    expect(statuses(answer).map((s) => [s.cmd, s.data, s.sourceRefs])).toEqual([
      ['SyncHdr', 200, ['dev-1']],
      ['Sync', 200, ['./app']],
      ['Add', 201, []],
      ['Add', 200, ['2']],
      ['Add', 201, ['3']],
    ])
  })

  it('[OM-6] Statuses beyond MaxMsgSize wait for the next messages, the package stays open meanwhile', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { maxMsgSize: 1500, rough: true })
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const adds = Array.from({ length: 200 }, (_, i) => addOf(`item-${i}`, bytesOf('x')))
    const message = peer.message([syncOf(adds)])
    let answer = await peer.send(message)
    const seen: string[] = []
    for (let n = 0; n < 50; n++) {
      seen.push(
        ...statuses(answer)
          .filter((s) => s.cmd === 'Add')
          .map((s) => s.sourceRefs[0] ?? ''),
      )
      if (answer.final) break
      expect(alerts(answer)).toEqual(['222'])
      answer = await peer.send(peer.message([nextMessage()], { final: false }))
    }
    expect(seen).toEqual(adds.map((_, i) => `item-${i}`))
    expect(answer.final).toBe(true)
  })

  it('[OM-9] a failing datastore gives the commands of its Sync a Status and leaves the others alone', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const { apply } = server.store
    server.store.apply = async (client, state, changes) => {
      if (changes.some(({ luid }) => luid === '1')) throw new Error('broken')
      return apply(client, state, changes)
    }
    const broken = syncOf([addOf('1', bytesOf('x')), addOf('2', bytesOf('y'))])
    const answer = await peer.send(peer.message([broken, syncOf([addOf('3', bytesOf('z'))])]))
    const statuses = ['Sync:200', 'Add:500', 'Add:500', 'Sync:200', 'Add:201']
    expect(statusLine(answer)).toEqual(['SyncHdr:200', ...statuses])
    expect(server.errors).toHaveLength(1)
  })

  it('[OM-10] unknown versions get 505 or 513 with ours, and nothing else happens', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const dtd = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred(), header: { verDtd: '1.3' } }))
    expect(statusLine(dtd)).toEqual(['SyncHdr:505'])
    expect(headerStatus(dtd)?.items.map((i) => i.data)).toContainEqual({ kind: 'text', text: '1.2' })
    const proto = await peer.send(peer.message([syncAlert(203, '1')], { header: { verProto: 'SyncML/9' } }))
    expect(statusLine(proto)).toEqual(['SyncHdr:513'])
    expect(await server.deps.sessions.findByDevice('dev-1')).toEqual([])
  })

  it('[OM-1] bodies that are no message are HTTP errors', async () => {
    const { omads } = omadsServer()
    const base = { url: '/omads', host: 'sync.example', remoteAddress: '127.0.0.1' }
    const xml = 'application/vnd.syncml+xml'
    expect((await omads({ ...base, bytes: bytesOf('<SyncML'), contentType: xml })).status).toBe(400)
    expect((await omads({ ...base, bytes: bytesOf('{}'), contentType: 'application/json' })).status).toBe(415)
    expect((await omads({ ...base, bytes: new Uint8Array(4 * 1024 * 1024 + 1), contentType: xml })).status).toBe(413)
  })
})
