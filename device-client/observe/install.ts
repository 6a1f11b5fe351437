/**
 * Brings the observers in a database in line with its tables: registers what is new, keeps what goes on, takes
 * away what is gone. Runs inside a write transaction. Rules DC-3, DC-4, DC-7.
 */

import type { SchemaObject } from '../../schemas/delta/delta.ts'
import { quoteName } from '../../schemas/delta/toSql.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../ports.ts'
import { type Continuation, findContinuations, visibleSteps } from './continuity.ts'
import { isReservedName, readCookie, readObjects, readSchemaPicture } from './schemaPicture.ts'
import { lastColumnMayBeNew, sentinelMoved } from './suspicion.ts'
import type { TableShape } from './tableShape.ts'
import { createStateTable, initialState, type RegisteredTable, type TrackingState } from './trackingState.ts'
import { logTableName, logTableSql, type Observer, observersFor } from './triggers.ts'

/** Hidden steps of the schema cookie from which a dropped and re-added column cannot be excluded. */
const SUSPECT_STEPS = 2

/** Least schema cookie of a tracked database: far beyond what a file that begins anew reaches by itself. */
const COOKIE_FLOOR = 2 ** 20

/**
 * Creates our tables in a database that has none yet, and returns its first state.
 * @throws {CodedError} `database.untrackable` if the database has objects under our names.
 */
export function installObservers(database: SqlDatabase): TrackingState {
  const own = readObjects(database).find((object) => isReservedName(object.name))
  if (own) {
    throw new CodedError('database.untrackable', `the database has an object named ${own.name}`, {
      next: 'rename it: names that begin with _nightferry_ are reserved, or add the database with --tracking compare',
    })
  }
  createStateTable(database)
  database.exec('CREATE TABLE _nightferry_open(number INTEGER)')
  database.exec('INSERT INTO _nightferry_open(number) VALUES(1)')
  database.exec(
    'CREATE TABLE _nightferry_change(tbl INTEGER, key INTEGER, number INTEGER, PRIMARY KEY(tbl,key,number)) WITHOUT ROWID',
  )
  database.exec('CREATE TABLE _nightferry_sentinel(x)')
  database.exec('INSERT INTO _nightferry_sentinel(rowid,x) VALUES(1,1),(3,3)')
  return initialState()
}

/** Removes every object of ours; the database is as it was before `add`. */
export function removeObservers(database: SqlDatabase): void {
  const own = readObjects(database).filter((object) => isReservedName(object.name) && object.sql !== null)
  for (const type of ['trigger', 'table'] as const) {
    for (const object of own.filter((candidate) => candidate.type === type)) {
      database.exec(`DROP ${type.toUpperCase()} IF EXISTS ${quoteName(object.name)}`)
    }
  }
}

/** Makes observers and registry fit the schema as it is now, and returns the new state. */
export function reconcileObservers(database: SqlDatabase, state: TrackingState): TrackingState {
  const cookie = readCookie(database)
  if (cookie === state.cookie) return state
  const picture = readSchemaPicture(database)
  const objects = readObjects(database)
  const shapes = state.bypassed ? compared(picture.tables) : picture.tables
  const continuations = trusted(database, state, objects, shapes, cookie)
  const tables: RegisteredTable[] = []
  let nextTableId = state.nextTableId
  for (const shape of shapes) {
    const goesOn = continuations.find((continuation) => continuation.shape === shape)
    const known = goesOn && !firesLate(objects, goesOn) ? goesOn.registered : undefined
    const id = known && known.mode === shape.mode ? known.id : nextTableId++
    const sql = objects.find((object) => object.type === 'table' && object.name === shape.name)?.sql ?? ''
    const mode = observe(database, shape, id, objects)
    // Only where the same way of tracking went on without a break does the log say everything.
    const finalId = known && mode === known.mode ? known.id : id === known?.id ? nextTableId++ : id
    tables.push(registration(shape, finalId, sql, mode))
  }
  dropStrayObservers(database, objects, tables)
  resetSentinel(database)
  raiseCookie(database, state.cookie)
  return { ...state, tables, nextTableId, objects: picture.objects, cookie: readCookie(database) }
}

/**
 * The registry of a database that may not be altered: every table is compared, or sent whole. Reads only.
 */
export function registerTables(database: SqlDatabase, state: TrackingState): TrackingState {
  const picture = readSchemaPicture(database)
  const shapes = compared(picture.tables)
  const continuations = findContinuations({ registered: state.tables, objects: picture.objects, shapes })
  let nextTableId = state.nextTableId
  const tables = shapes.map((shape) => {
    const known = continuations.find((continuation) => continuation.shape === shape)?.registered
    const sql = picture.objects.find((object) => object.type === 'table' && object.name === shape.name)?.sql ?? ''
    return known ?? registration(shape, nextTableId++, sql, shape.mode)
  })
  return { ...state, tables, nextTableId, objects: picture.objects, cookie: picture.cookie }
}

/** The same tables where no trigger is to be relied on. */
function compared(shapes: readonly TableShape[]): TableShape[] {
  return shapes.map((shape) => (shape.mode === 'triggers' ? { ...shape, mode: 'compare' as const } : shape))
}

function registration(shape: TableShape, id: number, sql: string, mode: TableShape['mode']): RegisteredTable {
  return {
    id,
    name: shape.name,
    sql,
    columns: shape.allColumns,
    withoutRowid: shape.withoutRowid,
    uniqueIndexes: shape.uniqueIndexes.map((index) => index.name),
    mode,
  }
}

function trusted(
  database: SqlDatabase,
  state: TrackingState,
  objects: readonly SchemaObject[],
  shapes: readonly TableShape[],
  cookie: number,
): Continuation[] {
  const continuations = findContinuations({ registered: state.tables, objects, shapes })
  if (state.cookie < 0 || continuations.length === 0) return continuations
  const now = objects.filter((object) => !isReservedName(object.name) && !isReservedName(object.tableName))
  const renamed = continuations
    .filter((continuation) => continuation.registered.name !== continuation.shape.name)
    .map((continuation) => [continuation.registered.name, continuation.shape.name] as const)
  const grown = continuations.reduce(
    (sum, continuation) => sum + continuation.shape.allColumns.length - continuation.registered.columns.length,
    0,
  )
  const hidden = cookie - state.cookie - visibleSteps(state.objects, now, renamed, grown)
  if (hidden >= 0 && hidden < SUSPECT_STEPS) return continuations
  const renumbered = sentinelMoved(database)
  return continuations.filter(({ registered, shape }) => {
    if (registered.mode !== 'triggers') return true
    if (renumbered && !shape.withoutRowid && shape.rowidColumn === undefined) return false
    return !lastColumnMayBeNew(database, registered, shape)
  })
}

/**
 * True if the application made a trigger on the table after ours were made. SQLite fires the newest first: one that fails
 * with FAIL leaves its row changed and ours unfired, so the log may lack rows, and ours must be made anew (DC-37).
 */
function firesLate(objects: readonly SchemaObject[], { registered, shape }: Continuation): boolean {
  if (registered.mode !== 'triggers') return false
  const own = objects.findIndex((object) => object.name.startsWith(`_nightferry_${registered.id}_`))
  return objects.some(
    ({ type, tableName, name }, index) =>
      index > own && own >= 0 && type === 'trigger' && tableName === shape.name && !isReservedName(name),
  )
}

/** Puts the triggers of one table in place; a table they cannot serve is compared instead. */
function observe(
  database: SqlDatabase,
  shape: TableShape,
  id: number,
  objects: readonly SchemaObject[],
): TableShape['mode'] {
  if (shape.mode !== 'triggers') return shape.mode
  const wanted = observersFor(shape, id)
  const present = new Map(
    objects.filter((object) => object.type === 'trigger').map((object) => [object.name, object.sql]),
  )
  if (wanted.every((observer) => present.get(observer.name) === observer.sql)) return 'triggers'
  database.exec('SAVEPOINT nightferry_observe')
  try {
    createObservers(database, shape, id, wanted)
    database.exec('RELEASE nightferry_observe')
    return 'triggers'
  } catch {
    // Whatever SQLite has against these triggers, the application must not meet it (DC-4).
    database.exec('ROLLBACK TO nightferry_observe')
    database.exec('RELEASE nightferry_observe')
    return 'compare'
  }
}

function createObservers(database: SqlDatabase, shape: TableShape, id: number, wanted: readonly Observer[]): void {
  const stale = database
    .prepare("SELECT name FROM sqlite_schema WHERE type='trigger' AND name LIKE ? ESCAPE '!'")
    .all(`!_nightferry!_${id}!_%`)
  for (const [name] of stale) database.exec(`DROP TRIGGER ${quoteName(String(name))}`)
  const log = database.prepare("SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?").get(logTableName(id))
  if (shape.withoutRowid && !log) database.exec(logTableSql(shape, id))
  for (const observer of wanted) database.exec(observer.sql)
  probe(database, shape)
}

/** Compiles a statement that fires them all: an error in a trigger shows only then. */
function probe(database: SqlDatabase, shape: TableShape): void {
  const [first] = shape.columns
  if (first === undefined) return
  const table = quoteName(shape.name)
  for (const sql of [
    `INSERT INTO ${table}(${quoteName(first)}) VALUES(NULL)`,
    `UPDATE ${table} SET ${quoteName(first)}=NULL`,
    `DELETE FROM ${table} WHERE 0`,
  ]) {
    database.prepare(`EXPLAIN ${sql}`).all()
  }
}

function dropStrayObservers(
  database: SqlDatabase,
  objects: readonly SchemaObject[],
  tables: readonly RegisteredTable[],
): void {
  const live = new Set(tables.filter((table) => table.mode === 'triggers').map((table) => table.id))
  for (const object of objects) {
    const trigger = /^_nightferry_(\d+)_/.exec(object.name)
    if (object.type === 'trigger' && trigger && !live.has(Number(trigger[1]))) {
      database.exec(`DROP TRIGGER IF EXISTS ${quoteName(object.name)}`)
    }
    const log = /^_nightferry_change_(\d+)$/.exec(object.name)
    if (object.type === 'table' && log && !live.has(Number(log[1]))) {
      database.exec(`DROP TABLE IF EXISTS ${quoteName(object.name)}`)
    }
  }
}

/**
 * SQLite's backup and VACUUM INTO begin the cookie of the copy anew. It must not come to stand where it stood when we
 * last looked, or changes of the schema in between would be taken for none: it only ever rises.
 */
function raiseCookie(database: SqlDatabase, former: number): void {
  const least = Math.max(former, COOKIE_FLOOR)
  if (readCookie(database) < least) database.exec(`PRAGMA schema_version=${least + 1}`)
}

function resetSentinel(database: SqlDatabase): void {
  if (!sentinelMoved(database)) return
  database.exec('DELETE FROM _nightferry_sentinel')
  database.exec('INSERT INTO _nightferry_sentinel(rowid,x) VALUES(1,1),(3,3)')
}
