/**
 * What the device remembers of a set between two nights, in a database of the agent's own: the acknowledged entries,
 * digests and use counts of their blocks, and what may have reached the server since. Rules FS-3, FS-4, FS-8.
 */

import type { Position } from '../../schemas/syncml/position.ts'
import { transacting } from '../observe/connection.ts'
import type { SqlDatabase, SqlStatement, SqlValue } from '../ports.ts'
import type { OctetPath } from './filePorts.ts'
import { type BlockRun, octetsOf, octetText, parseParts, type SetEntry } from './setTables.ts'

export interface SetState {
  readonly version: 1
  /** Null before the first backup. */
  readonly lineage: string | null
  readonly acknowledged: Position | null
  /** The server must confirm the lineage before "no changes" counts. */
  readonly unconfirmed: boolean
  /** Positions of Deltas that may have reached the server. */
  readonly sent: readonly Position[]
  /** True if what was found last may have reached it, too. */
  readonly pendingSent: boolean
  readonly openNumber: number
  /** Ids below were given to a block of this life. */
  readonly nextBlock: number
}

const INITIAL: SetState = {
  version: 1,
  lineage: null,
  acknowledged: null,
  unconfirmed: false,
  sent: [],
  pendingSent: false,
  openNumber: 1,
  nextBlock: 1,
}

/** An entry and how its file looked when it was read. */
export interface PicturedEntry extends SetEntry {
  readonly stamp: string
}

const ENTRY_COLUMNS =
  'path BLOB PRIMARY KEY, stamp TEXT, kind TEXT, mode INTEGER, mtime INTEGER, size INTEGER, target BLOB, parts TEXT'
const ENTRY_NAMES = 'path,stamp,kind,mode,mtime,size,target,parts'

/** `fs_new_entry` without a kind: the entry is gone. */
const TABLES = `CREATE TABLE IF NOT EXISTS fs_state(id INTEGER PRIMARY KEY CHECK(id=1), value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS fs_entry(${ENTRY_COLUMNS}) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS fs_new_entry(${ENTRY_COLUMNS}) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS fs_unsure_entry(path BLOB PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS fs_block(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, uses INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS fs_block_unused ON fs_block(id) WHERE uses<=0;
  CREATE TABLE IF NOT EXISTS fs_new_block(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS fs_leaving_block(id INTEGER PRIMARY KEY)`

export class SetPicture {
  readonly #database: SqlDatabase
  /** Statements of which one row is read at a time. */
  readonly #statements = new Map<string, SqlStatement>()

  constructor(database: SqlDatabase) {
    this.#database = database
    database.exec(TABLES)
  }

  state(): SetState {
    const [text] = this.#database.prepare('SELECT value FROM fs_state').get() ?? []
    return typeof text === 'string' ? (JSON.parse(text) as SetState) : INITIAL
  }

  writeState(state: SetState): void {
    this.#database.prepare('INSERT OR REPLACE INTO fs_state VALUES(1,?)').run(JSON.stringify(state))
  }

  transaction<T>(work: () => T): T {
    return transacting(this.#database, true, work)
  }

  /** Forgets what was found last; what of it may have reached the server is named in the next Delta (FS-8). */
  beginScan(): void {
    const state = this.state()
    if (state.pendingSent) {
      this.#database.exec(`INSERT OR IGNORE INTO fs_unsure_entry SELECT path FROM fs_new_entry;
        INSERT OR IGNORE INTO fs_leaving_block SELECT id FROM fs_new_block`)
      this.writeState({ ...state, pendingSent: false })
    }
    this.#database.exec('DELETE FROM fs_new_entry; DELETE FROM fs_new_block')
  }

  countEntries(): number {
    return Number(this.#database.prepare('SELECT count(*) FROM fs_entry').get()?.[0] ?? 0)
  }

  entry(path: OctetPath): PicturedEntry | undefined {
    const row = this.#statement(`SELECT ${ENTRY_NAMES} FROM fs_entry WHERE path=?`).get(octetsOf(path))
    return row && readEntry(row)
  }

  /** The paths of all acknowledged entries. */
  *paths(): Iterable<OctetPath> {
    for (const [path] of this.#database.prepare('SELECT path FROM fs_entry').iterate()) yield textOf(path)
  }

  /** The same content was found under another stamp. */
  restamp(path: OctetPath, stamp: string): void {
    this.#statement('UPDATE fs_entry SET stamp=? WHERE path=?').run(stamp, octetsOf(path))
  }

  noteEntry(entry: PicturedEntry): void {
    this.#insertEntry('fs_new_entry', entry)
  }

  noteGone(path: OctetPath): void {
    this.#database.prepare('INSERT OR REPLACE INTO fs_new_entry(path) VALUES(?)').run(octetsOf(path))
  }

  /** What may have reached the server and was not noted again is noted as it was acknowledged. */
  noteUnsure(): void {
    const missing = 'path NOT IN (SELECT path FROM fs_new_entry)'
    this.#database.exec(`INSERT INTO fs_new_entry SELECT ${ENTRY_NAMES} FROM fs_entry
        WHERE path IN (SELECT path FROM fs_unsure_entry) AND ${missing};
      INSERT INTO fs_new_entry(path) SELECT path FROM fs_unsure_entry WHERE ${missing}`)
  }

  /** The id of a block that is there or comes; undefined if it is new. `afresh`: nothing is there. */
  findBlock(digest: Uint8Array, afresh: boolean): number | undefined {
    const held = afresh ? undefined : this.#statement('SELECT id FROM fs_block WHERE digest=?').get(digest)
    const found = held ?? this.#statement('SELECT id FROM fs_new_block WHERE digest=?').get(digest)
    return found && Number(found[0])
  }

  noteBlock(id: number, digest: Uint8Array): void {
    this.#statement('INSERT OR IGNORE INTO fs_new_block(id,digest) VALUES(?,?)').run(BigInt(id), digest)
  }

  /** Takes back blocks from `id` on: their file changed while it was read. */
  dropBlocksFrom(id: number): void {
    this.#database.prepare('DELETE FROM fs_new_block WHERE id>=?').run(BigInt(id))
  }

  hasNews(): boolean {
    return this.#database.prepare('SELECT 1 FROM fs_new_entry LIMIT 1').get() !== undefined
  }

  /** Paths of all noted entries, gone ones included. */
  *newPaths(): Iterable<OctetPath> {
    for (const [path] of this.#database.prepare('SELECT path FROM fs_new_entry ORDER BY path').iterate())
      yield textOf(path)
  }

  *newEntries(): Iterable<PicturedEntry> {
    const rows = this.#database.prepare(`SELECT ${ENTRY_NAMES} FROM fs_new_entry WHERE kind IS NOT NULL ORDER BY path`)
    for (const row of rows.iterate()) yield readEntry(row)
  }

  *newBlocks(): Iterable<number> {
    for (const [id] of this.#database.prepare('SELECT id FROM fs_new_block ORDER BY id').iterate()) yield Number(id)
  }

  *leavingBlocks(): Iterable<number> {
    for (const [id] of this.#database.prepare('SELECT id FROM fs_leaving_block ORDER BY id').iterate()) yield Number(id)
  }

  /** The noted entries and blocks are the server's now; `afresh`: they alone. Call it in the transaction of the state. */
  acknowledge(afresh: boolean): void {
    const database = this.#database
    if (afresh) database.exec('DELETE FROM fs_entry; DELETE FROM fs_block')
    database.exec('INSERT INTO fs_block(id,digest,uses) SELECT id,digest,0 FROM fs_new_block')
    const held = database.prepare(`SELECT e.parts, n.parts FROM fs_new_entry n LEFT JOIN fs_entry e ON e.path=n.path
      WHERE e.parts IS NOT NULL OR n.parts IS NOT NULL`)
    for (const [before, after] of held.all()) {
      this.#use(before, -1)
      this.#use(after, 1)
    }
    database.exec(`DELETE FROM fs_entry WHERE path IN (SELECT path FROM fs_new_entry WHERE kind IS NULL);
      INSERT OR REPLACE INTO fs_entry SELECT ${ENTRY_NAMES} FROM fs_new_entry WHERE kind IS NOT NULL;
      DELETE FROM fs_new_entry; DELETE FROM fs_new_block; DELETE FROM fs_unsure_entry; DELETE FROM fs_leaving_block;
      INSERT INTO fs_leaving_block SELECT id FROM fs_block WHERE uses<=0;
      DELETE FROM fs_block WHERE uses<=0`)
  }

  /** Nothing is remembered any more. */
  clear(): void {
    this.#database.exec(`DELETE FROM fs_state; DELETE FROM fs_entry; DELETE FROM fs_block; DELETE FROM fs_new_entry;
      DELETE FROM fs_new_block; DELETE FROM fs_unsure_entry; DELETE FROM fs_leaving_block`)
  }

  #use(parts: SqlValue | undefined, by: number): void {
    if (typeof parts !== 'string') return
    const statement = this.#statement('UPDATE fs_block SET uses=uses+? WHERE id BETWEEN ? AND ?')
    for (const { first, last } of runsOf(parts)) statement.run(BigInt(by), BigInt(first), BigInt(last))
  }

  #insertEntry(table: string, { path, stamp, kind, mode, mtimeUs, sizeBytes, target, parts }: PicturedEntry): void {
    this.#statement(`INSERT OR REPLACE INTO ${table}(${ENTRY_NAMES}) VALUES(?,?,?,?,?,?,?,?)`).run(
      ...[octetsOf(path), stamp, kind, BigInt(mode), BigInt(mtimeUs), BigInt(sizeBytes)],
      ...[target === null ? null : octetsOf(target), parts],
    )
  }

  #statement(sql: string): SqlStatement {
    const held = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, held)
    return held
  }
}

function runsOf(parts: string): BlockRun[] {
  const runs = parseParts(parts)
  if (runs === undefined) throw new Error('a list of blocks of our own cannot be read')
  return runs
}

function textOf(value: SqlValue | undefined): OctetPath {
  return value instanceof Uint8Array ? octetText(value) : ''
}

function readEntry([path, stamp, kind, mode, mtime, size, target, parts]: readonly SqlValue[]): PicturedEntry {
  return {
    path: textOf(path),
    stamp: String(stamp),
    kind: kind === 'folder' || kind === 'link' ? kind : 'file',
    mode: Number(mode),
    mtimeUs: Number(mtime),
    sizeBytes: Number(size),
    target: target instanceof Uint8Array ? octetText(target) : null,
    parts: typeof parts === 'string' ? parts : null,
  }
}
