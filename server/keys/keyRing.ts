/**
 * The port for keys at rest. Every stored object has its own random key, wrapped by the master key;
 * the wrapped form names the master key's id, so that a wrong key and damaged data stay two different errors.
 */

export interface KeyRing {
  /** Id of the master key that wraps now, e.g. `mk_3f9a…`. */
  readonly currentKeyId: string
  /**
   * A new random 256-bit key and its wrapped form. `context` (what the key is for, e.g. `copy:<id>`) is bound to it.
   */
  newKey(context: string): { readonly key: Uint8Array; readonly wrapped: string }
  /** Wraps an existing key. */
  wrap(key: Uint8Array, context: string): string
  /**
   * @throws {KeyError} `key.wrong` if another master key wrapped it, `storage.corrupt` if the text is damaged.
   */
  unwrap(wrapped: string, context: string): Uint8Array
  /** A key that follows from master key and context; for short-lived objects whose key need not be stored. */
  derive(context: string): Uint8Array
  /** Seals a small object under a key of its own that follows from `context` (what it is, and whose). */
  seal(plain: Uint8Array, context: string): Uint8Array
  /** What `seal` sealed. @throws {KeyError} `storage.corrupt` if it was changed, or sealed for another context or key. */
  open(sealed: Uint8Array, context: string): Uint8Array
}
