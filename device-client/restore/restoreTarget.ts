/**
 * The port to where a restored database comes to lie. What was fetched and verified survives a cut; the target's name
 * shows the old file or the new one, whole, at every moment (RS-5, RS-6).
 */

export interface RestoreTarget {
  /** What an interrupted restore to this target left: its ticket. */
  readTicket(): Promise<Uint8Array | undefined>
  /** Durable when it resolves; segments of another ticket are forgotten. It holds the content key: owner only. */
  keepTicket(ticket: Uint8Array): Promise<void>
  /** A kept segment; undefined if there is none. It was verified, but may have been damaged since. */
  readSegment(segment: number): Promise<Uint8Array | undefined>
  keepSegment(segment: number, sealed: Uint8Array): Promise<void>
  /**
   * Writes the plain octets beside the target, has SQLite check them (`quick_check`), flushes, and gives them the
   * target's name; `-wal`, `-shm` and `-journal` of an older file are removed. `plain` throws: nothing is visible.
   * @throws {CodedError} `restore.target-exists` if an application holds the old file locked, `integrity.mismatch` if
   *   SQLite finds damage, `storage.full`, `storage.unavailable`.
   */
  replace(plain: AsyncIterable<Uint8Array>): Promise<void>
  /** The plain file as it grows, on a platform where it can be written in any order. @throws as `replace`. */
  openGrowing?(): Promise<GrowingFile>
  /** Forgets ticket and segments: the restore is confirmed, or cannot go on. */
  clear(): Promise<void>
}

/** The plain file of a restore under way, beside the target. Its ranges are kept instead of segments. */
export interface GrowingFile {
  /** Ranges that an interrupted restore wrote and that are still as it wrote them, by their segments. */
  readonly kept: ReadonlySet<number>
  /** Kept when it resolves, though not flushed. */
  keepRange(segment: number, offset: number, plain: Uint8Array): Promise<void>
  /**
   * Has SQLite check the file, reads it again for its SHA-256, flushes, and gives it the target's name.
   * @throws {CodedError} `integrity.mismatch` if it is not the file of this SHA-256, and nothing of it is kept then;
   *   else as `RestoreTarget.replace`.
   */
  settle(sha256: string): Promise<void>
  /** Ends the work on it, also after a failure. */
  close(): Promise<void>
}
