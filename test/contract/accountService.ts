/**
 * The contract of the port `AccountService`, run on every way of having one: in this process and over HTTP.
 */

import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccountService, SyncmlCredentials } from '../../server/account/accountService.ts'
import type { ManualTime } from '../server/account/accountParts.ts'

/** A fresh service with a clock of its own; `close` ends whatever it started. */
export interface AccountServiceUnderTest {
  readonly service: AccountService
  readonly time: ManualTime
  close(): Promise<void>
}

const PASSWORD = 'correct horse battery'

function md5(data: string | Uint8Array): Buffer {
  return createHash('md5').update(data).digest()
}

function basic(user: string, password: string, deviceId: string): SyncmlCredentials {
  const data = Buffer.from(`${user}:${password}`)
  return { userName: user, deviceId, scheme: 'basic', data, nonces: [], verDtd: '1.2' }
}

function digest(
  user: string,
  password: string,
  deviceId: string,
  nonce: Uint8Array,
  verDtd = '1.2',
): SyncmlCredentials {
  const ha1 = md5(`${user}:${password}`).toString('base64')
  return {
    userName: user,
    deviceId,
    scheme: 'md5',
    data: md5(Buffer.concat([Buffer.from(`${ha1}:`), nonce])),
    nonces: [nonce],
    verDtd,
  }
}

/** Registers the suite for one way of having an account service. */
export function describeAccountService(way: string, open: () => Promise<AccountServiceUnderTest>): void {
  describe(`account service ${way}`, () => {
    let under: AccountServiceUnderTest
    let service: AccountService
    beforeEach(async () => {
      under = await open()
      service = under.service
    })
    afterEach(() => under.close())

    it('[AC-6] registers an account once, whatever the case of its letters', async () => {
      const account = await service.register('Anna', PASSWORD)
      expect(account).toMatchObject({ name: 'Anna', disabled: false })
      await expect(service.register('anna', PASSWORD)).rejects.toMatchObject({ code: 'account.exists' })
      expect(await service.listAccounts()).toEqual([account])
    })

    it('refuses names and passwords outside the rules', async () => {
      for (const [name, password] of [
        ['a:b', PASSWORD],
        ['', PASSWORD],
        ['x'.repeat(65), PASSWORD],
        ['anna', 'short'],
      ] as const)
        await expect(service.register(name, password)).rejects.toMatchObject({ code: 'protocol.malformed' })
      expect(await service.listAccounts()).toEqual([])
    })

    it('[AC-1] logs in with the right password and no other', async () => {
      const account = await service.register('anna', PASSWORD)
      const pair = await service.login('anna', PASSWORD)
      expect(pair.expiresIn).toBe(600)
      expect(await service.verifyToken(pair.accessToken)).toEqual({
        scope: 'account',
        accountId: account.accountId,
        accountName: 'anna',
      })
      await expect(service.login('anna', `${PASSWORD}!`)).rejects.toMatchObject({ code: 'auth.invalid' })
      await expect(service.login('nobody', PASSWORD)).rejects.toMatchObject({ code: 'auth.invalid' })
    })

    it('[AC-3] refuses changed, foreign and ended tokens', async () => {
      await service.register('anna', PASSWORD)
      const { accessToken } = await service.login('anna', PASSWORD)
      const [head, body, signature] = accessToken.split('.') as [string, string, string]
      const operator = Buffer.from(body, 'base64url').toString().replace('"account"', '"operator"')
      const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
      for (const bad of [
        '',
        'x',
        `${head}.${Buffer.from(operator).toString('base64url')}.${signature}`,
        `${unsigned}.${body}.`,
      ])
        await expect(service.verifyToken(bad)).rejects.toMatchObject({ code: 'auth.invalid' })
      under.time.advance(606_000)
      await expect(service.verifyToken(accessToken)).rejects.toMatchObject({ code: 'auth.invalid' })
    })

    it('[AC-3] takes a refresh token once; a second use ends its family', async () => {
      await service.register('anna', PASSWORD)
      const first = await service.login('anna', PASSWORD)
      const other = await service.login('anna', PASSWORD)
      const second = await service.refresh(first.refreshToken)
      const third = await service.refresh(second.refreshToken)
      await expect(service.refresh(first.refreshToken)).rejects.toMatchObject({ code: 'auth.invalid' })
      await expect(service.refresh(third.refreshToken)).rejects.toMatchObject({ code: 'auth.invalid' })
      expect(await service.refresh(other.refreshToken)).toHaveProperty('accessToken')
      await expect(service.refresh('made up')).rejects.toMatchObject({ code: 'auth.invalid' })
    })

    it('[AC-3] rotates signing keys; old tokens verify until they end', async () => {
      await service.register('anna', PASSWORD)
      const [before] = (await service.jwks()).keys
      under.time.advance(30 * 86_400_000 - 60_000)
      const { accessToken } = await service.login('anna', PASSWORD)
      under.time.advance(120_000)
      const later = await service.login('anna', PASSWORD)
      expect(await service.verifyToken(accessToken)).toMatchObject({ accountName: 'anna' })
      expect(await service.verifyToken(later.accessToken)).toMatchObject({ accountName: 'anna' })
      const { keys } = await service.jwks()
      expect(keys).toHaveLength(2)
      expect(keys.some((key) => key.kid === before?.kid)).toBe(true)
      expect(keys.every((key) => !('d' in key))).toBe(true)
      under.time.advance(2 * 86_400_000)
      expect((await service.jwks()).keys).toHaveLength(1)
    })

    it('[AC-2] [AC-11] gives a device a secret that logs it in, and its id only once per account', async () => {
      const { accountId } = await service.register('anna', PASSWORD)
      const other = await service.register('otto', PASSWORD)
      const { device, secret } = await service.registerDevice(accountId, 'phone', 'IMEI:1')
      expect(device).toMatchObject({ deviceId: 'IMEI:1', name: 'phone', disabled: false })
      expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
      const { accessToken } = await service.loginDevice('IMEI:1', secret)
      expect(await service.verifyToken(accessToken)).toEqual({
        scope: 'device',
        accountId,
        accountName: 'anna',
        deviceId: 'IMEI:1',
      })
      await expect(service.loginDevice('IMEI:1', 'wrong')).rejects.toMatchObject({ code: 'auth.invalid' })
      await expect(service.registerDevice(accountId, 'tablet', 'IMEI:1')).rejects.toMatchObject({
        code: 'device.exists',
      })
      await expect(service.registerDevice(accountId, 'phone', 'IMEI:2')).rejects.toMatchObject({
        code: 'device.exists',
      })
      // The copies of the account itself are listed under this id.
      await expect(service.registerDevice(accountId, 'third', 'account')).rejects.toMatchObject({
        code: 'device.exists',
      })
      await expect(service.registerDevice('a_none', 'phone', 'IMEI:2')).rejects.toMatchObject({
        code: 'account.unknown',
      })
      const twin = await service.registerDevice(other.accountId, 'phone', 'IMEI:1')
      const claims = await service.verifyToken((await service.loginDevice('IMEI:1', twin.secret)).accessToken)
      expect(claims.accountName).toBe('otto')
      await expect(service.setDeviceDisabled('IMEI:1', true)).rejects.toMatchObject({ code: 'protocol.malformed' })
    })

    it('[AC-2] [AC-10] verifies a device by basic and MD5, but not by MD5 of SyncML 1.0', async () => {
      const { accountId } = await service.register('anna', PASSWORD)
      const { secret } = await service.registerDevice(accountId, 'phone', 'IMEI:1')
      const nonce = randomBytes(16)
      for (const credentials of [basic('anna', secret, 'IMEI:1'), digest('anna', secret, 'IMEI:1', nonce)])
        expect(await service.verifySyncml(credentials)).toEqual({
          kind: 'accepted',
          login: { accountId, accountName: 'anna', deviceId: 'IMEI:1', ha1: md5(`anna:${secret}`).toString('base64') },
        })
      const wrong = { kind: 'refused', reason: 'wrong' }
      expect(await service.verifySyncml(basic('anna', PASSWORD, 'IMEI:1'))).toEqual(wrong)
      expect(await service.verifySyncml(basic('anna', secret, 'IMEI:2'))).toEqual(wrong)
      expect(
        await service.verifySyncml({ ...digest('anna', secret, 'IMEI:1', nonce), nonces: [randomBytes(16)] }),
      ).toEqual(wrong)
      const possible = { nonces: [randomBytes(16), nonce, new Uint8Array()] }
      expect(await service.verifySyncml({ ...digest('anna', secret, 'IMEI:1', nonce), ...possible })).toMatchObject({
        kind: 'accepted',
      })
      expect(await service.verifySyncml(digest('anna', secret, 'IMEI:1', nonce, '1.0'))).toEqual(wrong)
      expect(await service.verifySyncml(basic('nobody', secret, 'IMEI:1'))).toEqual({
        kind: 'refused',
        reason: 'unknown',
      })
      expect(await service.verifySyncml({ ...digest('anna', secret, 'IMEI:1', nonce), userName: '' })).toMatchObject({
        kind: 'accepted',
      })
    })

    it('[AC-9] takes up a device at its first login by an app password, but never one with a secret of its own', async () => {
      const { accountId } = await service.register('anna', PASSWORD)
      await service.registerDevice(accountId, 'phone', 'IMEI:1')
      const { user, password } = await service.createAppPassword('anna')
      expect(user).toBe('anna')
      expect(await service.isEnabled(accountId, 'sc-api-nat')).toBe(false)
      expect(await service.verifySyncml(basic(user, password, 'sc-api-nat'))).toMatchObject({ kind: 'accepted' })
      expect(await service.verifySyncml(digest(user, password, 'sc-api-nat', randomBytes(8)))).toMatchObject({
        kind: 'accepted',
      })
      expect(await service.isEnabled(accountId, 'sc-api-nat')).toBe(true)
      expect((await service.listDevices(accountId)).map((device) => device.deviceId).sort()).toEqual([
        'IMEI:1',
        'sc-api-nat',
      ])
      expect(await service.verifySyncml(basic(user, password, 'IMEI:1'))).toMatchObject({ kind: 'refused' })
      expect(await service.verifySyncml(basic(user, password, 'no spaces'))).toMatchObject({ kind: 'refused' })
      await expect(service.createAppPassword('nobody')).rejects.toMatchObject({ code: 'account.unknown' })
      await expect(service.login('anna', password)).rejects.toMatchObject({ code: 'auth.invalid' })
    })

    it('[AC-4] refuses whatever is disabled, and takes it back when it is enabled', async () => {
      const { accountId } = await service.register('anna', PASSWORD)
      const { secret } = await service.registerDevice(accountId, 'phone', 'IMEI:1')
      const devicePair = await service.loginDevice('IMEI:1', secret)
      await service.setDeviceDisabled('IMEI:1', true)
      expect(await service.isEnabled(accountId, 'IMEI:1')).toBe(false)
      expect(await service.isEnabled(accountId, '')).toBe(true)
      expect(await service.verifySyncml(basic('anna', secret, 'IMEI:1'))).toEqual({
        kind: 'refused',
        reason: 'disabled',
      })
      await expect(service.loginDevice('IMEI:1', secret)).rejects.toMatchObject({ code: 'auth.forbidden' })
      await expect(service.refresh(devicePair.refreshToken)).rejects.toMatchObject({ code: 'auth.invalid' })
      await service.setDeviceDisabled('IMEI:1', false, accountId)
      expect(await service.isEnabled(accountId, 'IMEI:1')).toBe(true)
      await service.setAccountDisabled('anna', true)
      expect(await service.isEnabled(accountId, 'IMEI:1')).toBe(false)
      await expect(service.login('anna', PASSWORD)).rejects.toMatchObject({ code: 'auth.forbidden' })
      await expect(service.setAccountDisabled('nobody', true)).rejects.toMatchObject({ code: 'account.unknown' })
      await expect(service.setDeviceDisabled('IMEI:9', true)).rejects.toMatchObject({ code: 'device.unknown' })
    })
  })
}
