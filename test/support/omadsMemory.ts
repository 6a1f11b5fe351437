/**
 * The ports of the session engine in memory, for tests. Values go through JSON or are copied, so that nothing
 * survives a "restart" that a real store would lose.
 */

import { basicCredential, ha1, md5Digest, md5DigestOf10 } from '../../schemas/syncml/credential.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import type { SyncmlCredentials } from '../../server/account/accountService.ts'
import type { LoginVerifier, NonceStore, Nonces } from '../../server/omads/authenticate.ts'
import type { DatastoreVerifier } from '../../server/omads/authenticateDatastore.ts'
import type { ClientDescriptions } from '../../server/omads/clientDescriptions.ts'
import type { OmadsLog } from '../../server/omads/commands/commandContext.ts'
import type { HeldKey, HeldObject, HeldObjects } from '../../server/omads/heldObjects.ts'
import type { OwnLogins } from '../../server/omads/proveServer.ts'
import type { SessionState } from '../../server/omads/sessionState.ts'
import type { SessionRecord, SessionStore } from '../../server/omads/sessionStore.ts'
import type { Spool } from '../../server/storage/spool.ts'

export function memorySessionStore(): SessionStore {
  const rows = new Map<
    string,
    { deviceId: string; state: string; answer: SessionRecord['answer']; touchedAt: number }
  >()
  const load = (row: { state: string; answer: SessionRecord['answer']; touchedAt: number }): SessionRecord => ({
    state: JSON.parse(row.state) as SessionState,
    answer: row.answer,
    touchedAt: row.touchedAt,
  })
  return {
    async findByToken(token) {
      const row = rows.get(token)
      return row && load(row)
    },
    async findByDevice(deviceId) {
      const found = [...rows.values()].filter((row) => row.deviceId === deviceId)
      return found.sort((a, b) => b.touchedAt - a.touchedAt).map(load)
    },
    async save({ state, answer, touchedAt }) {
      const { token, deviceId } = state.identity
      rows.set(token, { deviceId, state: JSON.stringify(state), answer, touchedAt })
    },
    async remove(token) {
      rows.delete(token)
    },
    async listIdle(before, limit) {
      return [...rows.values()]
        .filter((row) => row.touchedAt < before)
        .slice(0, limit)
        .map(load)
    },
  }
}

export function memoryNonceStore(): NonceStore {
  const rows = new Map<string, Nonces>()
  const key = (userName: string, deviceId: string) => JSON.stringify([userName, deviceId])
  return {
    read: async (userName, deviceId) => rows.get(key(userName, deviceId)) ?? {},
    async accept(userName, deviceId, nonces) {
      rows.set(key(userName, deviceId), nonces)
    },
  }
}

export function memoryDescriptions(): ClientDescriptions {
  const rows = new Map<string, string>()
  const key = (accountId: string, deviceId: string) => JSON.stringify([accountId, deviceId])
  return {
    async read(accountId, deviceId) {
      const row = rows.get(key(accountId, deviceId))
      return row === undefined ? undefined : (JSON.parse(row) as DevInf)
    },
    async write(accountId, deviceId, devInf) {
      rows.set(key(accountId, deviceId), JSON.stringify(devInf))
    },
  }
}

export function memoryHeldObjects(): HeldObjects {
  const rows = new Map<string, string>()
  const key = ({ accountId, deviceId, uri }: HeldKey) => JSON.stringify([accountId, deviceId, uri])
  const all = () => [...rows].map(([name, row]) => [name, JSON.parse(row) as HeldObject] as const)
  return {
    async find(held) {
      const row = rows.get(key(held))
      return row === undefined ? undefined : (JSON.parse(row) as HeldObject)
    },
    async keep(held) {
      rows.set(key(held), JSON.stringify(held))
    },
    async remove(held) {
      rows.delete(key(held))
    },
    async removeSpool(spoolId) {
      for (const [name, { receiving }] of all()) if (receiving?.spoolId === spoolId) rows.delete(name)
    },
    async list() {
      return all().map(([, held]) => held)
    },
  }
}

/** A spool in memory that keeps the port's promise about offsets. */
export function memorySpool(now: () => number): Spool & { readonly ids: () => string[] } {
  const spools = new Map<string, { bytes: Buffer; changedAt: number }>()
  return {
    ids: () => [...spools.keys()],
    async append(spoolId, offset, bytes) {
      const held = spools.get(spoolId)?.bytes ?? Buffer.alloc(0)
      if (held.length < offset) throw new Error(`spool ${spoolId} is shorter than ${offset}`)
      spools.set(spoolId, { bytes: Buffer.concat([held.subarray(0, offset), bytes]), changedAt: now() })
    },
    async *read(spoolId) {
      yield new Uint8Array(spools.get(spoolId)?.bytes ?? Buffer.alloc(0))
    },
    locate: () => {
      throw new Error('a spool in memory has no file')
    },
    async remove(spoolId) {
      spools.delete(spoolId)
    },
    async list() {
      return [...spools].map(([spoolId, { changedAt }]) => ({ spoolId, changedAt }))
    },
  }
}

/** Users and their passwords; digests are really checked. */
export function passwordVerifier(users: Readonly<Record<string, string>>): LoginVerifier {
  return {
    async verify(credentials) {
      const password = users[credentials.userName]
      const nonce = password === undefined ? undefined : matching(credentials, password)
      if (nonce === undefined) return { kind: 'refused', status: 401 }
      const { userName: accountName, deviceId } = credentials
      return { kind: 'accepted', peer: { accountId: `acc-${accountName}`, accountName, deviceId }, nonce }
    },
  }
}

function matching({ scheme, userName, nonces, verDtd, data }: SyncmlCredentials, password: string) {
  const expected = (nonce: Uint8Array) =>
    scheme === 'basic'
      ? Buffer.from(basicCredential(userName, password), 'base64')
      : verDtd === '1.0'
        ? md5DigestOf10(userName, password, nonce)
        : md5Digest(ha1(userName, password), nonce)
  const possible = scheme === 'basic' ? [new Uint8Array()] : nonces
  return possible.find((nonce) => Buffer.compare(expected(nonce), data) === 0)
}

/** No datastore has a password of its own. */
export function openDatastores(): DatastoreVerifier {
  return { isProtected: async () => false, verify: async () => undefined }
}

/** What the server proves itself with, by device id. */
export function memoryOwnLogins(passwords: Readonly<Record<string, string>> = {}): OwnLogins {
  const nonces = new Map<string, Uint8Array>()
  return {
    async find({ deviceId }) {
      const password = passwords[deviceId]
      return password === undefined ? undefined : { password, nonce: nonces.get(deviceId) }
    },
    async keepNonce({ deviceId }, nonce) {
      nonces.set(deviceId, nonce)
    },
  }
}

/** Collects what was logged; `errors` must stay empty in nearly every test. */
export function collectingLog(): OmadsLog & { readonly errors: unknown[] } {
  const errors: unknown[] = []
  return {
    errors,
    info: () => undefined,
    warn: () => undefined,
    error: (message, fields) => {
      errors.push({ message, ...fields })
    },
  }
}
