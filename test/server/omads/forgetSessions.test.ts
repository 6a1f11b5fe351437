/** Sessions that nobody proved to be his do not pile up. */

import { expect, it } from 'vitest'
import { headerStatus, OmadsPeer, omadsServer, syncAlert } from '../../support/omadsPeer.ts'

it('[OM-25] sessions begun without credentials under one id are bounded, and the device gets in all the same', async () => {
  const server = omadsServer()
  for (let i = 0; i < 200; i++) {
    server.time += 1
    const stranger = new OmadsPeer(server, { sessionId: `s${i}`, remoteAddress: '10.0.0.1' })
    expect(headerStatus(await stranger.send(stranger.message([])))?.data).toBe(407)
  }
  expect((await server.deps.sessions.findByDevice('dev-1')).length).toBeLessThanOrEqual(65)
  const peer = new OmadsPeer(server, { sessionId: 'own' })
  await peer.send(peer.message([]))
  const reply = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
  expect(headerStatus(reply)?.data).toBe(212)
})
