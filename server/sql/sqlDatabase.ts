/**
 * The port to SQLite: the little of it that the server uses. Synchronous, one connection, exact values
 * (INTEGER is bigint, REAL is number, so 1 and 1.0 stay apart and nothing is rounded).
 */

export type SqlValue = null | bigint | number | string | Uint8Array

export interface SqlStatement {
  /** Runs the statement; returns how many rows it changed. */
  run(...params: readonly SqlValue[]): number
  /** First row as an array, or undefined. */
  get(...params: readonly SqlValue[]): SqlValue[] | undefined
  all(...params: readonly SqlValue[]): SqlValue[][]
  iterate(...params: readonly SqlValue[]): IterableIterator<SqlValue[]>
  /** Names of the result columns; empty for a statement that returns none. */
  columns(): string[]
}

export interface SqlDatabase {
  readonly inTransaction: boolean
  exec(sql: string): void
  /** @throws if `sql` is not exactly one statement. */
  prepare(sql: string): SqlStatement
  /** Runs `fn` between BEGIN IMMEDIATE and COMMIT; any throw rolls back and passes on. */
  transaction<T>(fn: () => T): T
  /** First column of the first row of a pragma. */
  pragma(text: string): SqlValue
  /** Lets `sqlite_schema` be written (for definitions that are kept as data); off again with `false`, which reloads the schema. */
  writableSchema(on: boolean): void
  /**
   * A function for SQL; only stand-ins for functions of the device that we do not have. From then on the connection
   * trusts its schema: it must not show a hostile one.
   */
  standInFunction(name: string): void
  /** The octets of the file that this database is, or would be; for one that fits into memory twice. */
  serialize(): Buffer
  close(): void
}

/** How a database file is encrypted. */
export type Cipher =
  /** SQLite3MC `aegis` under a raw key of 32 octets: each page is authenticated (BK-1). */
  | { readonly kind: 'aegis'; readonly key: Uint8Array }
  /** SQLite3MC `aes256cbc`: reserves no bytes, does not authenticate; only for short-lived files (BK-10). */
  | { readonly kind: 'aes256cbc'; readonly passphrase: string }
  | { readonly kind: 'none' }

export interface OpenOptions {
  readonly cipher: Cipher
  readonly create?: boolean
  readonly readonly?: boolean
  /** Milliseconds to wait for another connection's lock. */
  readonly busyTimeoutMs?: number
  /** Pragmas that hold from the first use of the file on, such as `synchronous=FULL`. */
  readonly pragmas?: readonly string[]
}
