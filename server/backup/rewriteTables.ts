/**
 * Gives tables of a copy another name or text without touching a row, as ALTER TABLE does. The new text is first
 * shown, in scratch databases, to store rows the same way as the old one. Rules BK-6, WF-10.
 */

import { CodedError } from '../../schemas/errors.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase, SqlValue } from '../sql/sqlDatabase.ts'
import { checkTable, createDefinition } from './checkDefinition.ts'
import { quoteName } from './copyLayout.ts'

/** A table that stays and what it becomes. */
export interface TableRewrite {
  readonly oldName: string
  readonly oldSql: string
  readonly name: string
  readonly sql: string
}

/**
 * Rewrites all tables in one step, so that names may be swapped.
 * @throws {CodedError} `delta.unsupported` for a text that does not compile, `delta.conflict` for one that stores
 *   rows in another way.
 */
export function rewriteTables(copy: SqlDatabase, rewrites: readonly TableRewrite[]): void {
  if (rewrites.length === 0) return
  const standIns = rewrites.flatMap((rewrite) => assertSameStorage(rewrite))
  for (const name of standIns) copy.standInFunction(name)
  const rowOf = copy.prepare("SELECT rowid FROM sqlite_schema WHERE type='table' AND name=?")
  const autoIndexesOf = copy.prepare(
    "SELECT rowid,name FROM sqlite_schema WHERE type='index' AND sql IS NULL AND tbl_name=?",
  )
  const updates = rewrites.map((rewrite) => ({
    rewrite,
    table: rowOf.get(rewrite.oldName)?.[0] ?? null,
    autoIndexes: autoIndexesOf.all(rewrite.oldName),
  }))
  const version = copy.pragma('schema_version')
  copy.writableSchema(true)
  try {
    for (const update of updates) rewriteRows(copy, update)
  } finally {
    copy.writableSchema(false)
  }
  copy.pragma(`schema_version=${Number(version) + 1}`)
}

function rewriteRows(
  copy: SqlDatabase,
  update: { rewrite: TableRewrite; table: SqlValue; autoIndexes: readonly SqlValue[][] },
): void {
  const { rewrite } = update
  copy
    .prepare('UPDATE sqlite_schema SET name=?, tbl_name=?, sql=? WHERE rowid=?')
    .run(rewrite.name, rewrite.name, rewrite.sql, update.table)
  for (const [row, name] of update.autoIndexes) {
    const ordinal = String(name).slice(String(name).lastIndexOf('_') + 1)
    copy
      .prepare('UPDATE sqlite_schema SET name=?, tbl_name=? WHERE rowid=?')
      .run(`sqlite_autoindex_${rewrite.name}_${ordinal}`, rewrite.name, row ?? null)
  }
}

/** Returns the stand-in functions the new text needs. */
function assertSameStorage(rewrite: TableRewrite): readonly string[] {
  const verdict = checkTable(rewrite.sql, rewrite.name)
  if (!verdict.ok) throw new CodedError('delta.unsupported', verdict.reason)
  const old = checkTable(rewrite.oldSql, rewrite.oldName)
  const before = storageOf(rewrite.oldSql, rewrite.oldName, old.ok ? old.standIns : [])
  const after = storageOf(rewrite.sql, rewrite.name, verdict.standIns)
  const columnsFit = before.columns.every((column, i) => column === after.columns[i])
  // A virtual column has no place in a record, so it may be appended; a plain one may not become one, or the reverse.
  const appendedArePlain = after.columns.slice(before.columns.length).every((column) => /,0,[02],\w+$/.test(column))
  const indexesFit = JSON.stringify(before.indexes) === JSON.stringify(after.indexes)
  if (!columnsFit || !appendedArePlain || !indexesFit || before.withoutRowid !== after.withoutRowid) {
    throw new CodedError(
      'delta.conflict',
      `table ${rewrite.name} stores its rows in another way than ${rewrite.oldName}`,
    )
  }
  return verdict.standIns
}

interface Storage {
  /** Name, type, place in the primary key, kind and collation of each column. */
  readonly columns: readonly string[]
  readonly indexes: readonly string[]
  readonly withoutRowid: boolean
}

function storageOf(sql: string, name: string, standIns: readonly string[]): Storage {
  const scratch = openDatabase(':memory:', { cipher: { kind: 'none' } })
  try {
    createDefinition(scratch, sql, standIns)
    const collations = columnCollations(scratch, name)
    const columns = scratch
      .prepare('SELECT name,type,pk,hidden FROM pragma_table_xinfo(?) ORDER BY cid')
      .all(name)
      .map((row) => [...row, collations.get(String(row[0]))].join(','))
    // Key columns alone: the primary key of a WITHOUT ROWID table lists every column, an appended one too.
    const indexes = scratch
      .prepare(
        'SELECT l.seq,l.origin,x.seqno,x.cid,x.desc,x.coll FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x WHERE x.key ORDER BY 1,3',
      )
      .all(name)
      .map((row) => row.join(','))
    const withoutRowid = scratch.prepare("SELECT wr FROM pragma_table_list WHERE schema='main' AND name=?").get(name)
    return { columns, indexes, withoutRowid: withoutRowid?.[0] === 1n }
  } finally {
    scratch.close()
  }
}

/** Indexes are sorted by the collations of their columns, and no pragma but that of an index tells them. */
function columnCollations(scratch: SqlDatabase, table: string): ReadonlyMap<string, string> {
  const columns = scratch.prepare('SELECT name FROM pragma_table_xinfo(?) ORDER BY cid').all(table).flat()
  const found = new Map<string, string>()
  for (const column of columns) {
    scratch.exec(`CREATE INDEX _nightferry_probe ON ${quoteName(table)}(${quoteName(String(column))})`)
    const [collation] = scratch.prepare("SELECT coll FROM pragma_index_xinfo('_nightferry_probe')").get() ?? []
    found.set(String(column), String(collation))
    scratch.exec('DROP INDEX _nightferry_probe')
  }
  return found
}
