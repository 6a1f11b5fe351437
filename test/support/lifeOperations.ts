/**
 * What an application may do to its database, as small numbered operations that are interpreted against the schema
 * as it is at that moment. Generated lives are lists of them; a statement that SQLite refuses is part of life.
 */

import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { KILL_POINTS, type KillPoint } from './killedAgent.ts'

type Driver = InstanceType<typeof Database>

/** One operation: which, and four numbers that choose its particulars. */
export interface LifeOperation {
  readonly kind: OperationKind
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
}

/** One night: what happens before it, and what goes wrong in it. */
export interface LifeNight {
  readonly operations: readonly LifeOperation[]
  readonly loseAnswer: boolean
  readonly duplicate: boolean
  readonly restart: boolean
  /** A Delta of an earlier night arrives again. */
  readonly replay: number
  readonly recursiveTriggers: boolean
  readonly foreignKeys: boolean
  /** Where the agent is killed, if it is. */
  readonly kill: KillPoint | undefined
  /** What happens to the files before it: the database is kept, comes back as it was, or the stored picture is gone. */
  readonly files: 'keep' | 'come-back' | 'lose-picture' | undefined
}

const NAMES = ['t', 'u', 'we ird', 'sel"ect', '_nightferryboat', 'é😀', "q'uote", 'T2']
const COLUMNS = ['a', 'b', 'x y', 'key', 'number', 'tbl', 'rowid', '"', 'select']

const VALUES = [
  ...['NULL', '0', '1', '1.0', '-1', '2', '3', '-0.0', '0.5', '9e999', '-9e999', '1e300', '5', '7'],
  ...['9007199254740993', '9223372036854775807', '-9223372036854775808', "''", "'a'", "'A'", "'b'", "'1'", "'1.0'"],
  ...[
    "'x'||char(0)||'y'",
    "CAST(x'ff41' AS TEXT)",
    "'😀'",
    "'<&>]]>'||char(13,10)",
    "x''",
    "x'00ff'",
    "x'61'",
    'zeroblob(700)',
  ],
  ...["'long '||hex(zeroblob(900))", "CAST(x'00d8' AS TEXT)", "'é'"],
]

const TABLES = [
  '(id INTEGER PRIMARY KEY, a, b)',
  '(id INTEGER PRIMARY KEY, a UNIQUE, b)',
  '(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b REAL)',
  '(a TEXT PRIMARY KEY, b)',
  '(a PRIMARY KEY, b UNIQUE, "x y")',
  '(a, b)',
  '(a TEXT COLLATE NOCASE PRIMARY KEY, b, "key") WITHOUT ROWID',
  '(a, b, number, PRIMARY KEY(b, a DESC)) WITHOUT ROWID',
  '(a INT, b INTEGER PRIMARY KEY DESC)',
  '(rowid, _rowid_, oid)',
  '(rowid, oid TEXT PRIMARY KEY, a)',
  '(id INTEGER PRIMARY KEY, a INT, b TEXT, g AS (a||b) VIRTUAL, s AS (coalesce(a,0)+1) STORED)',
  '(id INTEGER PRIMARY KEY, a INT, b ANY, tbl TEXT UNIQUE) STRICT',
  "(a DEFAULT 'd', b CHECK(b <> 'no'), UNIQUE(a, b))",
  '(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 4, b REFERENCES t ON DELETE CASCADE ON UPDATE SET NULL)',
]

const CONFLICTS = ['', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE', 'OR ABORT', 'OR FAIL', 'OR ROLLBACK']

function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length] as T
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

interface Column {
  readonly name: string
  readonly pk: number
}

function tables(driver: Driver): string[] {
  return driver
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE '!_nightferry!_%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )
    .pluck()
    .all() as string[]
}

function columns(driver: Driver, table: string): Column[] {
  return driver.prepare('SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden=0 ORDER BY cid').all(table) as Column[]
}

function objects(driver: Driver, type: string): string[] {
  const own = "name NOT LIKE '!_nightferry!_%' ESCAPE '!'"
  return driver
    .prepare(`SELECT name FROM sqlite_schema WHERE type=? AND sql IS NOT NULL AND ${own} ORDER BY name`)
    .pluck()
    .all(type) as string[]
}

type Operation = (driver: Driver, operation: LifeOperation) => string | undefined

const onTable =
  (make: (table: string, cols: readonly Column[], operation: LifeOperation) => string | undefined): Operation =>
  (driver, operation) => {
    const names = tables(driver)
    if (names.length === 0) return undefined
    const table = pick(names, operation.a)
    return make(table, columns(driver, table), operation)
  }

const onObject =
  (type: string, make: (name: string) => string): Operation =>
  (driver, { a }) => {
    const names = objects(driver, type)
    return names.length === 0 ? undefined : make(quoted(pick(names, a)))
  }

/** A condition that hits some rows: by parity, by a value, or all. */
function where(cols: readonly Column[], n: number): string {
  const column = quoted(pick(cols, n).name)
  return pick(
    ['', ` WHERE ${column} IS ${pick(VALUES, n)}`, ` WHERE ${column} > 1`, ` WHERE length(${column}) % 2 = ${n % 2}`],
    n,
  )
}

const OPERATIONS = {
  insert: onTable((table, cols, { b, c, d }) => {
    const rows = Array.from(
      { length: 1 + (d % 5) },
      (_, i) => `(${cols.map((_, k) => pick(VALUES, c + 7 * i + 13 * k * (b + 1))).join(',')})`,
    )
    return `INSERT ${pick(CONFLICTS, b)} INTO ${quoted(table)}(${cols.map((column) => quoted(column.name)).join(',')}) VALUES${rows.join(',')}`
  }),
  insertOne: onTable((table, cols, { b, c, d }) => {
    const column = pick(cols, d)
    return `INSERT ${pick(CONFLICTS, b)} INTO ${quoted(table)}(${quoted(column.name)}) VALUES(${pick(VALUES, c)})`
  }),
  upsert: onTable((table, cols, { b, c }) => {
    const set = quoted(pick(cols, b).name)
    return `INSERT INTO ${quoted(table)}(${cols.map((column) => quoted(column.name)).join(',')}) VALUES(${cols.map((_, k) => pick(VALUES, c + k)).join(',')}) ON CONFLICT DO UPDATE SET ${set}=excluded.${set}`
  }),
  update: onTable((table, cols, { b, c, d }) => {
    return `UPDATE ${pick(CONFLICTS, b)} ${quoted(table)} SET ${quoted(pick(cols, c).name)}=${pick(VALUES, d)}${where(cols, b + d)}`
  }),
  shift: onTable((table, cols, { b, c }) => {
    const column = quoted(pick(cols, b).name)
    return `UPDATE ${pick(CONFLICTS, c)} ${quoted(table)} SET ${column}=${pick([`${column}+1`, `-${column}`, `${column}||'z'`, `upper(${column})`], c)}${where(cols, c)}`
  }),
  remove: onTable((table, cols, { b }) => `DELETE FROM ${quoted(table)}${where(cols, b)}`),
  createTable: (_driver, { a, b }) => `CREATE TABLE ${quoted(pick(NAMES, a))}${pick(TABLES, b)}`,
  recreateTable: onTable(
    (table, _cols, { b }) => `DROP TABLE ${quoted(table)}; CREATE TABLE ${quoted(table)}${pick(TABLES, b)}`,
  ),
  dropTable: onTable((table) => `DROP TABLE ${quoted(table)}`),
  renameTable: onTable((table, _cols, { b }) => `ALTER TABLE ${quoted(table)} RENAME TO ${quoted(pick(NAMES, b))}`),
  addColumn: onTable((table, _cols, { b, c }) => {
    return `ALTER TABLE ${quoted(table)} ADD COLUMN ${quoted(pick(COLUMNS, b))} ${pick(['', "DEFAULT 'x'", 'INT NOT NULL DEFAULT 7', 'TEXT', 'DEFAULT NULL', 'AS (1+1)'], c)}`
  }),
  renameColumn: onTable(
    (table, cols, { b, c }) =>
      `ALTER TABLE ${quoted(table)} RENAME COLUMN ${quoted(pick(cols, b).name)} TO ${quoted(pick(COLUMNS, c))}`,
  ),
  dropColumn: onTable((table, cols, { b }) => `ALTER TABLE ${quoted(table)} DROP COLUMN ${quoted(pick(cols, b).name)}`),
  dropAndAddColumn: onTable((table, cols) => {
    const last = quoted(cols[cols.length - 1]?.name ?? '')
    return `ALTER TABLE ${quoted(table)} DROP COLUMN ${last}; ALTER TABLE ${quoted(table)} ADD COLUMN ${last}`
  }),
  createIndex: onTable((table, cols, { b, c, d }) => {
    const column = quoted(pick(cols, b).name)
    const term = pick(
      [column, `${column} DESC`, `${column} COLLATE NOCASE`, `lower(${column})`, `abs(${column}), ${column}`],
      c,
    )
    const condition = pick(['', '', ` WHERE ${column} IS NOT NULL`, ` WHERE ${quoted(pick(cols, c).name)} > 1`], d)
    return `CREATE ${pick(['', 'UNIQUE'], d)} INDEX ${quoted(`i${b % 5}`)} ON ${quoted(table)}(${term})${condition}`
  }),
  dropIndex: onObject('index', (name) => `DROP INDEX ${name}`),
  createTrigger: onTable((table, cols, { b, c }) => {
    const event = pick(['INSERT', 'UPDATE', 'DELETE'], b)
    const row = event === 'DELETE' ? 'OLD' : 'NEW'
    const column = quoted(pick(cols, c).name)
    return `CREATE TRIGGER ${quoted(`g${b % 3}`)} ${pick(['AFTER', 'BEFORE'], c)} ${event} ON ${quoted(table)} BEGIN INSERT OR REPLACE INTO t(a) VALUES(${row}.${column}); END`
  }),
  dropTrigger: onObject('trigger', (name) => `DROP TRIGGER ${name}`),
  createView: onTable((table, _cols, { b }) => `CREATE VIEW ${quoted(`v${b % 2}`)} AS SELECT * FROM ${quoted(table)}`),
  dropView: onObject('view', (name) => `DROP VIEW ${name}`),
  createVirtual: (_driver, { a }) =>
    pick(['CREATE VIRTUAL TABLE f USING fts5(title, body)', 'CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)'], a),
  vacuum: () => 'VACUUM',
  analyze: () => 'ANALYZE',
  header: (_driver, { a, b }) =>
    pick(
      [
        `PRAGMA user_version=${a}`,
        `PRAGMA application_id=${b}`,
        'PRAGMA journal_mode=WAL',
        'PRAGMA journal_mode=DELETE',
      ],
      a,
    ),
  rollback: onTable(
    (table, cols, { b }) =>
      `BEGIN; UPDATE ${quoted(table)} SET ${quoted(pick(cols, b).name)}=5; DELETE FROM ${quoted(table)}; ROLLBACK`,
  ),
} as const satisfies Record<string, Operation>

type OperationKind = keyof typeof OPERATIONS

/** Rows change far more often than schemas do. */
const WEIGHTS: Readonly<Partial<Record<OperationKind, number>>> = {
  insert: 12,
  insertOne: 4,
  upsert: 3,
  update: 10,
  shift: 5,
  remove: 4,
  createTable: 5,
}

const number = fc.nat({ max: 200 })

const operation: fc.Arbitrary<LifeOperation> = fc
  .tuple(
    fc.oneof(
      ...(Object.keys(OPERATIONS) as OperationKind[]).map((kind) => ({
        weight: WEIGHTS[kind] ?? 1,
        arbitrary: fc.constant(kind),
      })),
    ),
    ...([number, number, number, number] as const),
  )
  .map(([kind, a, b, c, d]) => ({ kind, a, b, c, d }))

const night: fc.Arbitrary<LifeNight> = fc.record({
  operations: fc.array(operation, { maxLength: 9 }),
  loseAnswer: fc.nat({ max: 3 }).map((n) => n === 0),
  duplicate: fc.nat({ max: 3 }).map((n) => n === 0),
  restart: fc.nat({ max: 3 }).map((n) => n === 0),
  replay: fc.nat({ max: 7 }),
  recursiveTriggers: fc.boolean(),
  foreignKeys: fc.boolean(),
  kill: fc.option(fc.constantFrom(...KILL_POINTS), { freq: 2, nil: undefined }),
  files: fc.option(fc.constantFrom('keep' as const, 'come-back' as const, 'lose-picture' as const), {
    freq: 2,
    nil: undefined,
  }),
})

/** A whole life: what is there before the first backup, then night after night. */
export const lifeArbitrary = fc.record({
  method: fc.constantFrom('triggers' as const, 'triggers' as const, 'compare' as const),
  encoding: fc.constantFrom('UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'),
  tables: fc.array(fc.tuple(fc.nat({ max: NAMES.length - 1 }), fc.nat({ max: TABLES.length - 1 })), {
    minLength: 1,
    maxLength: 4,
  }),
  first: fc.array(operation, { maxLength: 12 }),
  nights: fc.array(night, { minLength: 1, maxLength: 5 }),
})

/** SQL of the tables a life begins with. */
export function setupSql(choice: readonly (readonly [number, number])[]): string {
  return [...choice, [0, 0] as const]
    .map(([name, table]) => `CREATE TABLE IF NOT EXISTS ${quoted(pick(NAMES, name))}${pick(TABLES, table)}`)
    .join(';')
}

/** Runs operations on a connection of the application; what SQLite refuses is skipped. */
export function perform(driver: Driver, operations: readonly LifeOperation[]): void {
  for (const item of operations) {
    const sql = OPERATIONS[item.kind](driver, item)
    if (sql === undefined) continue
    try {
      driver.exec(sql)
    } catch (cause) {
      if (!(cause instanceof Error) || cause.name !== 'SqliteError') throw cause
      if (driver.inTransaction) driver.exec('ROLLBACK')
    }
  }
}
