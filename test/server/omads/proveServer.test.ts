/** Mutual authentication: dialogues of clients that want to know who answers them. */

import { describe, expect, it } from 'vitest'
import { basicCredential, ha1, md5Credential, md5CredentialOf10 } from '../../../schemas/syncml/credential.ts'
import type { Cred, Encoding, Message, StatusCommand } from '../../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'
import {
  addOf,
  alerts,
  OmadsPeer,
  type OmadsServer,
  omadsServer,
  type PeerOptions,
  statuses,
  statusLine,
  syncAlert,
  syncOf,
} from '../../support/omadsPeer.ts'

const one = encodeUtf8('one')
const PASSWORD = 'the server secret'
const SERVER_ID = 'nightferry-test'

const proving = (): OmadsServer => omadsServer({ syncTypes: [200, 201, 203], serverPasswords: { 'dev-1': PASSWORD } })

/** The client's Status for our header, with a challenge if there is a nonce. */
function verdict(message: Message, data: number, nonce?: string, type = 'syncml:auth-md5'): StatusCommand {
  const { msgId, target, source } = message.header
  const nextNonce = type === 'syncml:auth-md5' ? { nextNonce: encodeUtf8(nonce ?? '') } : {}
  return {
    ...{ name: 'Status', cmdId: '', msgRef: msgId, cmdRef: '0', cmd: 'SyncHdr', data, items: [] },
    ...{ targetRefs: [target.locUri], sourceRefs: [source.locUri] },
    ...(nonce === undefined ? {} : { chal: { meta: { format: 'b64', type, ...nextNonce } } }),
  }
}

const textOf = (cred: Cred | undefined) => (cred?.data.kind === 'text' ? cred.data.text : undefined)
const proofOf = (nonce: string) => md5Credential(ha1(SERVER_ID, PASSWORD), encodeUtf8(nonce))

async function opened(server: OmadsServer, options: PeerOptions = {}) {
  const peer = new OmadsPeer(server, options)
  const first = await peer.send(peer.message([syncAlert(203, '7')], { cred: peer.cred() }))
  return { peer, first }
}

describe.each<Encoding>(['xml', 'wbxml'])('a client that doubts the server, in %s', (encoding) => {
  it('[OM-36] challenges (407), gets credentials and package 2 again, and goes on', async () => {
    const server = proving()
    const { peer, first } = await opened(server, { encoding, rough: true })
    expect(first.header.cred).toBeUndefined()
    const again = await peer.send(peer.message([verdict(first, 407, '48213')]))
    expect(again.header.cred?.meta).toMatchObject({ type: 'syncml:auth-md5', format: 'b64' })
    expect(again.header.source).toMatchObject({ locName: SERVER_ID })
    expect(textOf(again.header.cred)).toBe(proofOf('48213'))
    expect(statuses(again).map((s) => `${s.msgRef}/${s.cmd}:${s.data}`)).toEqual(['2/SyncHdr:200', '1/Alert:200'])
    expect(alerts(again)).toEqual(alerts(first))
    expect(again.final).toBe(true)
    const done = await peer.send(peer.message([verdict(again, 212, '99001'), syncOf([addOf('1', one)])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    expect(done.header.cred).toBeUndefined()
    expect(server.errors).toEqual([])
    // The nonce it gave last serves the next session, which begins with a proof.
    const next = new OmadsPeer(server, { encoding, sessionId: '22' })
    const answer = await next.send(next.message([syncAlert(203, '8', { last: '7' })], { cred: next.cred(peer.nonce) }))
    expect(textOf(answer.header.cred)).toBe(proofOf('99001'))
  })
})

describe('a client that doubts the server', () => {
  it('[OM-36] may challenge once more with 401; a third challenge is not answered', async () => {
    const server = proving()
    const { peer, first } = await opened(server)
    const second = await peer.send(peer.message([verdict(first, 407, '11111')]))
    expect(textOf(second.header.cred)).toBe(proofOf('11111'))
    const third = await peer.send(peer.message([verdict(second, 401, '22222')]))
    expect(textOf(third.header.cred)).toBe(proofOf('22222'))
    expect(statuses(third).map((s) => `${s.msgRef}/${s.cmd}`)).toEqual(['3/SyncHdr', '1/Alert'])
    expect(alerts(third)).toEqual(['203'])
    const fourth = await peer.send(peer.message([verdict(third, 401, '33333')]))
    expect(textOf(fourth.header.cred)).toBe(proofOf('22222'))
    expect(alerts(fourth)).toEqual([])
  })

  it('[OM-36] that answers 200 with a nonce gets a proof with each message, over its latest nonce', async () => {
    const server = proving()
    const { peer, first } = await opened(server)
    const second = await peer.send(peer.message([verdict(first, 407, '11111')]))
    const third = await peer.send(peer.message([verdict(second, 200, '22222')], { final: false }))
    expect(textOf(third.header.cred)).toBe(proofOf('22222'))
    const fourth = await peer.send(peer.message([verdict(third, 200, '33333')], { final: false }))
    expect(textOf(fourth.header.cred)).toBe(proofOf('33333'))
    expect(alerts(fourth)).toEqual(['222'])
  })

  it('[OM-36] is given what it asks for: basic, and MD5 of SyncML 1.0 by its own formula', async () => {
    const server = proving()
    const { peer, first } = await opened(server)
    const basic = await peer.send(peer.message([verdict(first, 407, '', 'syncml:auth-basic')]))
    expect(textOf(basic.header.cred)).toBe(basicCredential(SERVER_ID, PASSWORD))
    const old = proving()
    const client = new OmadsPeer(old, { version: '1.0' })
    const text = basicCredential('alice', 'secret')
    const cred: Cred = { meta: { format: 'b64', type: 'syncml:auth-basic' }, data: { kind: 'text', text } }
    const asked = await client.send(client.message([syncAlert(203, '7')], { cred }))
    const answer = await client.send(client.message([verdict(asked, 407, '11111')]))
    expect(textOf(answer.header.cred)).toBe(md5CredentialOf10(SERVER_ID, PASSWORD, encodeUtf8('11111')))
  })

  it('[OM-36] gets no proof without a password for it, nor for another kind or without a challenge', async () => {
    const server = omadsServer()
    const { peer, first } = await opened(server)
    const answer = await peer.send(peer.message([verdict(first, 407, '11111')]))
    expect(answer.header.cred).toBeUndefined()
    expect(alerts(answer)).toEqual([])
    for (const [nonce, type] of [[undefined], ['11111', 'syncml:auth-MAC']] as const) {
      const other = proving()
      const { peer: client, first: asked } = await opened(other)
      const said = await client.send(client.message([verdict(asked, 401, nonce, type)]))
      expect(said.header.cred).toBeUndefined()
    }
  })

  it('[OM-36] gives no proof to who has not logged in', async () => {
    const server = proving()
    const { peer, first } = await opened(server)
    await peer.send(peer.message([verdict(first, 407, '11111'), syncOf([addOf('1', one)])]))
    const stranger = new OmadsPeer(server, { sessionId: '23', password: 'wrong' })
    for (const cred of [undefined, stranger.cred()]) {
      const message = stranger.message([syncAlert(203, '9')], cred ? { cred } : {})
      expect((await stranger.send(message)).header.cred).toBeUndefined()
    }
  })

  it('[OM-36] in package 4 gets its proof, and what it refused comes in the next session', async () => {
    const server = proving()
    server.store.offered.set('g1', { bytes: one, type: 'application/octet-stream' })
    const peer = new OmadsPeer(server)
    const message = peer.message([syncAlert(200, '7'), syncOf([addOf('1', one)])], { cred: peer.cred() })
    const four = await peer.send(message)
    const sync = four.commands.find((c) => c.name === 'Sync')
    const add = sync?.name === 'Sync' ? sync.commands[0] : undefined
    const refused = { ...verdict(four, 407), cmdRef: add?.cmdId ?? '', cmd: 'Add' }
    const answer = await peer.send(peer.message([verdict(four, 407, '11111'), refused]))
    expect(textOf(answer.header.cred)).toBe(proofOf('11111'))
    expect(answer.commands.some((c) => c.name === 'Sync')).toBe(false)
    expect(server.store.acknowledged).toEqual([])
    expect(server.errors).toEqual([])
  })
})
