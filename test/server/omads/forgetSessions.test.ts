/** What nobody proved leaves nothing behind, and what a device leaves is bounded. */

import { expect, it } from 'vitest'
import { headerStatus, OmadsPeer, omadsServer, syncAlert } from '../../support/omadsPeer.ts'

/** How often the stores were written. */
function countWrites(server: ReturnType<typeof omadsServer>): () => number {
  let writes = 0
  const { sessions, nonces } = server.deps
  const counting = <Given extends unknown[]>(write: (...given: Given) => Promise<void>) => {
    return (...given: Given): Promise<void> => {
      writes += 1
      return write(...given)
    }
  }
  Object.assign(server.deps, {
    sessions: { ...sessions, save: counting(sessions.save), remove: counting(sessions.remove) },
    nonces: { ...nonces, accept: counting(nonces.accept) },
  })
  server.restart()
  return () => writes
}

it('[OM-25] without a login nothing is written, and the device gets in all the same', async () => {
  const server = omadsServer()
  const writes = countWrites(server)
  for (let i = 0; i < 200; i++) {
    server.time += 1
    const stranger = new OmadsPeer(server, { sessionId: `s${i % 100}`, remoteAddress: '10.0.0.1', password: 'guess' })
    const cred = i % 2 === 0 ? {} : { cred: stranger.cred() }
    expect(headerStatus(await stranger.send(stranger.message([], cred)))?.data).toBe(i % 2 === 0 ? 407 : 401)
  }
  expect(writes()).toBe(0)
  const peer = new OmadsPeer(server, { sessionId: 'own' })
  await peer.send(peer.message([]))
  server.restart()
  const reply = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
  expect(headerStatus(reply)?.data).toBe(212)
})

it('[OM-25] a challenge serves a quarter of an hour, at most twice as long, and one login', async () => {
  const server = omadsServer()
  const tryWith = async (nonce: Uint8Array, sessionId: string) => {
    const peer = new OmadsPeer(server, { sessionId })
    const reply = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred(nonce) }))
    return headerStatus(reply)?.data
  }
  const asked = async (header = {}) => {
    const peer = new OmadsPeer(server, { sessionId: 'asks' })
    await peer.send(peer.message([], { header }))
    return peer.nonce
  }
  const old = await asked()
  server.time += 31 * 60_000
  expect(await tryWith(old, '1')).toBe(401)
  const fresh = await asked()
  server.time += 15 * 60_000
  expect(await tryWith(fresh, '2')).toBe(212)
  // Once more, as the one before (OM-11); never a third time.
  expect(await tryWith(fresh, '3')).toBe(212)
  expect(await tryWith(fresh, '4')).toBe(401)
  const nameless = await asked({ source: { locUri: 'dev-1' } })
  expect(await tryWith(nameless, '5')).toBe(212)
  expect(await tryWith(nameless, '6')).toBe(212)
  expect(await tryWith(nameless, '7')).toBe(401)
})

it('[OM-25] ended sessions of one device are bounded', async () => {
  const server = omadsServer()
  const peer = new OmadsPeer(server, { sessionId: 'first' })
  await peer.send(peer.message([]))
  let nonce = peer.nonce
  for (let i = 0; i < 40; i++) {
    server.time += 1
    const next = new OmadsPeer(server, { sessionId: String(i) })
    const reply = await next.send(next.message([syncAlert(203, '1')], { cred: next.cred(nonce) }))
    expect(headerStatus(reply)?.data).toBe(212)
    nonce = next.nonce
  }
  expect((await server.deps.sessions.findByDevice('dev-1')).length).toBeLessThanOrEqual(18)
})
