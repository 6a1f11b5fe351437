/**
 * The port for immutable objects: bytes by key. Keys are slash-separated names of ours (`images/<id>/<number>`).
 * What is stored is sealed before it comes here; storage sees no plain octets and no keys.
 */

export interface Storage {
  /**
   * Stores whole or not at all, durable when it resolves; replaces what had this key. Repeating does no harm.
   * What need not be durable survives the end of the process, but after a power cut it may be gone or damaged.
   * @throws {CodedError} `storage.full`, `storage.unavailable`.
   */
  put(key: string, bytes: Uint8Array, options?: { readonly durable?: boolean }): Promise<void>
  /**
   * The object, or `range` of it (`end` is exclusive; cut at the object's end); undefined if there is none.
   * @throws {CodedError} `storage.unavailable`.
   */
  get(key: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array | undefined>
  /** No error if there is none. @throws {CodedError} `storage.unavailable`. */
  delete(key: string): Promise<void>
  /** Keys that begin with `prefix`, in no order. @throws {CodedError} `storage.unavailable`. */
  list(prefix: string): AsyncIterable<string>
}
