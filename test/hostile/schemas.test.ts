/** Schema text that attacks. Nothing of it runs, nothing of it stays. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SchemaEntry } from '../../schemas/delta/delta.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf, honestDelta, T } from './material.ts'

let server: HostileServer
let attacker: HostileDevice
let before: string

beforeAll(async () => {
  server = await openHostileServer()
})
beforeEach(async () => {
  attacker = await server.addDevice()
  expect(await attacker.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  before = await server.copyState(attacker)
})
afterAll(() => server.close())

const table = (sql: string, name = 'x', rows: 'keep' | 'replace' = 'replace'): SchemaEntry => ({
  type: 'table',
  name,
  tableName: name,
  sql,
  rows,
})
const index = (sql: string, name = 'x_i', tableName = 't'): SchemaEntry => ({ type: 'index', name, tableName, sql })
const withHonest = (...more: SchemaEntry[]) => deltaOf(headOf(attacker), [...HONEST_SCHEMA, ...more])
const renamed = (...tables: [string, string][]) =>
  deltaOf(headOf(attacker), [
    ...HONEST_SCHEMA.filter(({ name }) => !tables.some(([was]) => was === name) && name !== 't_x' && name !== 'v'),
    ...tables.map(([was, name]) => ({
      ...table(`CREATE TABLE "${name}"(id INTEGER PRIMARY KEY, x)`, name, 'keep'),
      was,
    })),
  ])

async function refused(xml: string, ...expected: number[]): Promise<void> {
  const answer = await attacker.sendDelta(xml)
  expect(expected, JSON.stringify(answer)).toContain(answer.item)
  expect(await server.copyState(attacker)).toBe(before)
}

describe('definitions that do more than declare', () => {
  it.each<[string, () => string, number[]]>([
    ['ATTACH', () => withHonest(table("ATTACH '/tmp/nightferry-attached' AS a")), [508]],
    [
      'ATTACH behind a definition',
      () => withHonest(table("CREATE TABLE x(a); ATTACH '/tmp/nightferry-attached' AS a")),
      [508],
    ],
    ['a definition behind a comment', () => withHonest(table('/* */ CREATE TABLE x(a)')), [508]],
    ['load_extension', () => withHonest(table("CREATE TABLE x(a AS (load_extension('/tmp/x.so')))")), [508]],
    ['a select', () => withHonest(table('CREATE TABLE x AS SELECT 1')), [508]],
    [
      'an endless select',
      () =>
        withHonest(
          table('CREATE TABLE x AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c'),
        ),
      [508],
    ],
    ['two definitions', () => withHonest(table('CREATE TABLE x(a); CREATE TABLE y(a)')), [508]],
    ['another name', () => withHonest(table('CREATE TABLE y(a)')), [508]],
    ['a temporary table', () => withHonest(table('CREATE TEMP TABLE x(a)')), [508]],
    ['another schema', () => withHonest(table('CREATE TABLE temp.x(a)')), [508]],
    ['IF NOT EXISTS', () => withHonest(table('CREATE TABLE IF NOT EXISTS x(a)')), [508]],
    ['a drop', () => withHonest(table('DROP TABLE t')), [508]],
    ['a pragma', () => withHonest(table('PRAGMA writable_schema=ON')), [508]],
    ['a vacuum', () => withHonest(table("VACUUM INTO '/tmp/nightferry-vacuum'")), [508]],
    ['a subquery in a check', () => withHonest(table('CREATE TABLE x(a CHECK (a IN (SELECT 1)))')), [508]],
    ['a parameter', () => withHonest(table('CREATE TABLE x(a DEFAULT (?))')), [508]],
    ['a view as a table', () => withHonest(table('CREATE VIEW x AS SELECT 1')), [508]],
    ['a table as an index', () => withHonest(index('CREATE TABLE x_i(a)')), [508]],
    ['an index of another table', () => withHonest(index('CREATE INDEX x_i ON s(y)')), [508]],
    ['an index of another name', () => withHonest(index('CREATE INDEX other ON t(x)')), [508]],
    [
      'an index of our own',
      () => withHonest(index('CREATE INDEX x_i ON _nightferry_copy_meta(value)', 'x_i', '_nightferry_copy_meta')),
      [500],
    ],
    ['an index over a subquery', () => withHonest(index('CREATE INDEX x_i ON t((SELECT 1))')), [508]],
    ['an index over randomness', () => withHonest(index('CREATE INDEX x_i ON t(random())')), [508]],
    [
      'an index without text of no table',
      () => withHonest({ type: 'index', name: 'sqlite_autoindex_z_1', tableName: 'z', sql: null }),
      [508, 500],
    ],
    ['a table over FTS5 by another name', () => withHonest(table('CREATE TABLE x(a) USING fts5')), [508]],
  ])('[BK-6] %s', async (_, xml, expected) => refused(xml(), ...expected))
})

describe('names', () => {
  const named = (name: string) => withHonest(table(`CREATE TABLE "${name.replaceAll('"', '""')}"(a)`, name))
  it.each<[string, () => string, number[]]>([
    ['of ours', () => named('_nightferry_copy_meta'), [500]],
    ['of ours in capitals', () => named('_NightFerry_Copy_x'), [500]],
    ["of SQLite's", () => named('sqlite_x'), [508, 500]],
    ["of SQLite's in capitals", () => named('SQLITE_STAT1'), [508, 500]],
    ['with NUL', () => named('a\0b'), [508]],
    ['with half a character', () => named('a\ud800'), [508, 500]],
    ['of another object', () => withHonest(table('CREATE TABLE T(a)', 'T')), [500]],
    ['of an index', () => withHonest(table('CREATE TABLE t_x(a)', 't_x')), [500]],
    ['of a view', () => withHonest(table('CREATE TABLE V(a)', 'V')), [500]],
    ['beyond length', () => named('n'.repeat(1025)), [500]],
    [
      'of a shadow table whose virtual table is declared',
      () =>
        withHonest(table('CREATE VIRTUAL TABLE f USING fts5(a)', 'f'), table('CREATE TABLE f_data(a, b)', 'f_data')),
      [200],
    ],
  ])('[BK-7] %s', async (_, xml, expected) => {
    const answer = await attacker.sendDelta(xml())
    expect(expected, JSON.stringify(answer)).toContain(answer.item)
    if (answer.item !== 200) expect(await server.copyState(attacker)).toBe(before)
  })

  it('[BK-6] that are SQL stay names', async () => {
    const name = '"; DROP TABLE t; --\n\'`]'
    expect(await attacker.sendDelta(named(name))).toMatchObject({ item: 200 })
    const state = await server.copyState(attacker)
    expect(state).toContain(Buffer.from('row 300').toString('hex'))
    expect(state).toContain(JSON.stringify(name))
  })
})

describe('rows kept in a storage they do not fit', () => {
  const kept = (sql: string) =>
    deltaOf(
      headOf(attacker),
      HONEST_SCHEMA.map((e) => (e.name === 't' ? { ...e, sql } : e)),
    )
  it.each<[string, () => string, number[]]>([
    ['WITHOUT ROWID', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x) WITHOUT ROWID'), [508]],
    ['another key', () => kept('CREATE TABLE t(id, x INTEGER PRIMARY KEY)'), [508]],
    ['columns exchanged', () => kept('CREATE TABLE t(x, id INTEGER PRIMARY KEY)'), [508]],
    ['a column less', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY)'), [508]],
    ['a UNIQUE more', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x UNIQUE)'), [508]],
    ['another type', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x INTEGER)'), [508]],
    ['STRICT', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x) STRICT'), [508]],
    ['another collation', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x COLLATE NOCASE)'), [508]],
    ['a stored column more', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x, y AS (x) STORED)'), [508]],
    ['a generated column for a plain one', () => kept('CREATE TABLE t(id INTEGER PRIMARY KEY, x AS (id))'), [508]],
    ['a table that never was', () => withHonest(table('CREATE TABLE x(a)', 'x', 'keep')), [508]],
    ['two tables from one', () => renamed(['t', 'a'], ['t', 'b']), [508]],
    ['the rows of a view', () => renamed(['v', 'a']), [508]],
    ['the rows of ours', () => renamed(['_nightferry_copy_meta', 'a']), [508]],
    ['a name of ours for rows kept', () => renamed(['t', '_nightferry_copy_x']), [500]],
    ['a name taken by another', () => renamed(['t', 's']), [508, 500]],
  ])('[BK-6] %s', async (_, xml, expected) => refused(xml(), ...expected))

  it('[BK-6] a cycle of names is followed, and nothing is lost', async () => {
    const text = (name: string) => `CREATE TABLE ${name}(id INTEGER PRIMARY KEY, x)`
    const first = deltaOf(
      headOf(attacker),
      [table(text('a'), 'a'), table(text('b'), 'b'), table(text('c'), 'c')],
      [...['a', 'b', 'c'].map((name) => ({ table: { ...T, name }, touched: [[1n]], puts: [[1n, `of ${name}`]] }))],
    )
    expect(await attacker.sendDelta(first)).toMatchObject({ item: 200 })
    const cycle = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ].map(([was = '', name = '']) => ({ ...table(text(name), name, 'keep'), was }))
    const second = deltaOf(headOf(attacker, [2, 3]), cycle)
    expect(await attacker.sendDelta(second)).toMatchObject({ item: 200 })
    const state = await server.copyState(attacker)
    for (const was of ['a', 'b', 'c']) expect(state).toContain(Buffer.from(`of ${was}`).toString('hex'))
  })
})

describe('texts that are kept as data', () => {
  it.each<[string, SchemaEntry]>([
    ['a view that is none', { type: 'view', name: 'w', tableName: 'w', sql: 'CREATE VIEW w AS' }],
    ['a view that is a drop', { type: 'view', name: 'w', tableName: 'w', sql: 'DROP TABLE t' }],
    ['a view of another name', { type: 'view', name: 'w', tableName: 'w', sql: 'CREATE VIEW z AS SELECT 1' }],
    ['a view that is a table', { type: 'view', name: 'w', tableName: 'w', sql: 'CREATE TABLE w(a)' }],
    ['a trigger that is none', { type: 'trigger', name: 'g', tableName: 't', sql: 'CREATE TRIGGER g nothing' }],
    [
      'a trigger of no table',
      { type: 'trigger', name: 'g', tableName: 'zz', sql: 'CREATE TRIGGER g AFTER INSERT ON zz BEGIN SELECT 1; END' },
    ],
    [
      'a virtual table that is none',
      { type: 'table', name: 'f', tableName: 'f', sql: 'CREATE VIRTUAL TABLE f', rows: 'replace' },
    ],
    [
      'a virtual table of another name',
      { type: 'table', name: 'f', tableName: 'f', sql: 'CREATE VIRTUAL TABLE g USING fts5(a)', rows: 'replace' },
    ],
    [
      'a system table of other columns',
      {
        type: 'table',
        name: 'sqlite_stat1',
        tableName: 'sqlite_stat1',
        sql: 'CREATE TABLE sqlite_stat1(a)',
        rows: 'replace',
      },
    ],
    [
      'a system table that does not exist',
      {
        type: 'table',
        name: 'sqlite_evil',
        tableName: 'sqlite_evil',
        sql: 'CREATE TABLE sqlite_evil(a)',
        rows: 'replace',
      },
    ],
  ])('[BK-20] %s could never be given back: refused', async (_, entry) => refused(withHonest(entry), 508, 500))

  it('[BK-5] a trigger and a view that would do harm never run', async () => {
    const harmful: SchemaEntry[] = [
      {
        type: 'trigger',
        name: 'g',
        tableName: 't',
        sql: 'CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM s; END',
      },
      {
        type: 'view',
        name: 'w',
        tableName: 'w',
        sql: 'CREATE VIEW w AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c',
      },
    ]
    const rows = { table: T, touched: [[5000n]], puts: [[5000n, 'x']] }
    expect(await attacker.sendDelta(deltaOf(headOf(attacker), [...HONEST_SCHEMA, ...harmful], [rows]))).toMatchObject({
      item: 200,
    })
    expect(await server.copyState(attacker)).toContain('"s"')
  })
})

it('[BK-8] the server goes on', async () => {
  expect(await server.ready()).toBe(true)
  expect(await attacker.sendDelta(honestDelta(attacker))).toMatchObject({ item: 200 })
})
