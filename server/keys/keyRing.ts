/**
 * The port for keys at rest. Every stored object has its own random key, wrapped by the master key;
 * the wrapped form names the master key's id, so that a wrong key and damaged data stay two different errors.
 * After a rotation the ring goes on reading with older master keys until nothing needs them (KY-4).
 */

export interface KeyRing {
  /** Id of the master key that wraps now, e.g. `mk_3f9a…`. A rotation changes it while the server runs. */
  readonly currentKeyId: string
  /** Ids of the master keys that are only read with, the newest first. */
  readonly olderKeyIds: readonly string[]
  /** The name this server has towards devices; a rotation does not change it. */
  readonly serverId: string
  /**
   * A new random 256-bit key and its wrapped form. `context` (what the key is for, e.g. `copy:<id>`) is bound to it.
   */
  newKey(context: string): { readonly key: Uint8Array; readonly wrapped: string }
  /** Wraps an existing key. Whoever keeps the result later does this as late as it can be done (KY-5). */
  wrap(key: Uint8Array, context: string): string
  /**
   * @throws {KeyError} `key.wrong` if another master key wrapped it, `storage.corrupt` if the text is damaged.
   */
  unwrap(wrapped: string, context: string): Uint8Array
  /**
   * A key that follows from master key and context; for short-lived objects whose key need not be stored. Without
   * `keyId` from the master key of now.
   * @throws {KeyError} `key.wrong` if the ring has no master key of that id.
   */
  derive(context: string, keyId?: string): Uint8Array
  /** Seals a small object under a key of its own that follows from `context` (what it is, and whose). */
  seal(plain: Uint8Array, context: string): Uint8Array
  /**
   * What `seal` sealed.
   * @throws {KeyError} `key.wrong` if another master key sealed it, `storage.corrupt` if it was changed, or sealed for
   *   another context.
   */
  open(sealed: Uint8Array, context: string): Uint8Array
  /** The id of the master key that sealed it, as it says; undefined for what was sealed before ids were written. */
  sealedWith(sealed: Uint8Array): string | undefined
}

/** The id of the master key that wrapped a key, as its wrapped form says; undefined if it is damaged. */
export function wrappedWith(wrapped: string): string | undefined {
  return /^nfk1\.(mk_[0-9a-f]{16})\./.exec(wrapped)?.[1]
}
