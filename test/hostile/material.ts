/** Databases and Deltas that hostile ones are made of: a small honest file, and the Delta that honestly follows it. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeltaHead, DeltaTable, SchemaEntry } from '../../schemas/delta/delta.ts'
import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import type { Cell } from '../../schemas/delta/value.ts'
import { buildZooDatabase } from '../support/databaseZoo.ts'
import type { HostileDevice } from './hostileServer.ts'

export const TABLE_SQL = 'CREATE TABLE t(id INTEGER PRIMARY KEY, x)'
export const INDEX_SQL = 'CREATE INDEX t_x ON t(x)'
export const VIEW_SQL = 'CREATE VIEW v AS SELECT x FROM t'

/** Octets of a plain SQLite file made by `sql`. */
export function fileOf(sql: string, pragmas: readonly string[] = []): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-material-'))
  try {
    const path = join(folder, 'made.db')
    buildZooDatabase({ name: 'made', pragmas, sql }, path)
    return readFileSync(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The honest database: a table of 300 rows, an index, a view, a table with a sequence. */
export const HONEST_SQL = `${TABLE_SQL}; ${INDEX_SQL}; ${VIEW_SQL};
  CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, y); INSERT INTO s(y) VALUES ('a'), ('b');
  WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300) INSERT INTO t SELECT n, 'row ' || n FROM c`

/** Its `sqlite_schema` as a Delta states it. */
export const HONEST_SCHEMA: readonly SchemaEntry[] = [
  { type: 'table', name: 't', tableName: 't', sql: TABLE_SQL, rows: 'keep' },
  { type: 'index', name: 't_x', tableName: 't', sql: INDEX_SQL },
  { type: 'view', name: 'v', tableName: 'v', sql: VIEW_SQL },
  {
    type: 'table',
    name: 's',
    tableName: 's',
    sql: 'CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, y)',
    rows: 'keep',
  },
  {
    type: 'table',
    name: 'sqlite_sequence',
    tableName: 'sqlite_sequence',
    sql: 'CREATE TABLE sqlite_sequence(name,seq)',
    rows: 'keep',
  },
]

export const T: DeltaTable = { name: 't', key: 'rowid', rowidColumn: 'id', columns: ['id', 'x'], clear: false }

/** Rows of one table of a Delta. */
export interface Rows {
  readonly table: DeltaTable
  readonly touched?: readonly (readonly Cell[])[]
  readonly puts?: readonly (readonly Cell[])[]
}

export function headOf(device: Pick<HostileDevice, 'chain'>, numbers: readonly number[] = [1, 2]): DeltaHead {
  return {
    ...device.chain(...numbers),
    database: {
      pageSize: 4096,
      encoding: 'UTF-8',
      autoVacuum: 0,
      userVersion: 0,
      applicationId: 0,
      journalMode: 'delete',
    },
  }
}

/** A well-formed Delta with this schema and these rows. */
export function deltaOf(
  head: DeltaHead,
  schema: readonly SchemaEntry[] | undefined,
  rows: readonly Rows[] = [],
): string {
  const writer = new DeltaWriter()
  let text = writer.head(head)
  if (schema) text += writer.schema(schema, 1)
  for (const { table, touched = [], puts = [] } of rows) {
    text += writer.table(table)
    for (const key of touched) text += writer.touched(key)
    for (const row of puts) text += writer.put(row)
  }
  return text + writer.end()
}

/** The honest Delta: one row changed, one added. */
export function honestDelta(device: Pick<HostileDevice, 'chain'>, numbers?: readonly number[]): string {
  const rows = {
    table: T,
    touched: [[1n], [1000n]],
    puts: [
      [1n, 'changed'],
      [1000n, 'new'],
    ],
  }
  return deltaOf(headOf(device, numbers), undefined, [rows])
}
