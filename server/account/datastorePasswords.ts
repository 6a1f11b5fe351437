/**
 * Passwords of single datastores (AC-14): set by the owner or the operator, asked for by the session engine from whoever
 * logged in. Kept is what MD5 authentication needs, inside the encrypted catalogue.
 */

import { CodedError } from '../../schemas/errors.ts'
import { password as passwordField } from '../../schemas/http/fields.ts'
import type { DatastorePasswordStore } from '../catalogue/catalogue.ts'
import type { FailureLimits } from './failureLimits.ts'
import { ha1Of, matchingNonce, type PasswordProof } from './syncmlCredential.ts'

export interface DatastorePasswordDeps {
  readonly store: DatastorePasswordStore
  readonly limits: FailureLimits
  /** What the password of a datastore is kept under, by the name people use; undefined if it can have none. */
  lockOf(datastore: string): string | undefined
}

/** An account, as its password is made from. */
export interface PasswordOwner {
  readonly accountId: string
  readonly accountName: string
}

export interface DatastorePasswords {
  /**
   * Sets the password of a datastore, or removes it (null). Sessions that opened the datastore go on.
   * @throws {CodedError} `datastore.unknown`; `protocol.malformed` for a password outside the rules.
   */
  set(owner: PasswordOwner, datastore: string, password: string | null): Promise<void>
  /** What the account's passwords are kept under, e.g. `./contacts`. */
  list(accountId: string): Promise<readonly string[]>
  /** These two fill the session engine's port `DatastoreVerifier`. */
  isProtected(accountId: string, lock: string): Promise<boolean>
  verify(
    peer: PasswordOwner & { readonly deviceId: string },
    lock: string,
    proof: PasswordProof,
    remoteAddress: string,
  ): Promise<Uint8Array | undefined>
}

export function createDatastorePasswords({ store, limits, lockOf }: DatastorePasswordDeps): DatastorePasswords {
  return {
    async set({ accountId, accountName }, datastore, password) {
      const lock = lockOf(datastore)
      if (lock === undefined)
        throw new CodedError('datastore.unknown', `${datastore} is no datastore that can have a password`, {
          next: 'Name a datastore of Items, e.g. contacts.',
        })
      if (password === null) return store.remove(accountId, lock)
      if (!passwordField.safeParse(password).success)
        throw new CodedError('protocol.malformed', 'the password is outside the rules', {
          fields: { what: 'password' },
        })
      await store.put({ accountId, lock, ha1: ha1Of(accountName, password) })
    },
    list: (accountId) => store.list(accountId),
    isProtected: async (accountId, lock) => (await store.find(accountId, lock)) !== undefined,
    async verify(peer, lock, proof, remoteAddress) {
      const attempt = { address: remoteAddress, subject: `datastore:${peer.accountId}:${lock}:${peer.deviceId}` }
      try {
        return await limits.guard(attempt, async () => {
          const ha1 = await store.find(peer.accountId, lock)
          const nonce = ha1 === undefined ? undefined : matchingNonce(proof, ha1)
          if (nonce === undefined) throw new CodedError('auth.invalid', 'the password of the datastore is wrong')
          return nonce
        })
      } catch (cause) {
        if (cause instanceof CodedError && (cause.code === 'auth.invalid' || cause.code === 'auth.limited'))
          return undefined
        throw cause
      }
    },
  }
}
