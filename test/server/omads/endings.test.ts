/** How sessions end, and what a client finds that comes too late. */

import { describe, expect, it } from 'vitest'
import { addOf, headerStatus, OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../../support/omadsPeer.ts'

const one = new Uint8Array([1])

describe('endings', () => {
  it('[OM-15] a session that is gone is 408, whether it expired, ended or never was', async () => {
    const server = omadsServer()
    const expired = new OmadsPeer(server)
    await expired.send(expired.message([syncAlert(203, '1')], { cred: expired.cred() }))
    server.time += 15 * 60_000 + 1
    await server.omads.expireIdle()
    const late = await expired.send(expired.message([syncOf([addOf('1', one)])]))
    expect(headerStatus(late)?.data).toBe(408)
    expect(server.store.items.size).toBe(0)
    const never = new OmadsPeer(server, { sessionId: 'never' })
    never.message([])
    expect(headerStatus(await never.send(never.message([syncOf([addOf('1', one)])])))?.data).toBe(408)
    const again = new OmadsPeer(server, { sessionId: 'again' })
    await again.send(again.message([]))
    const login = await again.send(again.message([syncAlert(203, '2')], { cred: again.cred() }))
    expect(statusLine(login)).toEqual(['SyncHdr:212', 'Alert:200'])
  })

  it('[OM-19] a classic client gets a Sync after its own, empty as it is', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const answer = await peer.send(peer.message([syncOf([addOf('1', one)])]))
    const syncs = answer.commands.filter((command) => command.name === 'Sync')
    expect(syncs).toHaveLength(1)
    expect(syncs[0]).toMatchObject({ commands: [] })
    expect(answer.final).toBe(true)
  })

  it('[OM-20] what only takes is finished with package 3, and not abandoned later', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    await peer.send(peer.message([syncOf([addOf('1', one)])], { final: false }))
    expect(server.store.events).toEqual(['put 1'])
    await peer.send(peer.message([syncOf([addOf('2', one)])]))
    expect(server.store.events).toEqual(['put 1', 'put 2', 'finish'])
    server.time += 15 * 60_000 + 1
    await server.omads.expireIdle()
    expect(server.store.events).toEqual(['put 1', 'put 2', 'finish'])
  })
})
