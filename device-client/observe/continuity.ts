/**
 * Decides, table by table, whether what is there now is still the table that was registered, so that its change
 * log says everything. Pure. When in doubt the answer is no: the table is then sent whole. Rule DC-7.
 */

import type { SchemaObject } from '../../schemas/delta/delta.ts'
import { rowidName } from '../../schemas/delta/toSql.ts'
import type { TableShape } from './tableShape.ts'
import type { RegisteredTable } from './trackingState.ts'
import { anchorTriggerName } from './triggers.ts'

/** Everything a decision needs, read in one transaction. */
export interface ContinuityInput {
  readonly registered: readonly RegisteredTable[]
  /** All rows of `sqlite_schema`, our observers included. */
  readonly objects: readonly SchemaObject[]
  readonly shapes: readonly TableShape[]
}

/** A registered table and the one that goes on in its place under `name`. */
export interface Continuation {
  readonly registered: RegisteredTable
  readonly shape: TableShape
  readonly sql: string
}

/** Registered tables that go on, whatever their name is now. */
export function findContinuations(input: ContinuityInput): Continuation[] {
  const continuations: Continuation[] = []
  for (const registered of input.registered) {
    const name = currentName(input, registered)
    const shape = input.shapes.find((candidate) => candidate.name === name)
    const sql = input.objects.find((object) => object.type === 'table' && object.name === name)?.sql
    if (!shape || sql === undefined || sql === null) continue
    // Triggers may have failed on a table they look fit for; it is then compared on.
    if (shape.mode !== registered.mode && !(registered.mode === 'compare' && shape.mode === 'triggers')) continue
    if (storageContinues(registered, shape, sql)) continuations.push({ registered, shape, sql })
  }
  return continuations
}

/** Triggers move with a renamed table and vanish with a dropped one; compared tables go by their name. */
function currentName(input: ContinuityInput, registered: RegisteredTable): string | undefined {
  if (registered.mode !== 'triggers') return registered.name
  const anchor = anchorTriggerName(registered.id)
  return input.objects.find((object) => object.type === 'trigger' && object.name === anchor)?.tableName
}

function storageContinues(registered: RegisteredTable, shape: TableShape, sql: string): boolean {
  const sameColumns = registered.columns.every((column, i) => shape.allColumns[i] === column)
  if (!sameColumns) return false
  // A unique index made since may have let REPLACE delete rows unseen.
  const known = new Set(registered.uniqueIndexes)
  if (!shape.uniqueIndexes.every((index) => known.has(index.name) || index.name.startsWith('sqlite_autoindex_')))
    return false
  // Triggers that name the rowid name a column since one of that name was added.
  const named = shape.withoutRowid || shape.rowidColumn !== undefined
  if (!named && rowidName(registered.columns) !== rowidName(shape.allColumns)) return false
  const grown = shape.allColumns.length > registered.columns.length
  if (registered.mode !== 'triggers') return registered.sql === sql && !grown
  const before = definitionBody(registered.sql)
  const now = definitionBody(sql)
  return grown ? isAppended(before, now) : before === now
}

/** The text behind the table's name: what stays the same when a table is renamed. */
export function definitionBody(sql: string): string {
  const open = openParenthesis(sql)
  return open < 0 ? sql : sql.slice(open)
}

/** `ALTER TABLE ADD COLUMN` inserts text before the closing parenthesis and touches nothing else. */
function isAppended(before: string, now: string): boolean {
  const close = before.lastIndexOf(')')
  const [head, tail] = [before.slice(0, close).trimEnd(), before.slice(close)]
  return now.startsWith(head) && now.endsWith(tail) && now.length > before.length
}

function openParenthesis(sql: string): number {
  const quoted = /^(\s*CREATE\s+TABLE\s+)("(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|[^\s(]+)/i.exec(sql)
  return sql.indexOf('(', quoted?.[0].length ?? 0)
}

/**
 * How many of SQLite's schema cookie steps the visible differences certainly took: never too many, for what they
 * do not explain makes tables suspect. Texts that changed under the same name are not counted (renaming a column
 * rewrites many of them in one step).
 *
 * @param renamed pairs of old and new table names; `grownColumns` counts appended columns.
 */
export function visibleSteps(
  before: readonly SchemaObject[],
  now: readonly SchemaObject[],
  renamed: readonly (readonly [string, string])[],
  grownColumns: number,
): number {
  const moved = new Set(renamed.flat())
  const key = (object: SchemaObject) => `${object.type} ${object.name}`
  const difference = (from: readonly SchemaObject[], to: readonly SchemaObject[]) => {
    const known = new Set(to.map(key))
    // SQLite's own tables come along with the first statement that needs them.
    const counted = from.filter((object) => object.sql !== null && !object.name.startsWith('sqlite_'))
    return counted.filter((object) => !known.has(key(object)) && !moved.has(object.name))
  }
  const made = difference(now, before)
  const gone = difference(before, now)
  const goneOwners = new Set(gone.filter((object) => isOwner(object)).map((object) => object.name))
  // One DROP takes a table's indexes and triggers, or a view's triggers, along.
  const dropped = gone.filter((object) => isOwner(object) || !goneOwners.has(object.tableName))
  return withoutShadows(made) + withoutShadows(dropped) + renamed.length + grownColumns
}

function isOwner(object: SchemaObject): boolean {
  return object.type === 'table' || object.type === 'view'
}

/** A virtual table makes and drops its shadow tables itself, in however many steps. */
function withoutShadows(objects: readonly SchemaObject[]): number {
  const tables = objects.filter((object) => object.type === 'table').map((object) => object.name)
  return objects.filter(
    (object) => object.type !== 'table' || !tables.some((other) => object.name.startsWith(`${other}_`)),
  ).length
}
