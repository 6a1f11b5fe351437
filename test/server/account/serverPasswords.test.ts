/** What the server proves itself with: where it lies, and for whom. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createServerPasswords, type ServerPasswords } from '../../../server/account/serverPasswords.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlOwnLogins } from '../../../server/catalogue/sqlite/ownLogins.ts'
import type { KeyRing } from '../../../server/keys/keyRing.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { type LocalUnderTest, openLocal } from './accountParts.ts'

let local: LocalUnderTest
let db: CatalogueDb
let keyRing: KeyRing
let passwords: ServerPasswords
let peer: { accountId: string; deviceId: string }

beforeEach(async () => {
  local = await openLocal()
  keyRing = openKeyRing({ dataDir: local.dataDir }).keyRing
  db = await openCatalogue(local.dataDir, keyRing)
  passwords = createServerPasswords({ store: sqlOwnLogins(db), keyRing, accountService: local.service })
  const { accountId } = await local.service.register('anna', 'long enough')
  await local.service.registerDevice(accountId, 'phone', 'IMEI:1')
  await local.service.registerDevice(accountId, 'tablet', 'IMEI:2')
  peer = { accountId, deviceId: 'IMEI:1' }
})
afterEach(async () => {
  await db.destroy()
  await local.close()
})

describe('server passwords', () => {
  it('[AC-15] are kept sealed for one device, with the nonce it gave last', async () => {
    expect(await passwords.find(peer)).toBeUndefined()
    await passwords.keepNonce(peer, Buffer.from('too early'))
    await passwords.set(peer, 'what the server knows')
    expect(await passwords.find(peer)).toEqual({ password: 'what the server knows', nonce: undefined })
    await passwords.keepNonce(peer, Buffer.from('48213'))
    expect(Buffer.from((await passwords.find(peer))?.nonce ?? []).toString()).toBe('48213')
    expect(await passwords.find({ ...peer, deviceId: 'IMEI:2' })).toBeUndefined()
    const row = await sqlOwnLogins(db).find(peer.accountId, 'IMEI:1')
    expect(JSON.stringify(row)).not.toContain('what the server knows')
    expect(readFileSync(join(local.dataDir, 'catalogue.sqlite')).includes('what the server knows')).toBe(false)
    await passwords.set(peer, 'another password')
    expect(await passwords.find(peer)).toEqual({ password: 'another password', nonce: undefined })
    await passwords.set(peer, null)
    expect(await passwords.find(peer)).toBeUndefined()
  })

  it('[AC-15] do not open in the place of another device, and are refused for unknown ones', async () => {
    await passwords.set(peer, 'what the server knows')
    const store = sqlOwnLogins(db)
    const row = await store.find(peer.accountId, 'IMEI:1')
    if (row) await store.put({ ...row, deviceId: 'IMEI:2' })
    await expect(passwords.find({ ...peer, deviceId: 'IMEI:2' })).rejects.toMatchObject({ code: 'storage.corrupt' })
    const unknown = passwords.set({ ...peer, deviceId: 'IMEI:9' }, 'long enough')
    await expect(unknown).rejects.toMatchObject({ code: 'device.unknown' })
    await expect(passwords.set(peer, 'short')).rejects.toMatchObject({ code: 'protocol.malformed' })
  })
})
