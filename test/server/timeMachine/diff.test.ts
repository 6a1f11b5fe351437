/**
 * Comparing restore points: every two states of a life, both ways round, held against what the application's own
 * database had in those nights. Rules TM-20 to TM-22.
 */

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import type { RowChange } from '../../../schemas/http/diff.ts'
import { readPastTables } from '../../../server/backup/pastLayout.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { removeSqliteFile } from '../../../server/sql/removeSqliteFile.ts'
import { type DiffInput, type DiffOutcome, diffJob } from '../../../server/timeMachine/diffJob.ts'
import { createDiffs } from '../../../server/timeMachine/diffs.ts'
import { pairKept } from '../../../server/timeMachine/rowPairs.ts'
import { DeviceLife } from '../../support/deviceLife.ts'
import type { RememberedStates } from '../../support/rememberedStates.ts'
import { openRestoreBench } from '../../support/restoreBench.ts'

/** Keys of the tables of these lives; all others are ordinary and known by their rowid. */
const KEYS: Readonly<Record<string, readonly string[]>> = { t: ['id'], w: ['k', 'n'], u: ['id'] }

type Row = Readonly<Record<string, string>>
/** By table and then by key, columns as SQL literals. */
type State = ReadonlyMap<string, ReadonlyMap<string, Row>>

let life: DeviceLife
let states: RememberedStates
let seen: State[]
afterEach(() => life.dispose())

/** What the application's file has now, read without any of our code. */
function readState(path: string): State {
  const db = new Database(path, { readonly: true })
  try {
    const tables = db
      .prepare<[], { name: string }>(
        "SELECT name FROM pragma_table_list WHERE type='table' AND name NOT LIKE '%!_%' ESCAPE '!'",
      )
      .all()
    return new Map(tables.map(({ name }) => [name, readRows(db, name)]))
  } finally {
    db.close()
  }
}

function readRows(db: InstanceType<typeof Database>, table: string): ReadonlyMap<string, Row> {
  const columns = db
    .prepare<[string], { name: string }>('SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0')
    .all(table)
    .map(({ name }) => name)
  const keys = KEYS[table] ?? ['rowid']
  const quoted = columns.map((name) => `quote("${name}") AS "${name}"`).join(', ')
  const rows = db
    .prepare<[], Record<string, string>>(
      `SELECT ${keys.map((key) => `quote(${key})`).join(` || ',' || `)} AS "the key", ${quoted} FROM "${table}"`,
    )
    .all()
  return new Map(rows.map(({ 'the key': key = '', ...row }) => [key, row]))
}

/** What a look at both states must say of a table. */
function expected(a: ReadonlyMap<string, Row> | undefined, b: ReadonlyMap<string, Row> | undefined) {
  const changes = new Map<string, { change: RowChange['change']; was?: Row; is?: Row }>()
  for (const [key, was] of a ?? []) {
    const is = b?.get(key)
    if (is === undefined) {
      changes.set(key, { change: 'removed', was })
      continue
    }
    const columns = [...new Set([...Object.keys(was), ...Object.keys(is)])]
    const other = columns.filter((name) => (was[name] ?? 'NULL') !== (is[name] ?? 'NULL'))
    const only = (row: Row): Row => Object.fromEntries(other.map((name) => [name, row[name] ?? 'NULL']))
    if (other.length > 0) changes.set(key, { change: 'changed', was: only(was), is: only(is) })
  }
  for (const [key, is] of b ?? []) if (!a?.has(key)) changes.set(key, { change: 'added', is })
  return changes
}

async function live(setup: string, nights: readonly string[]): Promise<void> {
  life = await DeviceLife.create(setup)
  await life.night()
  states = life.rememberStates()
  seen = [readState(life.path)]
  for (const sql of nights) {
    life.app(sql)
    await life.night()
    seen.push(readState(life.path))
  }
}

function look(from: number, to: number, more: Partial<DiffInput> = {}): Promise<DiffOutcome> {
  const side = (at: number, name: string) => {
    const { path = '', token = '' } = states.places()[at] ?? {}
    return { copyPath: path, copyKey: life.key.toString('hex'), token, scratchPath: join(life.dir, `scratch-${name}`) }
  }
  return diffJob({ from: side(from, 'a'), to: side(to, 'b'), values: true, limit: 1000, ...more })
}

/** Every two states, in both directions. */
async function compareAll(): Promise<void> {
  for (const [from, a] of seen.entries())
    for (const [to, b] of seen.entries()) {
      if (from === to) continue
      const outcome = await look(from, to)
      const where = `${from} to ${to}`
      for (const table of new Set([...a.keys(), ...b.keys()])) {
        const wanted = expected(a.get(table), b.get(table))
        const count = (kind: string) => [...wanted.values()].filter(({ change }) => change === kind).length
        const found = outcome.tables.find((held) => held.table === table)
        const counts = { added: count('added'), changed: count('changed'), removed: count('removed') }
        if (wanted.size === 0) expect(found, `${table} ${where}`).toBeUndefined()
        else expect(found, `${table} ${where}`).toEqual({ table, ...counts })
        // Which rows those are: of neighbours both ways round, and of the first and the last.
        if (Math.abs(from - to) > 1 && to - from < seen.length - 1) continue
        const { rows = [], moreRows } = await look(from, to, { table })
        expect(moreRows).toBe(0)
        const listed = rows.map(({ key, ...row }) => [Object.values(key).join(','), row] as const)
        expect(new Map(listed), `rows of ${table} ${where}`).toEqual(wanted)
      }
      expect(readdirSync(life.dir).filter((name) => name.startsWith('scratch'))).toEqual([])
    }
}

describe('[TM-20] [TM-21] [TM-22] two points of one copy', () => {
  it('rows that came, changed, went, and came back; storage classes and collations', async () => {
    await live(
      `CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES(1,'x',1),(2,'y',2.5),(3,NULL,x'00ff');
       CREATE TABLE w(k TEXT COLLATE NOCASE, n REAL, v, PRIMARY KEY(k, n)) WITHOUT ROWID;
       INSERT INTO w VALUES('a', 1, 1), ('b', 2.5, NULL);
       CREATE TABLE u(id INTEGER PRIMARY KEY, a TEXT UNIQUE, g GENERATED ALWAYS AS (a || '!')); INSERT INTO u(a) VALUES('p'), ('q');
       CREATE TABLE r(a UNIQUE, b); INSERT INTO r(rowid, a, b) VALUES(5, 1, 'one'), (9, 2, 'two')`,
      [
        "UPDATE t SET b = 1.0 WHERE id = 1; UPDATE t SET b = NULL WHERE id = 3; DELETE FROM w WHERE k = 'b'",
        "UPDATE t SET b = 1 WHERE id = 1; INSERT INTO t VALUES(-4, 'neu', '1'); UPDATE w SET k = 'A'",
        "DELETE FROM t WHERE id = 2; UPDATE u SET a = 'z' WHERE a = 'p'; UPDATE r SET rowid = 7 WHERE a = 1",
        "INSERT INTO t VALUES(2,'y',2.5); DELETE FROM r; INSERT INTO w VALUES('b', 2.5, 'x')",
        'UPDATE t SET a = a; DELETE FROM u',
      ],
    )
    await compareAll()
  }, 120_000)

  it('schemas that changed in between', async () => {
    await live(`CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,'x'),(2,'y')`, [
      "CREATE TABLE n(x UNIQUE); INSERT INTO n VALUES(1), ('one'); UPDATE t SET a = 'X' WHERE id = 1",
      'ALTER TABLE t ADD COLUMN c; UPDATE t SET c = 7 WHERE id = 2; CREATE INDEX ta ON t(a)',
      'DROP TABLE n; DELETE FROM t WHERE id = 1',
      'DROP INDEX ta; CREATE TABLE n(x UNIQUE, y); INSERT INTO n VALUES(1, 2); ALTER TABLE t DROP COLUMN c',
    ])
    await compareAll()
    expect((await look(0, 3)).schema).toEqual([
      expect.objectContaining({ change: 'changed', type: 'table', name: 't' }),
      { change: 'added', type: 'index', name: 'ta', is: 'CREATE INDEX ta ON t(a)' },
    ])
    expect((await look(3, 0)).schema).toEqual([
      expect.objectContaining({ change: 'changed', type: 'table', name: 't' }),
      { change: 'removed', type: 'index', name: 'ta', was: 'CREATE INDEX ta ON t(a)' },
    ])
  }, 120_000)
})

describe('[TM-22] points of different copies', () => {
  it('after a table took another name, and inside each of the copies', async () => {
    await live(`CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES(1,'x'),(2,'y')`, [
      "UPDATE t SET a = 'X' WHERE id = 1",
      'ALTER TABLE t RENAME TO u',
      'DELETE FROM u WHERE id = 2; INSERT INTO u VALUES(3, 3)',
    ])
    expect(states.files()).toHaveLength(2)
    await compareAll()
  }, 120_000)
})

describe('[TM-21] the cost of a look', () => {
  it('follows the change: no file is copied, no table is read', async () => {
    await live(
      `CREATE TABLE t(id INTEGER PRIMARY KEY, a);
       WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) INSERT INTO t SELECT n, hex(randomblob(40)) FROM c`,
      ["UPDATE t SET a = 'new' WHERE id % 6000 = 7", "UPDATE t SET a = 'newer' WHERE id = 7"],
    )
    // Where a scratch copy cannot be made, none is needed.
    const { path = '', token = '' } = states.places()[0] ?? {}
    const place = {
      copyPath: path,
      copyKey: life.key.toString('hex'),
      scratchPath: join(life.dir, 'no/such/folder/scratch'),
    }
    const head = states.places().at(-1)?.token ?? ''
    const input = { from: { ...place, token }, to: { ...place, token: head }, values: false, limit: 3 }
    expect(await diffJob(input)).toMatchObject({ tables: [{ table: 't', added: 0, changed: 10, removed: 0 }] })
    const { rows, moreRows } = await diffJob({ ...input, table: 't' })
    expect(rows).toEqual([7, 6007, 12007].map((id) => ({ change: 'changed', key: { id: String(id) } })))
    expect(moreRows).toBe(7)
    const copy = openDatabase(path, { cipher: { kind: 'aegis', key: life.key } })
    const [form] = readPastTables(copy)
    if (form === undefined) throw new Error('nothing was kept')
    for (const to of [undefined, 2]) {
      const { sql, params } = pairKept(copy, form, 1, to)
      const plan = copy
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...params)
        .map(([, , , detail]) => String(detail))
      expect(plan.filter((line) => /\bt\b/.test(line))).toEqual([
        expect.stringMatching(/^SEARCH t USING INTEGER PRIMARY KEY/),
      ])
    }
    copy.close()
  }, 120_000)
})

describe('[TM-20] what is shown', () => {
  it('is short, whatever the values are; rows without a key are counted', async () => {
    await live(
      `CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE o(oid, rowid, _rowid_); INSERT INTO o VALUES(1,1,1)`,
      ["INSERT INTO t VALUES(1, zeroblob(100000)), (2, printf('%.1000c', 'é')); INSERT INTO o VALUES(1,1,1), (2,2,2)"],
    )
    const { rows = [] } = await look(0, 1, { table: 't' })
    expect(rows[0]?.is?.a).toMatch(/^X'(00){200}'… \(100000 octets\)$/)
    expect(rows[1]?.is?.a).toBe(`'${'é'.repeat(200)}'… (2000 octets)`)
    const { tables } = await look(1, 0)
    expect(tables).toMatchObject([{ table: 'o', added: 0, removed: 2 }, { table: 't' }])
    await expect(look(0, 1, { table: 'no' })).rejects.toMatchObject({ code: 'database.unknown' })
  }, 60_000)
})

it('[TM-23] a sealed file says that it cannot be looked into; one and the same point does not differ', async () => {
  const bench = await openRestoreBench()
  const path = join(bench.folder, 'app.db')
  const app = new Database(path)
  app.function('zower', { deterministic: true }, (text) => text)
  app.exec('CREATE TABLE t(x, g GENERATED ALWAYS AS (zower(x)) STORED); INSERT INTO t(x) VALUES(1)').close()
  const { kind, ...row } = await bench.backUp(path, 'phone')
  expect(kind).toBe('file')
  const diff = createDiffs({
    ...bench,
    imagePath: (imageId) => join(bench.folder, imageId),
    runJob: diffJob,
    removeScratch: removeSqliteFile,
  })
  const query = { from: 'latest', to: '1', values: 'no', limit: 10 } as const
  await expect(diff(row, query)).rejects.toMatchObject({
    code: 'database.untrackable',
    message: expect.stringContaining('is a sealed file: the server cannot look into it'),
    next: expect.stringContaining('Restore both points'),
  })
  rmSync(path)
  new Database(path).exec('CREATE TABLE t(x)').close()
  await bench.timeMachine.putAside({ ...row, kind })
  await bench.backUp(path, 'phone')
  expect(await diff(row, query)).toMatchObject({ from: { point: 'latest' }, schema: [], tables: [] })
  await expect(diff(row, { ...query, to: row.token })).rejects.toMatchObject({ code: 'database.untrackable' })
  life = await DeviceLife.create('CREATE TABLE t(x)')
  await bench.close()
})
