/** A datastore with a password of its own: dialogues of clients that logged in and still need it. */

import { describe, expect, it } from 'vitest'
import { basicCredential, ha1, md5Credential } from '../../../schemas/syncml/credential.ts'
import type { Command, Cred, Encoding, Message } from '../../../schemas/syncml/message.ts'
import { createDatastorePasswords, type DatastorePasswords } from '../../../server/account/datastorePasswords.ts'
import { createFailureLimits } from '../../../server/account/failureLimits.ts'
import type { DatastorePasswordStore } from '../../../server/catalogue/catalogue.ts'
import { lockOf, STORE_VIEWS } from '../../../server/items/stores.ts'
import {
  addOf,
  OmadsPeer,
  type OmadsServer,
  omadsServer,
  type PeerOptions,
  statuses,
  statusLine,
  syncAlert,
  syncOf,
} from '../../support/omadsPeer.ts'
import { registryOf, type StoringDatastore, storingDatastore } from '../../support/storingDatastore.ts'

const one = new TextEncoder().encode('one')
const alice = { accountId: 'acc-alice', accountName: 'alice' }
const LOCKED = './contacts'

function memoryPasswords(): DatastorePasswordStore {
  const rows = new Map<string, string>()
  const key = (accountId: string, lock: string) => `${accountId} ${lock}`
  return {
    find: async (accountId, lock) => rows.get(key(accountId, lock)),
    put: async ({ accountId, lock, ha1: kept }) => void rows.set(key(accountId, lock), kept),
    remove: async (accountId, lock) => void rows.delete(key(accountId, lock)),
    list: async (accountId) => [...rows.keys()].filter((name) => name.startsWith(`${accountId} `)),
  }
}

interface Bench {
  readonly server: OmadsServer
  readonly passwords: DatastorePasswords
  readonly contacts: StoringDatastore
  peer(options?: PeerOptions): OmadsPeer
}

/** A server whose contacts ask for "second secret", beside a database that asks for nothing. */
async function bench(): Promise<Bench> {
  const lockByName = (name: string) => (name === 'contacts' ? LOCKED : undefined)
  const parts = { store: memoryPasswords(), limits: createFailureLimits(), lockOf: lockByName }
  const passwords = createDatastorePasswords(parts)
  await passwords.set(alice, 'contacts', 'second secret')
  const server = omadsServer({ datastoreLogins: passwords })
  const contacts = { ...storingDatastore(LOCKED, [200, 203], server.spool), lock: LOCKED }
  Object.assign(server.deps, { registry: registryOf(server.store, contacts) })
  server.restart()
  return { server, passwords, contacts, peer: (options) => new OmadsPeer(server, options) }
}

const digest = (nonce: Uint8Array, password = 'second secret'): Cred => ({
  meta: { format: 'b64', type: 'syncml:auth-md5' },
  data: { kind: 'text', text: md5Credential(ha1('alice', password), nonce) },
})

const alertWith = (cred?: Cred): Command => ({ ...syncAlert(203, '7', { target: LOCKED }), ...(cred && { cred }) })

/** The nonce that came with the Status of an Alert. */
function nonceOf(message: Message, cmd = 'Alert'): Uint8Array {
  const chal = statuses(message).find((s) => s.cmd === cmd && s.chal)?.chal
  return chal?.meta.nextNonce ?? new Uint8Array()
}

describe.each<Encoding>(['xml', 'wbxml'])('a locked datastore in %s', (encoding) => {
  it('[OM-35] is challenged in its own Status, opened by Cred in the next message, and others go on', async () => {
    const { server, contacts, peer: peerOf } = await bench()
    const peer = peerOf({ encoding, rough: true })
    const first = peer.message([syncAlert(203, '7'), alertWith(), syncOf([addOf('1', one)], LOCKED)], {
      cred: peer.cred(),
      final: false,
    })
    const asked = await peer.send(first)
    expect(statusLine(asked)).toEqual(['SyncHdr:212', 'Alert:200', 'Alert:407', 'Sync:407', 'Add:407'])
    expect(statuses(asked)[2]?.chal?.meta).toMatchObject({ type: 'syncml:auth-md5', format: 'b64' })
    expect(nonceOf(asked)).toHaveLength(16)
    const opened = await peer.send(
      peer.message([alertWith(digest(nonceOf(asked))), syncOf([addOf('1', one)]), syncOf([addOf('2', one)], LOCKED)]),
    )
    expect(statusLine(opened)).toEqual(['SyncHdr:200', 'Alert:200', 'Sync:200', 'Add:201', 'Sync:200', 'Add:201'])
    expect(server.store.events).toEqual(['put 1', 'finish'])
    expect(contacts.events).toEqual(['put 2', 'finish'])
    expect(server.errors).toEqual([])
  })
})

describe('a locked datastore', () => {
  it('[OM-35] alone in a session keeps it alive after the challenge, and is opened by basic too', async () => {
    const { contacts, peer: peerOf } = await bench()
    const peer = peerOf()
    const asked = await peer.send(peer.message([alertWith()], { cred: peer.cred() }))
    expect(statusLine(asked)).toEqual(['SyncHdr:212', 'Alert:407'])
    const text = basicCredential('alice', 'second secret')
    const basic: Cred = { meta: { format: 'b64', type: 'syncml:auth-basic' }, data: { kind: 'text', text } }
    const opened = await peer.send(peer.message([alertWith(basic), syncOf([addOf('1', one)], LOCKED)]))
    expect(statusLine(opened)).toEqual(['SyncHdr:200', 'Alert:200', 'Sync:200', 'Add:201'])
    expect(contacts.events).toEqual(['put 1', 'finish'])
  })

  it('[OM-35] takes the next nonce at once in the next session, an older one once more, and none twice', async () => {
    const { peer: peerOf } = await bench()
    let session = 40
    let login: Uint8Array = new Uint8Array()
    const open = async (nonce: Uint8Array) => {
      const peer = peerOf({ sessionId: String(session++) })
      const answer = await peer.send(peer.message([alertWith(digest(nonce))], { cred: peer.cred(login) }))
      login = peer.nonce
      return { said: statusLine(answer)[1], next: nonceOf(answer) }
    }
    const first = await open(new Uint8Array())
    expect(first.said).toBe('Alert:200')
    const second = await open(first.next)
    expect(second.said).toBe('Alert:200')
    expect((await open(first.next)).said).toBe('Alert:200')
    expect((await open(first.next)).said).toBe('Alert:401')
    expect((await open(new Uint8Array())).said).toBe('Alert:401')
  })

  it('[OM-35] is refused after three wrong passwords, the session goes on, and the next one may try again', async () => {
    const { server, contacts, peer: peerOf } = await bench()
    const peer = peerOf()
    await peer.send(peer.message([syncAlert(203, '7')], { cred: peer.cred() }))
    const said: (string | undefined)[] = []
    let nonce: Uint8Array = new Uint8Array()
    for (const password of ['wrong 1', 'wrong 2', 'wrong 3', 'second secret']) {
      const answer = await peer.send(peer.message([alertWith(digest(nonce, password))]))
      said.push(statusLine(answer)[1])
      nonce = nonceOf(answer)
    }
    expect(said).toEqual(['Alert:401', 'Alert:401', 'Alert:401', 'Alert:403'])
    const done = await peer.send(peer.message([syncOf([addOf('1', one)])]))
    expect(statusLine(done)).toEqual(['SyncHdr:200', 'Sync:200', 'Add:201'])
    expect(contacts.events).toEqual([])
    expect(server.store.events).toEqual(['put 1', 'finish'])
    const later = peerOf({ sessionId: '22' })
    const asked = await later.send(later.message([alertWith()], { cred: later.cred(peer.nonce) }))
    const opened = await later.send(later.message([alertWith(digest(nonceOf(asked)))]))
    expect(statusLine(opened)[1]).toBe('Alert:200')
  })

  it('[OM-35] lets no Map in either, which may name a datastore that no Alert opened', async () => {
    const { contacts, peer: peerOf } = await bench()
    contacts.offered.set('g1', { bytes: one, type: 'text/plain' })
    const peer = peerOf()
    const mapItems = [{ target: { locUri: 'g1' }, source: { locUri: '5' } }]
    const map: Command = {
      ...{ name: 'Map', cmdId: '', target: { locUri: LOCKED }, source: { locUri: './app' }, mapItems },
    }
    const asked = await peer.send(peer.message([syncAlert(203, '7'), map], { cred: peer.cred() }))
    expect(statusLine(asked)).toEqual(['SyncHdr:212', 'Alert:200', 'Map:407'])
    const again = await peer.send(peer.message([{ ...map, cred: digest(nonceOf(asked, 'Map')) }]))
    expect(statusLine(again)).toEqual(['SyncHdr:200', 'Map:200'])
    expect(nonceOf(again, 'Map')).toHaveLength(16)
  })

  it('[OM-35] does not ask other accounts, nor anybody once the password is gone', async () => {
    const { passwords, peer: peerOf } = await bench()
    const bob = peerOf({ user: 'bob', password: 'other', deviceId: 'dev-2' })
    expect(statusLine(await bob.send(bob.message([alertWith()], { cred: bob.cred() })))[1]).toBe('Alert:200')
    await passwords.set(alice, 'contacts', null)
    const peer = peerOf()
    expect(statusLine(await peer.send(peer.message([alertWith()], { cred: peer.cred() })))[1]).toBe('Alert:200')
  })

  it('[AC-14] counts wrong passwords like logins: then even the right one is not looked at', async () => {
    const { passwords } = await bench()
    const peer = { ...alice, deviceId: 'dev-1' }
    const offer = (password: string) =>
      passwords.verify(
        peer,
        LOCKED,
        { scheme: 'basic', data: Buffer.from(`alice:${password}`), nonces: [], verDtd: '1.2' },
        '192.0.2.1',
      )
    expect(await offer('second secret')).toEqual(new Uint8Array())
    for (let guess = 0; guess < 10; guess++) expect(await offer(`guess ${guess}`)).toBeUndefined()
    expect(await offer('second secret')).toBeUndefined()
  })

  it('[AC-14] datastores that may show the same Items have one password', () => {
    const locks = Object.fromEntries(STORE_VIEWS.map((view) => [view.name, lockOf(view)]))
    expect(locks).toMatchObject({
      ...{ contacts: './contacts', notes: './notes', bookmarks: './bookmarks', files: './files', email: './email' },
      ...{ calendar: './calendar', tasks: './calendar', 'calendar+tasks': './calendar' },
    })
  })
})
