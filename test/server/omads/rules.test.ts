/** Who may speak in a session, which message is the next one, and what becomes of sessions nobody ends. */

import { describe, expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { contentTypeOf, decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { basicCredential, formatHmacHeader, ha1, hmac, md5Credential } from '../../../schemas/syncml/credential.ts'
import type { SyncmlVersion } from '../../../schemas/syncml/message.ts'
import { addOf, headerStatus, OmadsPeer, omadsServer, statusLine, syncAlert, syncOf } from '../../support/omadsPeer.ts'
import { registryOf, storingDatastore } from '../../support/storingDatastore.ts'

const one = new TextEncoder().encode('one')

describe('login', () => {
  it('[OM-11] no credentials: 407 for all, nothing executed; the same session goes on with the nonce', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { rough: true })
    const asked = await peer.send(peer.message([syncAlert(203, '1'), syncOf([addOf('1', one)])]))
    expect(statusLine(asked)).toEqual(['SyncHdr:407', 'Alert:407', 'Sync:407', 'Add:407'])
    expect(asked.final).toBe(true)
    expect(headerStatus(asked)?.chal?.meta).toMatchObject({ type: 'syncml:auth-md5', format: 'b64' })
    expect(peer.nonce).toHaveLength(16)
    expect(Buffer.from(peer.nonce).toString()).toMatch(/^[\x21-\x7e]{16}$/)
    const done = await peer.send(peer.message([syncAlert(203, '1'), syncOf([addOf('1', one)])], { cred: peer.cred() }))
    expect(statusLine(done)).toEqual(['SyncHdr:212', 'Alert:200', 'Sync:200', 'Add:201'])
    expect(server.store.events).toEqual(['put 1', 'finish'])
  })

  it('[OM-11] a challenge serves a new session too, and three failures end one', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { password: 'wrong' })
    for (const status of ['401', '401', '401']) {
      const answer = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
      expect(statusLine(answer)).toEqual([`SyncHdr:${status}`, `Alert:${status}`])
    }
    const over = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    expect(statusLine(over)[0]).toBe('SyncHdr:408')
    const other = new OmadsPeer(server, { sessionId: '22' })
    const fresh = await other.send(other.message([syncAlert(203, '1')], { cred: other.cred(peer.nonce) }))
    expect(statusLine(fresh)[0]).toBe('SyncHdr:212')
  })

  it('[OM-11] the nonce before is accepted once more, the empty one only before the first login', async () => {
    const server = omadsServer()
    let session = 30
    const login = async (nonce: Uint8Array) => {
      const peer = new OmadsPeer(server, { sessionId: String(session++) })
      const answer = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred(nonce) }))
      return { status: headerStatus(answer)?.data, next: peer.nonce }
    }
    const first = await login(new Uint8Array())
    expect(first.status).toBe(212)
    expect((await login(new Uint8Array())).status).toBe(401)
    expect((await login(first.next)).status).toBe(212)
    expect((await login(first.next)).status).toBe(212)
    expect((await login(first.next)).status).toBe(401)
  })

  it('[OM-11] an HMAC in the transport header covers the message', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const login = async (sign: (message: Uint8Array) => Uint8Array) => {
      const message = new OmadsPeer(server, { sessionId: String(40 + sessions++) }).message([syncAlert(203, '1')])
      const bytes = encodeMessage(message, 'wbxml')
      const mac = hmac(ha1('alice', 'secret'), peer.nonce, sign(bytes))
      const hmacHeader = formatHmacHeader({ username: 'alice', mac })
      const request = { bytes, contentType: contentTypeOf('wbxml'), url: '/omads', remoteAddress: '127.0.0.1' }
      const answer = await server.omads({ ...request, hmac: hmacHeader })
      return headerStatus(decodeMessage(answer.bytes, 'wbxml'))
    }
    let sessions = 0
    const refused = await login(() => one)
    expect(refused).toMatchObject({ data: 401, chal: { meta: { type: 'syncml:auth-MAC', format: 'b64' } } })
    peer.nonce = refused?.chal?.meta.nextNonce ?? peer.nonce
    const accepted = await login((bytes) => bytes)
    expect(accepted).toMatchObject({ data: 212, chal: { meta: { type: 'syncml:auth-MAC' } } })
    expect(await login((bytes) => bytes.slice(1))).toMatchObject({ data: 401 })
    peer.nonce = accepted?.chal?.meta.nextNonce ?? peer.nonce
    expect(await login((bytes) => bytes)).toMatchObject({ data: 212 })
  })

  it('[OM-11] 1.0 is challenged with basic; basic and raw digests are understood', async () => {
    const server = omadsServer()
    const old = new OmadsPeer(server, { version: '1.0', encoding: 'xml' })
    const asked = await old.send(old.message([syncAlert(203, '1')]))
    expect(headerStatus(asked)?.chal?.meta).toMatchObject({ type: 'syncml:auth-basic' })
    const cred = {
      meta: { type: 'syncml:auth-basic' },
      data: { kind: 'text' as const, text: basicCredential('alice', 'secret') },
    }
    const done = await old.send(old.message([syncAlert(203, '1')], { cred }))
    expect(statusLine(done)).toEqual(['SyncHdr:212', 'Alert:200'])
    expect(done.header).toMatchObject({ verDtd: '1.0', verProto: 'SyncML/1.0' })
    expect(done.header.meta?.maxObjSize).toBeUndefined()
    const raw = new OmadsPeer(server, { deviceId: 'dev-2' })
    const digest = Buffer.from(md5Credential(ha1('alice', 'secret'), new Uint8Array()), 'base64')
    const bytes = { meta: { type: 'syncml:auth-md5' }, data: { kind: 'bytes' as const, bytes: new Uint8Array(digest) } }
    expect(headerStatus(await raw.send(raw.message([], { cred: bytes })))?.data).toBe(212)
  })

  it.each<SyncmlVersion>(['1.0', '1.1', '1.2'])('[OM-10] a whole session in SyncML %s', async (version) => {
    const server = omadsServer()
    const peer = new OmadsPeer(server, { version, encoding: 'xml', rough: true })
    const cred = {
      meta: { type: 'syncml:auth-basic' },
      data: { kind: 'text' as const, text: basicCredential('alice', 'secret') },
    }
    await peer.send(peer.message([syncAlert(203, '1')], { cred }))
    const text = { source: { locUri: '1' }, data: { kind: 'text' as const, text: 'one' } }
    const done = await peer.send(peer.message([syncOf([{ name: 'Add', cmdId: '', items: [text] }])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    // A classic client is given a Sync of ours, and closes with its Statuses.
    expect(done.commands.some((c) => c.name === 'Sync' && c.commands.length === 0)).toBe(true)
    const last = await peer.send(peer.message([]))
    expect(last.final).toBe(true)
    expect(last.header.respUri).toBeUndefined()
    expect(server.store.events).toEqual(['put 1', 'finish'])
  })
})

describe('order of messages', () => {
  it('[OM-3] the last answer comes again byte for byte, also after the end of the session', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const message = peer.message([syncAlert(203, '1'), syncOf([addOf('1', one)])], { cred: peer.cred() })
    const first = await peer.post(message)
    server.restart()
    server.time += 14 * 60_000
    await server.omads.expireIdle()
    const again = await peer.post(message)
    expect(Buffer.compare(first.bytes, again.bytes)).toBe(0)
    expect(server.store.events.filter((e) => e === 'put 1')).toHaveLength(1)
  })

  it.each([
    ['another body under the same MsgID', 0],
    ['a gap', 2],
    ['a lower MsgID', -1],
  ])('[OM-3] %s ends the session', async (_, step) => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    await peer.send(peer.message([syncOf([addOf('1', one)])], { final: false }))
    peer.msgId += step - 1
    const answer = await peer.send(peer.message([syncOf([addOf('2', one)])]))
    expect(statusLine(answer)[0]).toBe('SyncHdr:400')
    expect(server.store.events).toEqual(['put 1', 'suspend'])
    peer.msgId = 2
    expect(statusLine(await peer.send(peer.message([syncOf([addOf('3', one)])])))[0]).toBe('SyncHdr:408')
    expect(server.store.events).toEqual(['put 1', 'suspend'])
  })

  it('[OM-2] two messages of one session at once run one after the other', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const running: string[] = []
    const { apply } = server.store
    server.store.apply = async (who, state, change) => {
      running.push('in')
      await new Promise((done) => setTimeout(done, 20))
      running.push('out')
      return apply.call(server.store, who, state, change)
    }
    const second = peer.message([syncOf([addOf('1', one)])], { final: false })
    const third = peer.message([syncOf([addOf('2', one)])])
    const answers = await Promise.all([peer.post(second), peer.post(second), peer.post(third)])
    expect(running).toEqual(['in', 'out', 'in', 'out'])
    expect(Buffer.compare(answers[0]?.bytes ?? one, answers[1]?.bytes ?? one)).toBe(0)
    expect(server.store.items.size).toBe(2)
  })
})

describe('crashes', () => {
  it('[OM-18] a change that was applied but not answered is repeated, and does no harm', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    await peer.send(peer.message([syncOf([addOf('1', one, { size: 6, moreData: true })])], { final: false }))
    const { save } = server.deps.sessions
    const last = peer.message([syncOf([addOf('1', one)])])
    Object.assign(server.deps.sessions, {
      save: async () => {
        throw new CodedError('storage.unavailable', 'no answer')
      },
    })
    expect((await peer.post(last)).status).toBe(503)
    expect(server.store.events).toContain('put 1')
    Object.assign(server.deps.sessions, { save })
    server.restart()
    const done = await peer.send(last)
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:200'])
    expect(Buffer.from(server.store.items.get('acc-alice/1')?.bytes ?? one).toString()).toBe('oneone')
    expect(server.spool.ids()).toEqual([])
  })
})

describe('sessions', () => {
  it('[OM-2] a new session of the device abandons the older one, of another account never', async () => {
    const server = omadsServer()
    const first = new OmadsPeer(server)
    await first.send(first.message([syncAlert(203, '1')], { cred: first.cred() }))
    const stranger = new OmadsPeer(server, { user: 'bob', password: 'other', sessionId: '22' })
    await stranger.send(stranger.message([syncAlert(203, '1')], { cred: stranger.cred() }))
    expect(server.store.events).toEqual([])
    const failing = new OmadsPeer(server, { password: 'wrong', sessionId: '23' })
    await failing.send(failing.message([syncAlert(203, '1')], { cred: failing.cred() }))
    expect(server.store.events).toEqual([])
    const second = new OmadsPeer(server, { sessionId: '24' })
    await second.send(second.message([syncAlert(203, '1')], { cred: second.cred(first.nonce) }))
    expect(server.store.events).toEqual(['suspend'])
    expect(statusLine(await first.send(first.message([syncOf([addOf('1', one)])])))[0]).toBe('SyncHdr:408')
  })

  it('[OM-14] without the token a session is found by its ids from the same address', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const { url } = peer
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    peer.url = url
    const done = await peer.send(peer.message([syncOf([addOf('1', one)])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
  })

  it('[OM-14] a session begun by a stranger under the same ids does not get in the way', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const { url } = peer
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const stranger = new OmadsPeer(server, { remoteAddress: '203.0.113.9', password: 'guess' })
    server.time += 1
    await stranger.send(stranger.message([syncAlert(203, '1')], { cred: stranger.cred() }))
    peer.url = url
    const done = await peer.send(peer.message([syncOf([addOf('1', one)])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
  })

  it('[OM-2] a datastore that was opened and never synchronized is abandoned at the end', async () => {
    const server = omadsServer()
    const other = storingDatastore('./databases/other', [203], server.spool)
    Object.assign(server.deps, { registry: registryOf(server.store, other) })
    const peer = new OmadsPeer(server)
    const both = [syncAlert(203, '1'), syncAlert(203, '1', { target: './databases/other' })]
    await peer.send(peer.message(both, { cred: peer.cred() }))
    await peer.send(peer.message([syncOf([addOf('1', one)])]))
    await peer.send(peer.message([]))
    expect(server.store.events).toEqual(['put 1', 'finish'])
    expect(other.events).toEqual(['suspend'])
  })

  it('[OM-14] ids from another address are a guess: challenged, and the session stays whole', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const thief = new OmadsPeer(server, { remoteAddress: '203.0.113.9' })
    thief.msgId = 1
    const guess = await thief.send(thief.message([syncOf([addOf('evil', one)])]))
    expect(statusLine(guess)[0]).toBe('SyncHdr:407')
    const done = await peer.send(peer.message([syncOf([addOf('1', one)])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    expect(server.store.events).toEqual(['put 1', 'finish'])
  })

  it('[OM-2] a silent session is abandoned, its spool dropped, and forgotten', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    const chunk = addOf('1', one, { size: 100, moreData: true })
    await peer.send(peer.message([syncOf([chunk])], { final: false }))
    expect(server.spool.ids()).toHaveLength(1)
    await server.deps.spool.append('omads-00000000000000000000000000000000-1', 0, one)
    server.time += 15 * 60_000 + 1
    server.restart()
    expect(await server.omads.expireIdle()).toBe(1)
    expect(server.store.events).toEqual(['suspend'])
    expect(server.spool.ids()).toEqual([])
    expect(await server.deps.sessions.findByDevice('dev-1')).toEqual([])
  })

  it('RespURI follows the configured public address, else the Host header, and comes once', async () => {
    const server = omadsServer()
    const peer = new OmadsPeer(server)
    const first = await peer.send(peer.message([syncAlert(203, '1')], { cred: peer.cred() }))
    expect(first.header.respUri).toMatch(/^http:\/\/sync\.example\/omads\?s=/)
    const second = await peer.send(peer.message([], { final: false }))
    expect(second.header.respUri).toBeUndefined()
    const behind = omadsServer()
    Object.assign(behind.deps, { publicUrl: 'https://public.example/sync/omads' })
    const other = new OmadsPeer(behind)
    const reply = await other.send(other.message([syncAlert(203, '1')], { cred: other.cred() }))
    expect(reply.header.respUri).toMatch(/^https:\/\/public\.example\/sync\/omads\?s=/)
  })
})
