/** One contract for session stores, and a whole session over the real catalogue that is closed between messages. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sqlNonceStore } from '../../../server/catalogue/sqlite/nonceStore.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlSessionStore } from '../../../server/catalogue/sqlite/sessionStore.ts'
import type { KeyRing } from '../../../server/keys/keyRing.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { createOmads } from '../../../server/omads/handleMessage.ts'
import { newSession } from '../../../server/omads/session.ts'
import type { SessionRecord, SessionStore } from '../../../server/omads/sessionStore.ts'
import { memorySessionStore } from '../../support/omadsMemory.ts'
import { addOf, OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../../support/omadsPeer.ts'

let dir: string
let keyRing: KeyRing
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-omads-'))
  keyRing = openKeyRing({ dataDir: dir }).keyRing
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function record(token: string, deviceId: string, touchedAt: number): SessionRecord {
  const state = newSession({
    token: token.repeat(32),
    sessionId: '1',
    deviceId,
    version: '1.2',
    encoding: 'xml',
    serverUri: 's',
    remoteAddress: '::1',
  })
  const bytes = new Uint8Array([0, 255, 10])
  return { state, answer: { msgId: 1, requestDigest: 'd', contentType: 'c', bytes }, touchedAt }
}

const stores: readonly [string, () => Promise<{ store: SessionStore; close: () => Promise<void> }>][] = [
  ['memory', async () => ({ store: memorySessionStore(), close: async () => undefined })],
  [
    'catalogue',
    async () => {
      const db = await openCatalogue(dir, keyRing)
      return { store: sqlSessionStore(db), close: () => db.destroy() }
    },
  ],
]

describe.each(stores)('[OM-4] sessions in %s', (_, open) => {
  it('are found by token and device, newest first, replaced and removed', async () => {
    const { store, close } = await open()
    await store.save(record('a', 'd1', 10))
    await store.save(record('b', 'd1', 20))
    await store.save(record('c', 'd2', 30))
    expect(await store.findByToken('a'.repeat(32))).toEqual(record('a', 'd1', 10))
    expect(await store.findByToken('e'.repeat(32))).toBeUndefined()
    expect((await store.findByDevice('d1')).map((r) => r.touchedAt)).toEqual([20, 10])
    await store.save(record('a', 'd1', 40))
    expect((await store.findByDevice('d1')).map((r) => r.touchedAt)).toEqual([40, 20])
    expect((await store.listIdle(40, 10)).map((r) => r.touchedAt)).toEqual([20, 30])
    expect(await store.listIdle(40, 1)).toHaveLength(1)
    await store.remove('b'.repeat(32))
    expect(await store.findByDevice('d1')).toHaveLength(1)
    await close()
  })
})

describe('[OM-3][OM-4] over the real catalogue', () => {
  it('a session goes on, and its answers come again, after the catalogue was closed and opened', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const reopen = async () => {
      const db = await openCatalogue(dir, keyRing)
      Object.assign(server.deps, { sessions: sqlSessionStore(db), nonces: sqlNonceStore(db) })
      server.omads = createOmads(server.deps)
      return db
    }
    let db = await reopen()
    const first = peer.message([syncAlert(203, '1')], { cred: peer.cred() })
    const answer = await peer.send(first)
    expect(statusLine(answer)).toEqual(['SyncHdr:212', 'Alert:200'])
    await db.destroy()
    db = await reopen()
    const bytes = new Uint8Array(50_000).map((_, i) => i)
    await peer.send(
      peer.message([syncOf([addOf('1', bytes.subarray(0, 30_000), { size: 50_000, moreData: true })])], {
        final: false,
      }),
    )
    await db.destroy()
    db = await reopen()
    const last = peer.message([syncOf([addOf('1', bytes.subarray(30_000))])])
    const done = await peer.post(last)
    await db.destroy()
    db = await reopen()
    expect(Buffer.compare((await peer.post(last)).bytes, done.bytes)).toBe(0)
    expect(server.store.events).toEqual(['put 1', 'finish'])
    expect(Buffer.compare(server.store.items.get('acc-alice/1')?.bytes ?? bytes.subarray(1), bytes)).toBe(0)
    const next = new OmadsPeer(server, { sessionId: '22' })
    const login = await next.send(next.message([syncAlert(203, '2')], { cred: next.cred(peer.nonce) }))
    expect(statusLine(login)[0]).toBe('SyncHdr:212')
    await db.destroy()
  })
})
