/**
 * Fills the key ring from one master key and `keyring.json`: a wrong master key is told before anything is opened,
 * written or changed. Rules KY-3, KY-4, KY-8.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { type Generation, generationOf } from './generation.ts'
import type { KeyRing } from './keyRing.ts'
import { type KeyringFile, readKeyring, writeKeyring } from './keyringFile.ts'

const KEY_BYTES = 32
/** `nfk1.<key id>.<base64url of nonce, sealed key, tag>`. */
const WRAPPED = /^nfk1\.(mk_[0-9a-f]{16})\.([A-Za-z0-9_-]{80})$/
/** What a sealed object begins with; the key id's eight octets follow. */
const SEALED = Buffer.from('nfs1')
const SEALED_HEAD_BYTES = SEALED.length + 8
const OLDER_CONTEXT = 'older master key'

/** A key ring that can be given another master key. */
export interface FileKeyRing extends KeyRing {
  /** When the master key last changed, milliseconds since 1970; undefined if it never did. */
  readonly rotatedAt: number | undefined
  /**
   * Wraps with `masterKey` from now on; the one of now becomes an older one. Durable when it returns: from then on the
   * folder opens with the new one alone.
   * @throws {CodedError} `config.invalid` if it is one that the ring has, `storage.*`; nothing was changed then.
   */
  rotate(masterKey: Uint8Array, now: number): void
  /** Forgets older master keys: what they alone could open is lost. Durable when it returns. */
  forget(keyIds: readonly string[]): void
  /** The master key itself, for the recovery kit. */
  readonly masterKey: Uint8Array
}

/**
 * Opens the key ring of a data directory; with a directory that has none yet, writes it.
 *
 * @throws {CodedError} `key.wrong` if the directory was sealed with another master key (nothing is written then),
 *   `storage.corrupt` if `keyring.json` is damaged.
 */
export function openFileKeyRing(dataDir: string, masterKey: Uint8Array): FileKeyRing {
  const current = generationOf(masterKey)
  const kept = readKeyring(dataDir)
  if (kept === undefined) writeKeyring(dataDir, { version: 1, keyId: current.keyId, check: current.check })
  else requireSame(kept, current)
  const older = kept?.version === 2 ? kept.older.map((one) => openOlder(current, one)) : []
  return ringOver(dataDir, { current, older, kept })
}

interface RingState {
  readonly current: Generation
  readonly older: readonly Generation[]
  readonly kept: KeyringFile | undefined
}

function ringOver(dataDir: string, start: RingState): FileKeyRing {
  let state = start
  const all = (): readonly Generation[] => [state.current, ...state.older]
  const serverIdOf = ({ current, kept }: RingState): string =>
    kept?.version === 2
      ? kept.serverId
      : `nightferry-${Buffer.from(current.derive('server-id')).toString('hex').slice(0, 16)}`
  const keep = (current: Generation, older: readonly Generation[], rotatedAt: number): void => {
    const kept: KeyringFile = {
      ...{ version: 2, keyId: current.keyId, check: current.check, serverId: serverIdOf(state), rotatedAt },
      older: older.map((one) => ({
        keyId: one.keyId,
        sealed: current.seal(one.masterKey, `${OLDER_CONTEXT} ${one.keyId}`).toString('base64url'),
      })),
    }
    writeKeyring(dataDir, kept)
    state = { current, older, kept }
  }
  const wrap = (key: Uint8Array, context: string): string =>
    `nfk1.${state.current.keyId}.${state.current.wrap(key, context).toString('base64url')}`
  return {
    get currentKeyId() {
      return state.current.keyId
    },
    get olderKeyIds() {
      return state.older.map(({ keyId }) => keyId)
    },
    get serverId() {
      return serverIdOf(state)
    },
    get rotatedAt() {
      return state.kept?.version === 2 ? state.kept.rotatedAt : undefined
    },
    get masterKey() {
      return state.current.masterKey
    },
    wrap,
    newKey: (context) => {
      const key = new Uint8Array(randomBytes(KEY_BYTES))
      return { key, wrapped: wrap(key, context) }
    },
    unwrap: (wrapped, context) => {
      const [, keyId, sealed] = WRAPPED.exec(wrapped) ?? []
      if (keyId === undefined || sealed === undefined)
        throw new CodedError('storage.corrupt', 'a wrapped key is damaged', { fields: { context } })
      const octets = Buffer.from(sealed, 'base64url')
      return openWith(all(), keyId, 'a wrapped key', context, (one) => one.unwrap(octets, context))
    },
    derive: (context, keyId = state.current.keyId) => {
      const one = all().find((generation) => generation.keyId === keyId)
      if (one === undefined) throw wrongKey(keyId, state.current.keyId)
      return one.derive(context)
    },
    seal: (plain, context) => {
      const id = Buffer.from(state.current.keyId.slice(3), 'hex')
      return Buffer.concat([SEALED, id, state.current.seal(plain, context)])
    },
    open: (sealed, context) => {
      const keyId = sealedWith(sealed)
      if (keyId === undefined) return openOld(all(), sealed, context)
      const body = sealed.subarray(SEALED_HEAD_BYTES)
      return openWith(all(), keyId, 'a sealed object', context, (one) => one.open(body, context))
    },
    sealedWith,
    rotate: (masterKey, now) => {
      const next = generationOf(masterKey)
      if (all().some(({ keyId }) => keyId === next.keyId))
        throw new CodedError('config.invalid', `${next.keyId} is a master key of this data already`, {
          next: 'Give another one as the new master key.',
        })
      keep(next, all(), now)
    },
    forget: (keyIds) => {
      const older = state.older.filter(({ keyId }) => !keyIds.includes(keyId))
      const rotatedAt = state.kept?.version === 2 ? state.kept.rotatedAt : 0
      if (older.length < state.older.length) keep(state.current, older, rotatedAt)
    },
  }
}

/**
 * Opens with the key of the id that an object names. If the ring has none of that id, the object is another's, unless
 * one of its keys opens it: then it is the id that was damaged (KY-8).
 */
function openWith(
  all: readonly Generation[],
  keyId: string,
  what: string,
  context: string,
  open: (one: Generation) => Uint8Array,
): Uint8Array {
  const named = all.find((one) => one.keyId === keyId)
  try {
    if (named !== undefined) return open(named)
  } catch (cause) {
    throw new CodedError('storage.corrupt', `${what} does not open`, { cause, fields: { context } })
  }
  if (all.some((one) => opens(() => open(one))))
    throw new CodedError('storage.corrupt', `${what} names a key that it is not sealed with`, { fields: { context } })
  throw wrongKey(keyId, all[0]?.keyId ?? '')
}

/** What was sealed before ids were written: by one of the keys there are. */
function openOld(all: readonly Generation[], sealed: Uint8Array, context: string): Uint8Array {
  const one = all.find((generation) => opens(() => generation.open(sealed, context)))
  if (one === undefined)
    throw new CodedError('storage.corrupt', 'a sealed object does not open', { fields: { context } })
  return one.open(sealed, context)
}

function opens(open: () => unknown): boolean {
  try {
    open()
    return true
  } catch {
    return false
  }
}

function sealedWith(sealed: Uint8Array): string | undefined {
  const head = Buffer.from(sealed.subarray(0, SEALED_HEAD_BYTES))
  const isNamed = head.length === SEALED_HEAD_BYTES && head.subarray(0, SEALED.length).equals(SEALED)
  return isNamed ? `mk_${head.toString('hex', SEALED.length)}` : undefined
}

function openOlder(current: Generation, { keyId, sealed }: { keyId: string; sealed: string }): Generation {
  try {
    return generationOf(current.open(Buffer.from(sealed, 'base64url'), `${OLDER_CONTEXT} ${keyId}`))
  } catch (cause) {
    throw new CodedError('storage.corrupt', `the older master key ${keyId} does not open`, { cause })
  }
}

function requireSame(kept: KeyringFile, given: Generation): void {
  const [left, right] = [Buffer.from(kept.check), Buffer.from(given.check)]
  if (kept.keyId === given.keyId && left.length === right.length && timingSafeEqual(left, right)) return
  if (kept.keyId === given.keyId || kept.check === given.check)
    throw new CodedError('storage.corrupt', 'keyring.json contradicts itself')
  const isOlder = kept.version === 2 && kept.older.some(({ keyId }) => keyId === given.keyId)
  throw wrongKey(kept.keyId, given.keyId, isOlder ? kept : undefined)
}

function wrongKey(wanted: string, given: string, rotatedFrom?: { readonly rotatedAt: number }): CodedError {
  const since = rotatedFrom && new Date(rotatedFrom.rotatedAt).toISOString()
  return new CodedError('key.wrong', `sealed with master key ${wanted}, but ${given} was given`, {
    fields: { wanted, given },
    next:
      since === undefined
        ? 'Start with the master key this data was made with.'
        : `The master key was changed at ${since}: start with ${wanted}, the new one.`,
  })
}
