/**
 * The stored picture of rows: one digest per row of each compared table, in a database of the agent beside the
 * application's. Changes found by a comparison wait as pending until the server has them. Rules DC-3, DC-9.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { formatLine } from '../../schemas/delta/line.ts'
import { type Cell, encodeCell } from '../../schemas/delta/value.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'

/** Octets kept of each SHA-256: enough that no two rows of a fleet ever meet by chance. */
const DIGEST_BYTES = 16

export interface RowPicture {
  /**
   * Starts a comparison. Pending changes of an earlier one may have reached the server or not: their keys become
   * uncertain, and are sent again whatever the comparison says of them.
   */
  begin(): void
  /** Keeps what was noted since `begin`, as pending. */
  save(): void
  /** Forgets what was noted since `begin`. */
  discard(): void
  /** Digest of a row as stored, or undefined. */
  digestOf(table: string, key: string): Uint8Array | undefined
  /** Keys stored for a table. */
  keys(table: string): Iterable<string>
  /** Keys of a table that the server may have in another form than the picture. */
  uncertainKeys(table: string): Iterable<string>
  /** Makes the keys uncertain that were acknowledged since the last whole file; true if there are any. */
  recall(table: string): boolean
  /** Doubts that the server has a row as the picture says: it is sent with the next Delta, whatever it is then. */
  doubt(table: string, key: string): void
  /** Notes what a row's digest will be once acknowledged; null if the row is gone. */
  note(table: string, key: string, digest: Uint8Array | null): void
  /** Forgets the whole table first when the pending changes are acknowledged. */
  noteReplaced(table: string): void
  /** All pending keys of a table, or only those whose rows are there. */
  pendingKeys(table: string, which: 'all' | 'present'): Iterable<string>
  /** True if anything is pending for the table. */
  hasPending(table: string): boolean
  /** True if a saved comparison waits for the server's word. */
  isPending(): boolean
  /**
   * The server has the pending changes: from now on the picture is that of the position with this token. Their keys are
   * remembered for `recall` if `recalls`, else those remembered are forgotten.
   */
  acknowledge(token: string, recalls?: boolean): void
  /** Token of the position that the picture is of, or undefined if it was never acknowledged. */
  token(): string | undefined
}

/** The text by which a row is known in the picture. */
export function pictureKey(key: readonly Cell[]): string {
  return formatLine(key.map(encodeCell)).trimEnd()
}

/** The digest of a row. */
export function rowDigest(cells: readonly Cell[]): Uint8Array {
  return sha256(encodeUtf8(formatLine(cells.map(encodeCell)))).subarray(0, DIGEST_BYTES)
}

/** Digest of all rows of a table that has no key, in the order given. */
export function tableDigest(rows: Iterable<readonly Cell[]>): Uint8Array {
  const hash = sha256.create()
  for (const row of rows) hash.update(rowDigest(row))
  return hash.digest().subarray(0, DIGEST_BYTES)
}

/** True if two digests are the same octets. */
export function sameDigest(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((octet, i) => octet === b[i])
}

/** Keys read at once: no cursor stays open while the same database is written. */
const KEY_BATCH = 1000

/**
 * Empties a table. Without a condition SQLite writes the page of an empty table again, and a night in which nothing was
 * compared would pay for flushing it.
 */
const emptied = (table: string): string => `DELETE FROM ${table} WHERE true`

/** Opens the picture in a database that belongs to the agent. */
export function openRowPicture(database: SqlDatabase): RowPicture {
  database.exec(`CREATE TABLE IF NOT EXISTS picture_row(tbl TEXT, key TEXT, digest BLOB, PRIMARY KEY(tbl,key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picture_pending(tbl TEXT, key TEXT, digest BLOB, PRIMARY KEY(tbl,key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picture_uncertain(tbl TEXT, key TEXT, PRIMARY KEY(tbl,key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picture_since(tbl TEXT, key TEXT, PRIMARY KEY(tbl,key)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picture_replaced(tbl TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS picture_position(id INTEGER PRIMARY KEY CHECK(id=1), token TEXT NOT NULL);`)
  const position = database.prepare('INSERT OR REPLACE INTO picture_position(id,token) VALUES(1,?)')
  const digest = database.prepare('SELECT digest FROM picture_row WHERE tbl=? AND key=?')
  const note = database.prepare('INSERT OR REPLACE INTO picture_pending(tbl,key,digest) VALUES(?,?,?)')
  const doubt = database.prepare('INSERT OR IGNORE INTO picture_uncertain(tbl,key) VALUES(?,?)')
  const replaced = database.prepare('INSERT OR IGNORE INTO picture_replaced(tbl) VALUES(?)')
  return {
    begin: () =>
      database.exec(`BEGIN IMMEDIATE;
        INSERT OR IGNORE INTO picture_uncertain SELECT tbl,key FROM picture_pending;
        ${emptied('picture_pending')}; ${emptied('picture_replaced')}`),
    save: () => database.exec('COMMIT'),
    discard: () => database.exec('ROLLBACK'),
    digestOf: (table, key) => {
      const value = digest.get(table, key)?.[0]
      return value instanceof Uint8Array ? value : undefined
    },
    keys: (table) => keysInBatches(database, 'picture_row', table, ''),
    uncertainKeys: (table) => keysInBatches(database, 'picture_uncertain', table, ''),
    recall: (table) => {
      database
        .prepare('INSERT OR IGNORE INTO picture_uncertain SELECT tbl,key FROM picture_since WHERE tbl=?')
        .run(table)
      return database.prepare('SELECT 1 FROM picture_since WHERE tbl=? LIMIT 1').get(table) !== undefined
    },
    doubt: (table, key) => doubt.run(table, key),
    note: (table, key, value) => note.run(table, key, value),
    noteReplaced: (table) => replaced.run(table),
    pendingKeys: (table, which) =>
      keysInBatches(database, 'picture_pending', table, which === 'present' ? 'AND digest IS NOT NULL' : ''),
    hasPending: (table) =>
      database.prepare('SELECT 1 FROM picture_pending WHERE tbl=?').get(table) !== undefined ||
      database.prepare('SELECT 1 FROM picture_replaced WHERE tbl=?').get(table) !== undefined,
    isPending: () =>
      database.prepare('SELECT 1 FROM picture_pending LIMIT 1').get() !== undefined ||
      database.prepare('SELECT 1 FROM picture_replaced LIMIT 1').get() !== undefined,
    acknowledge: (token, recalls = false) => {
      const since = recalls
        ? 'INSERT OR IGNORE INTO picture_since SELECT tbl,key FROM picture_pending'
        : emptied('picture_since')
      database.exec(`BEGIN IMMEDIATE; ${since};
        DELETE FROM picture_row WHERE tbl IN (SELECT tbl FROM picture_replaced);
        DELETE FROM picture_row WHERE (tbl,key) IN (SELECT tbl,key FROM picture_pending WHERE digest IS NULL);
        INSERT OR REPLACE INTO picture_row SELECT tbl,key,digest FROM picture_pending WHERE digest IS NOT NULL;
        ${emptied('picture_pending')}; ${emptied('picture_replaced')}; ${emptied('picture_uncertain')};`)
      position.run(token)
      database.exec('COMMIT')
    },
    token: () => {
      const [token] = database.prepare('SELECT token FROM picture_position').get() ?? []
      return typeof token === 'string' ? token : undefined
    },
  }
}

function* keysInBatches(database: SqlDatabase, from: string, table: string, condition: string): Iterable<string> {
  const query = (more: string): string =>
    `SELECT key FROM ${from} WHERE tbl=? ${more} ${condition} ORDER BY key LIMIT ${KEY_BATCH}`
  const first = database.prepare(query(''))
  const batch = database.prepare(query('AND key>?'))
  // The key of a whole table is empty, so the first batch begins before it.
  let after: string | null = null
  for (;;) {
    const rows: SqlValue[][] = after === null ? first.all(table) : batch.all(table, after)
    for (const [key] of rows) yield String(key)
    if (rows.length < KEY_BATCH) return
    after = String(rows[rows.length - 1]?.[0])
  }
}
