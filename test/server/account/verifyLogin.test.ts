/** The backup server's side of a SyncML login, with the account service there, away and slow to say no. */

import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccountService, SyncmlCredentials } from '../../../server/account/accountService.ts'
import { createEnabledCheck } from '../../../server/account/enabledCheck.ts'
import { createFailureLimits, type FailureLimits } from '../../../server/account/failureLimits.ts'
import { createHttpAccountService } from '../../../server/account/httpAccountService.ts'
import { createLoginVerifier } from '../../../server/account/verifyLogin.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import type { Listening } from '../../../server/http/listen.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import type { LoginVerifier } from '../../../server/omads/authenticate.ts'
import { type LocalUnderTest, openLocal, SERVICE_SECRET, serveAccounts } from './accountParts.ts'

let local: LocalUnderTest
let server: Listening
let remote: AccountService
let db: CatalogueDb
let knownLogins: ReturnType<typeof sqlKnownLogins>
let verifier: LoginVerifier
let secret: string
let accountId: string

const verifierWith = (limits: FailureLimits): LoginVerifier =>
  createLoginVerifier({ knownLogins, accountService: remote, limits, clock: local.time.now })

beforeEach(async () => {
  local = await openLocal()
  server = await serveAccounts(local)
  remote = createHttpAccountService({ baseUrl: server.url, serviceSecret: SERVICE_SECRET, clock: local.time.now })
  db = await openCatalogue(local.dataDir, openKeyRing({ dataDir: local.dataDir }).keyRing)
  knownLogins = sqlKnownLogins(db)
  verifier = verifierWith(createFailureLimits())
  accountId = (await local.service.register('anna', 'long enough')).accountId
  secret = (await local.service.registerDevice(accountId, 'phone', 'IMEI:1')).secret
})
afterEach(async () => {
  await server.close(0)
  await db.destroy()
  await local.close()
})

function basic(password: string, deviceId = 'IMEI:1', user = 'anna'): SyncmlCredentials {
  const data = Buffer.from(`${user}:${password}`)
  return { userName: user, deviceId, scheme: 'basic', data, nonces: [], verDtd: '1.2' }
}

function digest(password: string, nonce: string): SyncmlCredentials {
  const ha1 = createHash('md5').update(`anna:${password}`).digest('base64')
  const data = createHash('md5').update(`${ha1}:${nonce}`).digest()
  return { userName: 'anna', deviceId: 'IMEI:1', scheme: 'md5', data, nonces: [Buffer.from(nonce)], verDtd: '1.1' }
}

const accepted = (nonce: Uint8Array = new Uint8Array()) => ({
  kind: 'accepted',
  peer: { accountId, accountName: 'anna', deviceId: 'IMEI:1' },
  nonce,
})

describe('SyncML login at the backup server', () => {
  it('[AC-4] asks about an unknown device, keeps it with the time of last access, and then compares itself', async () => {
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual(accepted())
    const [kept] = await sqlKnownLogins(db).find('IMEI:1')
    expect(kept).toMatchObject({ accountId, userName: 'anna', lastAccessAt: local.time.now(), enabled: true })
    await server.close(0)
    local.time.advance(5000)
    expect(await verifier.verify(digest(secret, 'n1'), '192.0.2.1')).toEqual(accepted(Buffer.from('n1')))
    expect((await knownLogins.find('IMEI:1'))[0]?.lastAccessAt).toBe(local.time.now())
    await knownLogins.flush()
    expect((await sqlKnownLogins(db).find('IMEI:1'))[0]?.lastAccessAt).toBe(local.time.now())
  })

  it('[AC-4] refuses a disabled device at most 30 s later, and an enabled one no longer', async () => {
    await verifier.verify(basic(secret), '192.0.2.1')
    await local.service.setDeviceDisabled('IMEI:1', true)
    local.time.advance(29_000)
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual(accepted())
    local.time.advance(2000)
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toMatchObject({ kind: 'refused', status: 403 })
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toMatchObject({ kind: 'refused', status: 403 })
    await local.service.setDeviceDisabled('IMEI:1', false)
    local.time.advance(31_000)
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual(accepted())
  })

  it('[AC-4] refuses the holder of a token at most 30 s after it was disabled', async () => {
    const isEnabled = createEnabledCheck(remote, local.time.now)
    const claims = { scope: 'device', accountId, accountName: 'anna', deviceId: 'IMEI:1' } as const
    expect(await isEnabled(claims)).toBe(true)
    await local.service.setAccountDisabled('anna', true)
    local.time.advance(31_000)
    expect(await isEnabled(claims)).toBe(false)
  })

  it('[AC-8] lets known devices go on while the account service is away, and tells unknown ones to come again', async () => {
    await verifier.verify(basic(secret), '192.0.2.1')
    await server.close(0)
    local.time.advance(3_600_000)
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual(accepted())
    expect(await verifier.verify(basic(secret, 'IMEI:2'), '192.0.2.1')).toEqual({ kind: 'refused', status: 417 })
    // A digest over an old nonce must lead to a challenge, not to "come again".
    expect(await verifier.verify({ ...digest(secret, 'old'), nonces: [Buffer.from('new')] }, '192.0.2.1')).toEqual({
      kind: 'refused',
      status: 401,
    })
  })

  it('[AC-8] a device refused as disabled stays refused while the account service is away', async () => {
    await verifier.verify(basic(secret), '192.0.2.1')
    await local.service.setDeviceDisabled('IMEI:1', true)
    local.time.advance(31_000)
    await verifier.verify(basic(secret), '192.0.2.1')
    await server.close(0)
    local.time.advance(3_600_000)
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toMatchObject({ kind: 'refused', status: 403 })
  })

  it('[AC-4] does not know a device of another account by its device id', async () => {
    await verifier.verify(basic(secret), '192.0.2.1')
    const otto = await local.service.register('otto', 'long enough')
    const twin = await local.service.registerDevice(otto.accountId, 'phone', 'IMEI:1')
    expect(await verifier.verify(basic(secret, 'IMEI:1', 'otto'), '192.0.2.1')).toEqual({
      kind: 'refused',
      status: 401,
    })
    expect(await verifier.verify(basic(twin.secret, 'IMEI:1', 'otto'), '192.0.2.1')).toMatchObject({
      peer: { accountId: otto.accountId },
    })
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual(accepted())
  })

  it('[AC-5] stops guessing from one address and lets the owner in from another', async () => {
    verifier = verifierWith(
      createFailureLimits({ perAddressAndSubject: 3, perAddress: 20, perSubject: 5, windowS: 60 }),
    )
    expect(await verifier.verify(basic(secret), '198.51.100.7')).toEqual(accepted())
    for (let guess = 0; guess < 9; guess++)
      expect(await verifier.verify(basic(`guess ${guess}`), '192.0.2.1')).toEqual({ kind: 'refused', status: 401 })
    expect(await verifier.verify(basic(secret), '192.0.2.1')).toEqual({ kind: 'refused', status: 401 })
    expect(await verifier.verify(basic(secret), '198.51.100.7')).toEqual(accepted())
    expect(await verifier.verify(basic(secret), '203.0.113.9')).toEqual(accepted())
  })

  it('[AC-13] a digest is tried against all nonces in one call, and is one failure if none fits', async () => {
    let asked = 0
    const verifySyncml: AccountService['verifySyncml'] = (credentials) => {
      asked += 1
      return remote.verifySyncml(credentials)
    }
    verifier = createLoginVerifier({
      knownLogins,
      accountService: { ...remote, verifySyncml },
      limits: createFailureLimits({ perAddressAndSubject: 2, perAddress: 20, perSubject: 20, windowS: 60 }),
      clock: local.time.now,
    })
    const nonces = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'].map((text) => Buffer.from(text))
    const offered = (nonce: string) => verifier.verify({ ...digest(secret, nonce), nonces }, '192.0.2.1')
    expect(await offered('old')).toEqual({ kind: 'refused', status: 401 })
    expect(asked).toBe(1)
    expect(await offered('n5')).toEqual(accepted(Buffer.from('n5')))
    for (let count = 0; count < 2; count++) await offered('old')
    expect(await offered('n5')).toEqual({ kind: 'refused', status: 401 })
  })
})
