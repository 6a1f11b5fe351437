/**
 * What the device client needs from the outside. The core imports no platform: time, randomness, network,
 * storage and SQLite come in through these, from `node/`, from `browser/` or from a test.
 */

/** A value SQLite can hold. INTEGER arrives as bigint, REAL as number. */
export type SqlValue = null | bigint | number | string | Uint8Array

/** One prepared statement. */
export interface SqlStatement {
  run(...params: readonly SqlValue[]): void
  /** First row as an array, or undefined. */
  get(...params: readonly SqlValue[]): SqlValue[] | undefined
  all(...params: readonly SqlValue[]): SqlValue[][]
  /** Rows one by one; the statement is reset when the loop ends, also by `break`. */
  iterate(...params: readonly SqlValue[]): Iterable<SqlValue[]>
}

/** The little of SQLite that the device client uses. Synchronous, one connection. */
export interface SqlDatabase {
  exec(sql: string): void
  prepare(sql: string): SqlStatement
  close(): void
}

/** Opens databases of the device. */
export interface SqlOpener {
  /** The device's database, for observing and reading. @throws {DatabaseLockedError} if the application holds it. */
  open(path: string): SqlDatabase
}

/** Bytes of the whole file, consistent, for a full backup; removed by `dispose`. */
export interface FileImage {
  readonly sizeBytes: number
  /** Journal mode of the database on the device; what `read` gives says so in its header. */
  readonly journalMode: 'wal' | 'delete'
  /** The image as a database, for looking at it. */
  open(): SqlDatabase
  read(): AsyncIterable<Uint8Array>
  dispose(): Promise<void>
}

/** Takes consistent images of whole databases while the application goes on, without objects of ours. */
export interface FileImager {
  /** @throws {CodedError} `database.unknown`, `database.locked`, `database.invalid`, `storage.full`. */
  take(path: string): Promise<FileImage>
}

/** A place for octets of unknown length that are read again, perhaps several times. */
export interface Scratch {
  /** Takes everything `source` gives. @throws {CodedError} `storage.full`. */
  fill(source: AsyncIterable<Uint8Array>): Promise<ScratchContent>
}
export interface ScratchContent {
  readonly sizeBytes: number
  /** Octets from `offset` on. */
  open(offset: number): AsyncIterable<Uint8Array>
  dispose(): Promise<void>
}

/** An HTTP exchange. `fetch` of the platform fits. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchReply>
export interface FetchInit {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignalLike
  /** Hears of octets of the answer as they come, where the platform can tell. */
  readonly onChunk?: (sizeBytes: number) => void
}
export interface AbortSignalLike {
  readonly aborted: boolean
}
export interface FetchReply {
  readonly status: number
  header(name: string): string | null
  bytes(): Promise<Uint8Array>
}

/** Milliseconds since 1970, and waiting. */
export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

/** Cryptographically strong randomness. */
export interface Random {
  bytes(length: number): Uint8Array
}

/** gzip as streams of chunks. */
export interface Gzip {
  compress(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array>
  /** Stops with an error when more than `maxBytes` come out. */
  decompress(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncIterable<Uint8Array>
}

/** How whole files travel: a media type and the compression it stands for. */
export interface FileCoding {
  readonly contentType: string
  compress(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}

/**
 * Opens one Zstandard frame (RFC 8878).
 * @throws {CodedError} `integrity.mismatch` if it is damaged or more than `maxBytes` come out.
 */
export type OpenZstdFrame = (frame: Uint8Array, maxBytes: number) => Promise<Uint8Array>

/** SHA-256 of octets that come in pieces. */
export interface Digest {
  update(bytes: Uint8Array): void
  /** Lower-case hex; ends the digest. */
  hex(): string
}

/** Small durable records of the agent: configuration, secrets, nonces, pending sessions. */
export interface KeyStore {
  get(key: string): Promise<Uint8Array | undefined>
  /** Durable when it returns. */
  set(key: string, value: Uint8Array): Promise<void>
  delete(key: string): Promise<void>
}

/** Structured log; never content, never credentials. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}
