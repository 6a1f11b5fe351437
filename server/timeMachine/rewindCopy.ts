/**
 * Brings a scratch copy back to a past point: its tables, its rows, what it says of itself. All in SQL, whole tables at
 * once: for each row counts what was kept first since that point. Rules TM-5, TM-6.
 */

import type { SchemaObject as DeltaObject, SchemaEntry } from '../../schemas/delta/delta.ts'
import { CodedError } from '../../schemas/errors.ts'
import { applySchema, isRealTable } from '../backup/applySchema.ts'
import {
  createSystemTable,
  isSystemName,
  quoteName,
  readObjects,
  type SchemaObject,
  systemTableName,
  writeMeta,
  writePosition,
} from '../backup/copyLayout.ts'
import { readShape } from '../backup/copyTables.ts'
import {
  keyNames,
  type PastState,
  type PastTable,
  pastName,
  readPast,
  readPastTables,
  valueNames,
} from '../backup/pastLayout.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'

/**
 * Rewinds `copy` to the point whose token is `token`. It must be a file that nobody else uses.
 * @throws {CodedError} `restore.unknown` if the copy does not remember it, `storage.corrupt` if what it remembers does
 *   not fit together.
 */
export function rewindCopy(copy: SqlDatabase, token: string): void {
  const states = readPast(copy)
  const target = states.find((state) => state.token === token)
  if (target === undefined) throw new CodedError('restore.unknown', `there is no restore point ${token}`)
  try {
    copy.transaction(() => rewind(copy, states, target))
  } catch (cause) {
    if (cause instanceof CodedError && cause.code.startsWith('storage.')) throw cause
    throw new CodedError('storage.corrupt', 'what the copy remembers does not fit together', { cause })
  }
}

function rewind(copy: SqlDatabase, states: readonly PastState[], target: PastState): void {
  const now = readObjects(copy)
  const objects = objectsAt(states, target.number) ?? now
  const changed = JSON.stringify(objects) !== JSON.stringify(now)
  if (changed) rewindTables(copy, now, objects, target.number)
  for (const { type, name } of objects) if (type === 'table') rewindRows(copy, name, target.number)
  if (changed)
    applySchema(
      copy,
      entriesOf(objects, () => 'keep'),
    )
  writeMeta(copy, { ...target.header, lineage: target.lineage })
  copy.exec(`DELETE FROM _nightferry_copy_position WHERE number >= ${target.number}`)
  writePosition(copy, [{ number: target.number, token: target.token }])
}

/** The list as it was at a point: of the first change of the list since. */
export function objectsAt(states: readonly PastState[], number: number): readonly SchemaObject[] | undefined {
  return states.findLast((state) => state.number >= number && state.objects !== undefined)?.objects
}

/**
 * Tables take their old form; indexes that rows of another time might offend wait until the rows are there. Rows of
 * tables that only got columns since are carried over.
 */
function rewindTables(
  copy: SqlDatabase,
  now: readonly SchemaObject[],
  objects: readonly SchemaObject[],
  number: number,
): void {
  const stays = ({ type, name, sql }: SchemaObject): boolean =>
    now.some((held) => held.type === type && held.name === name && held.sql === sql)
  const waits = (object: SchemaObject): boolean =>
    object.type === 'index' && object.sql !== null && (!stays(object) || /^CREATE\s+UNIQUE\s/i.test(object.sql))
  const carried = objects.filter(
    (object) =>
      isRealTable(object) &&
      !stays(object) &&
      now.some((held) => isRealTable(held) && held.name === object.name) &&
      findWhole(copy, formsOf(copy, object.name), number) === undefined,
  )
  const parked = carried.map((object) => parkRows(copy, object.name))
  const early = objects.filter((object) => !waits(object))
  applySchema(
    copy,
    entriesOf(early, (object) => (stays(object) ? 'keep' : 'replace')),
  )
  for (const { table, place, rowid } of parked) unparkRows(copy, table, place, rowid)
}

function entriesOf(
  objects: readonly SchemaObject[],
  rows: (object: SchemaObject) => 'keep' | 'replace',
): SchemaEntry[] {
  return objects.map((object) => ({ ...(object as DeltaObject), ...(isRealTable(object) && { rows: rows(object) }) }))
}

interface Parked {
  readonly table: string
  readonly place: string
  /** The rowid stands in the first column. */
  readonly rowid: boolean
}

function parkRows(copy: SqlDatabase, table: string): Parked {
  const place = `_nightferry_past_parked_${table}`
  const { held, rowid } = columnsOf(copy, table)
  const names = [...(rowid === undefined ? [] : [rowid]), ...held.map(quoteName)]
  const columns = ['r', ...held.map((name) => quoteName(`c ${name}`))].slice(rowid === undefined ? 1 : 0)
  copy.exec(`CREATE TABLE ${quoteName(place)}(${columns.join(', ')})`)
  copy.exec(`INSERT INTO ${quoteName(place)} SELECT ${names.join(', ')} FROM ${quoteName(table)} NOT INDEXED`)
  return { table, place, rowid: rowid !== undefined }
}

function unparkRows(copy: SqlDatabase, table: string, place: string, hasRowid: boolean): void {
  const { held, rowid } = columnsOf(copy, table)
  const withRowid = hasRowid && rowid !== undefined
  const into = [...(withRowid ? [rowid] : []), ...held.map(quoteName)]
  const from = [...(withRowid ? ['r'] : []), ...held.map((name) => quoteName(`c ${name}`))]
  copy.exec(`INSERT INTO ${quoteName(table)}(${into.join(', ')}) SELECT ${from.join(', ')} FROM ${quoteName(place)}`)
  copy.exec(`DROP TABLE ${quoteName(place)}`)
}

interface Columns {
  /** Without generated ones. */
  readonly held: readonly string[]
  /** SQL of a rowid that no column holds, or could not reach. */
  readonly rowid: string | undefined
}

function columnsOf(copy: SqlDatabase, table: string): Columns {
  const { columns, rowid, alias } = readShape(copy, { schema: 'main', table })
  return { held: columns, rowid: alias ? undefined : rowid }
}

function formsOf(copy: SqlDatabase, name: string): PastTable[] {
  return readPastTables(copy).filter((form) => form.name === name)
}

interface Whole {
  readonly point: number
  readonly id: number
}

/** The first time since a point that the table was kept as a whole. */
function findWhole(copy: SqlDatabase, forms: readonly PastTable[], number: number): Whole | undefined {
  if (forms.length === 0) return undefined
  const found = copy
    .prepare(
      `SELECT point, id FROM _nightferry_past_whole WHERE point >= ? AND id IN (${forms.map(({ id }) => id).join(', ')})
       ORDER BY point, id LIMIT 1`,
    )
    .get(BigInt(number))
  return found && { point: Number(found[0]), id: Number(found[1]) }
}

function rewindRows(copy: SqlDatabase, name: string, number: number): void {
  const forms = formsOf(copy, name)
  if (forms.length === 0) return
  const table = isSystemName(name) ? systemTableName(name) : name
  const whole = findWhole(copy, forms, number)
  if (whole !== undefined) empty(copy, name, table, forms)
  const columns = columnsOf(copy, table)
  // Newest first: what was kept earlier is nearer to the point.
  for (const form of forms)
    if (whole === undefined || form.id <= whole.id)
      rewindForm(copy, { form, table, columns, from: number, to: whole?.point ?? Number.MAX_SAFE_INTEGER })
}

function empty(copy: SqlDatabase, name: string, table: string, forms: readonly PastTable[]): void {
  const isThere = copy.prepare('SELECT 1 FROM main.sqlite_schema WHERE name = ?').get(table) !== undefined
  if (isThere) copy.exec(`DELETE FROM ${quoteName(table)}`)
  else if (isSystemName(name)) createSystemTable(copy, name, forms[0]?.columns ?? [])
}

interface FormRewind {
  readonly form: PastTable
  readonly table: string
  readonly columns: Columns
  readonly from: number
  readonly to: number
}

function rewindForm(copy: SqlDatabase, { form, table, columns, from, to }: FormRewind): void {
  const past = pastName(form.id)
  const keys = keyNames(form)
  const range = [BigInt(from), BigInt(to)] as const
  const since = `FROM ${past} WHERE point >= ? AND point <= ?`
  // A form of before the point may have columns that the table does not know.
  if (copy.prepare(`SELECT 1 ${since} LIMIT 1`).get(...range) === undefined) return
  // Columns that were appended later are not there any more.
  const values = valueNames(form).filter((_, at) => columns.held.includes(form.columns[at] ?? ''))
  const names = form.columns.filter((name) => columns.held.includes(name)).map(quoteName)
  const rowid = form.key === 'rowid' ? (columns.rowid ?? 'rowid') : undefined
  const into = `INSERT INTO ${quoteName(table)}(${[...(rowid ? [rowid] : []), ...names].join(', ')})`
  const of = (alias: string, list: readonly string[]): string => list.map((name) => `${alias}.${name}`).join(', ')
  if (form.key === 'none') {
    copy.prepare(`${into} SELECT ${values.join(', ')} FROM ${past} WHERE point = ? ORDER BY k0`).run(BigInt(to))
    return
  }
  const own = form.key === 'rowid' ? [rowid ?? 'rowid'] : form.key.map(quoteName)
  copy
    .prepare(`DELETE FROM ${quoteName(table)} WHERE (${own.join(', ')}) IN (SELECT ${keys.join(', ')} ${since})`)
    .run(...range)
  copy
    .prepare(
      `${into} SELECT ${of('p', [...(rowid ? ['k0'] : []), ...values])}
       FROM (SELECT ${keys.join(', ')}, min(point) AS first ${since} GROUP BY ${keys.join(', ')}) AS n
       CROSS JOIN ${past} AS p ON p.point = n.first AND ${keys.map((key) => `p.${key} IS n.${key}`).join(' AND ')}
       WHERE p.gone = 0`,
    )
    .run(...range)
}
