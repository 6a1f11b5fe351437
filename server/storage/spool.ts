/**
 * The port for received bytes that wait to be applied: append-only, sealed at rest, dropped afterwards.
 * A spool survives a restart of the server, not a power cut (it is then too short, or damaged, and found to be so); its
 * key is derived, not stored.
 */

export interface Spool {
  /**
   * Appends `bytes` at `offset`; what lay beyond `offset` from an earlier, unacknowledged try is cut off first.
   * @throws {StorageError} `storage.corrupt` if the spool is shorter than `offset`, `storage.full` without space.
   */
  append(spoolId: string, offset: number, bytes: Uint8Array): Promise<void>
  /** Plain octets from the start, in pieces. @throws {StorageError} `storage.corrupt` on damage. */
  read(spoolId: string): AsyncIterable<Uint8Array>
  /** Where a worker process finds the same bytes: file and key. The key must never be written down. */
  locate(spoolId: string): { readonly path: string; readonly key: Uint8Array }
  /** Drops the bytes. No error if there are none. */
  remove(spoolId: string): Promise<void>
  /** Ids of all spools with the time of their last change, for clearing away what no session owns. */
  list(): Promise<readonly { readonly spoolId: string; readonly changedAt: number }[]>
}
