/** What sets of files need from the platform beyond the ports of databases. Reading and writing is synchronous. */

import type { FileImage, SqlDatabase } from '../ports.ts'

/**
 * A path inside a set, as a text of its octets (each character is one octet): names need not be UTF-8. Empty: the
 * folder itself, or the one file.
 */
export type OctetPath = string

export type EntryKind = 'folder' | 'file' | 'link'

/** What is known of an entry without reading it. */
export interface EntryFacts {
  readonly kind: EntryKind
  /** The nine bits of permissions. */
  readonly mode: number
  /** Microseconds since 1970. */
  readonly mtimeUs: number
  readonly sizeBytes: number
  /** Where a link leads, as octets. */
  readonly target: string | null
}

/** One thing that lies in a folder, or what keeps us from it. */
export type FoundEntry =
  | { readonly path: OctetPath; readonly facts: EntryFacts; readonly stamp: string; readonly changedAtMs: number }
  /** A socket, a pipe, a device. */
  | { readonly path: OctetPath; readonly special: true }
  /** It, and what lies in it, cannot be read. */
  | { readonly path: OctetPath; readonly failure: string }

export interface OpenFile {
  /** Size, times and identity now: equal if nobody changed it. */
  stamp(): string
  /** Reads on; 0 at the end. @throws Error of the platform. */
  read(into: Uint8Array): number
  close(): void
}

export interface FolderReader {
  /** Everything in it, folders before what is in them. @throws {CodedError} `database.unknown` if it is not there. */
  list(): Iterable<FoundEntry>
  /** @throws Error of the platform. */
  open(path: OctetPath): OpenFile
}

/** A place beside a target that takes its name when it is whole. */
export interface FolderWriter {
  /** Begins anew. */
  begin(): void
  folder(path: OctetPath): void
  link(path: OctetPath, facts: EntryFacts): void
  file(path: OctetPath, facts: EntryFacts, blocks: Iterable<Uint8Array>): void
  /** Gives `folders` their permissions and times, flushes, and gives all of it the target's name. */
  settle(folders: readonly { readonly path: OctetPath; readonly facts: EntryFacts }[]): void
  /** What was built goes. */
  discard(): void
  /** Where what lay at the target is now; undefined if there was nothing. */
  readonly keptAside: string | undefined
}

/** A database of the agent's own that holds what is to be sent, and goes with `dispose`. */
export interface Stage extends FileImage {
  readonly database: SqlDatabase
}

export interface FilePorts {
  reader(path: string): FolderReader
  /** @throws {CodedError} `restore.target-exists` if something lies at `path` that is not `own` and not empty. */
  writer(path: string, own: boolean): FolderWriter
  isFolder(path: string): boolean
  /** True for a file of SQLite; an empty one counts as such. @throws {CodedError} `database.unknown`. */
  isDatabase(path: string): boolean
  stage(): Promise<Stage>
  /** What a restore fetches before it is unpacked to `path`. */
  stagePath(path: string): string
  openStage(path: string): SqlDatabase
  removeStage(path: string): void
  sha256(octets: Uint8Array): Uint8Array
  /** Shorter octets, or undefined if a tenth is not saved. */
  pack(octets: Uint8Array): Uint8Array | undefined
  /** @throws {CodedError} `integrity.mismatch` if it is damaged or not of this size. */
  unpack(packed: Uint8Array, sizeBytes: number): Uint8Array
}
