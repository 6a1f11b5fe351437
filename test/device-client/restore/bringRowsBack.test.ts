/** Rows that come back into a living database: what they change, what they leave, and what the next backup sends. */

import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import { openDeviceDatabase } from '../../../device-client/node/betterSqlite.ts'
import { bringRowsBack, type RowCounts, type RowsWanted } from '../../../device-client/restore/bringRowsBack.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { DeviceLife } from '../../support/deviceLife.ts'

let life: DeviceLife
let past: string
afterEach(() => life.dispose())

/** A database under backup; `since` happens after the state that rows are taken from. */
async function live(setup: string, since: string): Promise<void> {
  life = await DeviceLife.create(setup)
  await life.night()
  past = join(life.dir, 'past.db')
  life.writeCopy(past)
  life.app(since)
  await life.night()
}

function bring(wanted: Partial<RowsWanted> & { readonly table: string }): RowCounts {
  const database = openDeviceDatabase(life.path)
  try {
    return bringRowsBack(database, past, { where: [], exact: false, dryRun: false, ...wanted })
  } finally {
    database.close()
  }
}

function read(sql: string): unknown[] {
  const db = new Database(life.path, { readonly: true })
  try {
    return db.prepare(sql).raw().all()
  } finally {
    db.close()
  }
}

const NOTES = `CREATE TABLE note(id INTEGER PRIMARY KEY, text, owner, size AS (length(text)));
  INSERT INTO note(text, owner) VALUES('one', 'a'), ('two', 'b'), (3, 'b'), ('four', NULL)`

describe('[DC-91] [DC-92] rows of a table', () => {
  it('come back where they differ; the next backup sends those and the copy is the database', async () => {
    await live(
      NOTES,
      "UPDATE note SET text = 'ONE' WHERE id = 1; DELETE FROM note WHERE id = 2; INSERT INTO note(id, text) VALUES(9, 'new')",
    )
    const before = canonicalDump(life.path)
    const counts = { inserted: 1, updated: 1, deleted: 0, unchanged: 2 }
    expect(bring({ table: 'note', dryRun: true })).toEqual(counts)
    expect(canonicalDump(life.path)).toBe(before)
    expect((await life.night()).mode).toBe('none')
    expect(bring({ table: 'note' })).toEqual(counts)
    expect(read('SELECT id, text, owner FROM note')).toEqual([
      [1, 'one', 'a'],
      [2, 'two', 'b'],
      [3, 3, 'b'],
      [4, 'four', null],
      [9, 'new', null],
    ])
    const night = await life.night()
    expect(night.counts).toMatchObject({ puts: 2, deletes: 0 })
    expect(life.copyDump()).toBe(life.deviceDump())
    expect(bring({ table: 'note' })).toEqual({ inserted: 0, updated: 0, deleted: 0, unchanged: 4 })
    expect((await life.night()).mode).toBe('none')
  })

  it('by conditions on the values of then; what came since goes only if it is to be exact', async () => {
    await live(
      NOTES,
      "UPDATE note SET owner = 'x', text = text || '!'; INSERT INTO note(id, text, owner) VALUES(9, 'new', 'b'), (10, 'other', 'c')",
    )
    const owner = { column: 'owner', value: 'b' }
    expect(bring({ table: 'note', where: [owner, { column: 'text', value: '3' }] })).toMatchObject({
      updated: 1,
      unchanged: 0,
    })
    expect(read("SELECT id, typeof(text) FROM note WHERE owner = 'b'")).toEqual([
      [3, 'integer'],
      [9, 'text'],
    ])
    const exact = { table: 'note', where: [owner], exact: true }
    expect(bring({ ...exact, dryRun: true })).toEqual({ inserted: 0, updated: 1, deleted: 1, unchanged: 1 })
    expect(bring(exact)).toEqual({ inserted: 0, updated: 1, deleted: 1, unchanged: 1 })
    expect(read('SELECT id, owner FROM note')).toEqual([
      [1, 'x'],
      [2, 'b'],
      [3, 'b'],
      [4, 'x'],
      [10, 'c'],
    ])
    expect((await life.night()).counts).toMatchObject({ puts: 2, deletes: 1 })
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it('of tables with other keys, storage classes and rowids; triggers of the application fire', async () => {
    await live(
      `CREATE TABLE w(k TEXT COLLATE NOCASE, n, v, PRIMARY KEY(k, n)) WITHOUT ROWID; INSERT INTO w VALUES('a', 1, 1.0), ('b', 2, x'');
       CREATE TABLE r(v); INSERT INTO r(rowid, v) VALUES(7, 'seven'), (9, 'nine');
       CREATE TABLE p(code TEXT PRIMARY KEY, v); INSERT INTO p VALUES('x', 1), ('y', 2);
       CREATE TABLE log(what); CREATE TRIGGER gone AFTER UPDATE ON p BEGIN INSERT INTO log VALUES(new.code); END`,
      "UPDATE w SET v = 1 WHERE k = 'a'; UPDATE w SET k = 'B' WHERE k = 'b'; DELETE FROM r WHERE rowid = 9; UPDATE r SET v = 0; UPDATE p SET v = NULL WHERE code = 'y'; DELETE FROM log",
    )
    expect(bring({ table: 'w' })).toEqual({ inserted: 0, updated: 2, deleted: 0, unchanged: 0 })
    expect(read('SELECT k, typeof(v) FROM w')).toEqual([
      ['a', 'real'],
      ['b', 'blob'],
    ])
    expect(bring({ table: 'r' })).toEqual({ inserted: 1, updated: 1, deleted: 0, unchanged: 0 })
    expect(read('SELECT rowid, v FROM r')).toEqual([
      [7, 'seven'],
      [9, 'nine'],
    ])
    expect(bring({ table: 'p' })).toEqual({ inserted: 0, updated: 1, deleted: 0, unchanged: 1 })
    expect(read('SELECT * FROM log')).toEqual([['y']])
    await life.night()
    expect(life.copyDump()).toBe(life.deviceDump())
  })
})

describe('[DC-93] what cannot come back', () => {
  it('rows that traded unique values can; rows that meet others are refused as a whole', async () => {
    await live(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
      "UPDATE t SET u = NULL WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES(4, 'c', 4)",
    )
    const before = canonicalDump(life.path)
    expect(() => bring({ table: 't' })).toThrow(expect.objectContaining({ code: 'restore.mismatch' }))
    expect(canonicalDump(life.path)).toBe(before)
    expect(bring({ table: 't', exact: true })).toEqual({ inserted: 1, updated: 2, deleted: 1, unchanged: 0 })
    expect(read('SELECT * FROM t')).toEqual([
      [1, 'a', 1],
      [2, 'b', 2],
      [3, 'c', 3],
    ])
    await life.night()
    expect(life.copyDump()).toBe(life.deviceDump())
  })

  it.each([
    ['a table that is not there', 'DROP TABLE t', 't'],
    ['a table with another column', 'ALTER TABLE t ADD COLUMN c', 't'],
    ['a view', 'CREATE VIEW v AS SELECT 1', 'v'],
    ['a table of SQLite', 'SELECT 1', 'sqlite_schema'],
    ['a table of ours', 'SELECT 1', '_nightferry_open'],
    ['a virtual table', 'SELECT 1', 'f'],
    ['rows that nothing names', 'SELECT 1', 'o'],
  ])('%s', async (_, since, table) => {
    await live('CREATE TABLE t(x); CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE o(oid, rowid, _rowid_)', since)
    expect(() => bring({ table })).toThrow(expect.objectContaining({ code: 'restore.mismatch' }))
  })

  it('nothing while the application writes, and nothing of a column that is not there', async () => {
    await live(NOTES, 'DELETE FROM note')
    expect(() => bring({ table: 'note', where: [{ column: 'no', value: '1' }] })).toThrow(/has no column no/)
    const app = new Database(life.path)
    app.exec('BEGIN IMMEDIATE')
    expect(() => bring({ table: 'note' })).toThrow(expect.objectContaining({ code: 'database.locked' }))
    app.exec('ROLLBACK')
    app.close()
    expect(bring({ table: 'note' })).toMatchObject({ inserted: 4 })
  })
})
