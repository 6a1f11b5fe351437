/**
 * What this server proves itself with to devices that demand it (AC-15): a password for each device, sealed under a key
 * that follows from the master key, and the nonce the device gave for the next time.
 */

import { CodedError } from '../../schemas/errors.ts'
import { password as passwordField } from '../../schemas/http/fields.ts'
import type { OwnLoginStore } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { AccountService } from './accountService.ts'

export interface ServerPasswordDeps {
  readonly store: OwnLoginStore
  readonly keyRing: Pick<KeyRing, 'seal' | 'open'>
  readonly accountService: Pick<AccountService, 'listDevices'>
}

/** A device of an account. */
export interface ProofPeer {
  readonly accountId: string
  readonly deviceId: string
}

export interface ServerPasswords {
  /**
   * Sets what a device knows this server by, or removes it (null).
   * @throws {CodedError} `device.unknown`; `protocol.malformed` for a password outside the rules.
   */
  set(peer: ProofPeer, password: string | null): Promise<void>
  /** These two fill the session engine's port `OwnLogins`. @throws {CodedError} `storage.corrupt`. */
  find(peer: ProofPeer): Promise<{ readonly password: string; readonly nonce: Uint8Array | undefined } | undefined>
  keepNonce(peer: ProofPeer, nonce: Uint8Array): Promise<void>
}

/** What a password is bound to when it is sealed. */
export function serverPasswordContext({ accountId, deviceId }: ProofPeer): string {
  return `server-password:${JSON.stringify([accountId, deviceId])}`
}

export function createServerPasswords({ store, keyRing, accountService }: ServerPasswordDeps): ServerPasswords {
  return {
    async set(peer, password) {
      const { accountId, deviceId } = peer
      if (password === null) return store.remove(accountId, deviceId)
      if (!passwordField.safeParse(password).success)
        throw new CodedError('protocol.malformed', 'the password is outside the rules', {
          fields: { what: 'password' },
        })
      if (!(await accountService.listDevices(accountId)).some((device) => device.deviceId === deviceId))
        throw new CodedError('device.unknown', `the account has no device ${deviceId}`)
      await store.put({
        accountId,
        deviceId,
        sealedPassword: Buffer.from(keyRing.seal(Buffer.from(password), serverPasswordContext(peer))).toString(
          'base64',
        ),
        nonce: null,
      })
    },
    async find(peer) {
      const row = await store.find(peer.accountId, peer.deviceId)
      if (row === undefined) return undefined
      const nonce = row.nonce === null ? undefined : new Uint8Array(Buffer.from(row.nonce, 'base64'))
      return {
        password: Buffer.from(
          keyRing.open(Buffer.from(row.sealedPassword, 'base64'), serverPasswordContext(peer)),
        ).toString('utf8'),
        nonce,
      }
    },
    keepNonce: (peer, nonce) => store.setNonce(peer.accountId, peer.deviceId, Buffer.from(nonce).toString('base64')),
  }
}
