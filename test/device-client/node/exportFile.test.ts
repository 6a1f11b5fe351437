/** Exports: SQL that Debian's shell reads back to an equal database, and CSV that tells values apart. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDeviceDatabase } from '../../../device-client/node/betterSqlite.ts'
import { csvFileName } from '../../../device-client/node/csvText.ts'
import { refuseOld, writeCsv, writeSql } from '../../../device-client/node/exportFile.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { makeMemoryFolder } from '../../support/memoryFolder.ts'
import { compareByTools, runShell, sqliteTools } from '../../support/sqliteTools.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = makeMemoryFolder('nightferry-export-')
  path = join(folder, 'app.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const SETUP = `PRAGMA user_version=7; PRAGMA application_id=-5;
  CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a, b AS (a || '!') STORED, c CHECK (c IS NULL));
  INSERT INTO t(a) VALUES(1), (1.0), (-0.0), (9e999), (-9e999), (9223372036854775807), (-9223372036854775808), (0.1), (1e300);
  INSERT INTO t(a) VALUES(''), (NULL), (x''), (x'00ff'), ('it''s'), (CAST(x'61ff62' AS TEXT)), (CAST(x'610062' AS TEXT)), ('\uFFFD'), (char(10) || '.quit' || char(13, 10) || ';');
  CREATE TABLE "odd ""name""; 🚢"(x, rowid); INSERT INTO "odd ""name""; 🚢"(_rowid_, x) VALUES(5, 'five'), (70, 'seventy');
  CREATE TABLE w(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES('b', 1), ('A', 2);
  CREATE TABLE s(n INT, r REAL, x ANY) STRICT; INSERT INTO s VALUES(1, 2, '3');
  CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES('some words'), ('more words');
  CREATE UNIQUE INDEX ta ON t(id, a) WHERE a > 5; CREATE VIEW v AS SELECT a FROM t; ANALYZE;
  CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM w; END; DELETE FROM t WHERE id = 3`

function make(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

async function write<T>(work: (database: ReturnType<typeof openDeviceDatabase>) => Promise<T>): Promise<T> {
  const database = openDeviceDatabase(path)
  try {
    return await work(database)
  } finally {
    database.close()
  }
}

describe.skipIf(!sqliteTools.available)(`[DC-95] SQL ${sqliteTools.reason}`, () => {
  it.each([
    ['UTF-8', "PRAGMA encoding='UTF-8'; PRAGMA page_size=8192;"],
    ['UTF-16', "PRAGMA encoding='UTF-16le'; PRAGMA auto_vacuum=1;"],
  ])('is read back to an equal database: %s', async (_, pragmas) => {
    make(pragmas + SETUP)
    const [sql, again] = [join(folder, 'app.sql'), join(folder, 'again.db')]
    await write((database) => writeSql(database, sql, undefined))
    expect(statSync(sql).mode & 0o777).toBe(0o600)
    runShell(again, `.read '${sql}'`)
    const { integrity } = compareByTools(path, again)
    expect(runShell(again, '.sha3sum')).toBe(runShell(path, '.sha3sum'))
    // Debian's shell keeps no statistics of this kind.
    const schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'sqlite_stat4' ORDER BY name"
    expect(runShell(again, schema)).toBe(runShell(path, schema))
    expect(integrity).toEqual(['ok\n', 'ok\n'])
    const header =
      'PRAGMA user_version; PRAGMA application_id; PRAGMA page_size; PRAGMA encoding; PRAGMA auto_vacuum; SELECT * FROM sqlite_sequence; SELECT * FROM sqlite_stat1 ORDER BY 1, 2'
    expect(runShell(again, header)).toBe(runShell(path, header))
    const rowids = 'SELECT _rowid_, x FROM "odd ""name""; 🚢"'
    expect(runShell(again, rowids)).toBe(runShell(path, rowids))
    const classes = 'SELECT id, typeof(a), hex(CAST(a AS BLOB)) FROM t'
    expect(runShell(again, classes)).toBe(runShell(path, classes))
    expect(runShell(again, "SELECT count(*) FROM f WHERE f MATCH 'words'")).toBe('2\n')
  })

  it('of one table', async () => {
    make(SETUP)
    const [sql, again] = [join(folder, 'w.sql'), join(folder, 'w.db')]
    await write((database) => writeSql(database, sql, 'w'))
    runShell(again, `.read '${sql}'`)
    expect(runShell(again, '.dump')).toContain("INSERT INTO w VALUES('A',2);")
    await expect(write((database) => writeSql(database, sql, 'no'))).rejects.toMatchObject({ code: 'database.unknown' })
    expect(readdirSync(folder).filter((name) => name.includes('nightferry'))).toEqual([])
  })
})

describe('[DC-96] CSV', () => {
  it('tells NULL from empty text, text from numbers, and quotes as RFC 4180 has it', async () => {
    make(`CREATE TABLE t(a, "b ""x"", y"); INSERT INTO t VALUES(NULL, ''), (1, '1'), (1.5, x'00ff'), ('say "hi",' || char(13, 10), x'');
      CREATE TABLE "a/b"(x); CREATE TABLE ".hidden."(x); CREATE VIRTUAL TABLE f USING fts5(body)`)
    const files = await write((database) => writeCsv(database, join(folder, 'csv'), undefined))
    expect(files.map((file) => file.slice(folder.length))).toEqual([
      '/csv/t.csv',
      '/csv/a%2Fb.csv',
      '/csv/%2Ehidden%2E.csv',
    ])
    expect(readFileSync(files[0] ?? '', 'utf8')).toBe(
      '"a","b ""x"", y"\r\n,""\r\n1,"1"\r\n1.5,X\'00FF\'\r\n"say ""hi"",\r\n",X\'\'\r\n',
    )
    expect(csvFileName('🚢 %')).toBe('🚢 %25.csv')
  })

  it('of one table is one file', async () => {
    make('CREATE TABLE t(a); INSERT INTO t VALUES(9223372036854775807)')
    await write((database) => writeCsv(database, join(folder, 't.csv'), 't'))
    expect(readFileSync(join(folder, 't.csv'), 'utf8')).toBe('"a"\r\n9223372036854775807\r\n')
  })
})

it('[DC-95] nothing is overwritten unless that is meant, and no half file takes a name', async () => {
  writeFileSync(path, 'mine')
  mkdirSync(join(folder, 'empty'))
  expect(() => refuseOld(path, false)).toThrow(expect.objectContaining({ code: 'restore.target-exists' }))
  expect(() => refuseOld(folder, false)).toThrow(expect.objectContaining({ code: 'restore.target-exists' }))
  for (const free of [join(folder, 'new.sql'), join(folder, 'empty')])
    expect(() => refuseOld(free, false)).not.toThrow()
  expect(() => refuseOld(path, true)).not.toThrow()
  rmSync(path)
  make('CREATE TABLE t(a); INSERT INTO t VALUES(1)')
  const before = canonicalDump(path)
  await expect(write((database) => writeSql(database, join(folder, 'no/such/x.sql'), undefined))).rejects.toMatchObject(
    {
      code: 'storage.unavailable',
    },
  )
  expect(existsSync(join(folder, 'no'))).toBe(false)
  expect(canonicalDump(path)).toBe(before)
})
