/**
 * The workloads W1 to W4, and S3, the small twin of W3: a database of an application, and what its user changes each night. Same workload and same
 * night give the same rows on every machine.
 */

import Database from 'better-sqlite3'
import { drawChange } from './changes.ts'
import { Draws } from './random.ts'
import { COLUMNS, drawRow, MIGRATION, NOW, SCHEMA, type TableName, type Value } from './tables.ts'
import { drawSentence } from './text.ts'

export type WorkloadName = 'W1' | 'W2' | 'W3' | 'W4' | 'S3'

interface Workload {
  readonly rows: Readonly<Record<TableName, number>>
  readonly inserts: number
  readonly updates: number
  readonly deletes: number
  readonly seed: string
  /** Night 1 changes the schema as well. */
  readonly migrates: boolean
}

const many = { contacts: 4000, events: 6000, memos: 6000, messages: 80_000, labels: 4000 }

export const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  W1: {
    rows: { contacts: 100, events: 100, memos: 100, messages: 0, labels: 0 },
    inserts: 5,
    updates: 5,
    deletes: 3,
    seed: 'W1',
    migrates: false,
  },
  W2: { rows: many, inserts: 40, updates: 40, deletes: 20, seed: 'W2', migrates: false },
  W3: {
    rows: { contacts: 40_000, events: 60_000, memos: 60_000, messages: 800_000, labels: 40_000 },
    inserts: 400,
    updates: 400,
    deletes: 200,
    seed: 'W3',
    migrates: false,
  },
  /** The changes of W3 in a database of 5 MB: what a night costs must follow the change, not the size. */
  S3: {
    rows: { contacts: 400, events: 600, memos: 600, messages: 8000, labels: 400 },
    inserts: 400,
    updates: 400,
    deletes: 200,
    seed: 'W3',
    migrates: false,
  },
  W4: { rows: many, inserts: 40, updates: 40, deletes: 20, seed: 'W2', migrates: true },
}

type Driver = InstanceType<typeof Database>
const DAY = 86400

/** Makes the database of a workload at `path`, which must not be there. */
export function makeBase(path: string, name: WorkloadName): void {
  const { rows, seed } = WORKLOADS[name]
  const db = new Database(path)
  try {
    db.pragma('page_size = 4096')
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = OFF')
    db.exec(SCHEMA)
    const draws = new Draws(`base:${seed}`)
    const tables = Object.keys(rows) as TableName[]
    const insert = Object.fromEntries(tables.map((table) => [table, db.prepare(insertSql(table))]))
    const left = { ...rows }
    const next = Object.fromEntries(tables.map((table) => [table, 1]))
    const total = tables.reduce((sum, table) => sum + rows[table], 0)
    db.exec('BEGIN')
    // The tables grow together, as in an application that is used.
    for (let i = 0; i < total; i++) {
      const table = tableAt(tables, left, draws.below(total - i))
      left[table]--
      const id = next[table] ?? 1
      next[table] = id + 1
      insert[table]?.run(drawRow(table, draws, id, NOW - (total - i) * 30))
    }
    db.exec('COMMIT')
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

/** Carries out the changes of one night on a database of the workload. */
export function applyNight(path: string, name: WorkloadName, night: number): void {
  const db = new Database(path)
  try {
    db.pragma('synchronous = NORMAL')
    // As the driver is built, foreign keys and recursive triggers are on; an application's SQLite has them off.
    db.pragma('recursive_triggers = OFF')
    changeOneNight(db, name, night)
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

function changeOneNight(db: Driver, name: WorkloadName, night: number): void {
  const workload = WORKLOADS[name]
  const draws = new Draws(`night:${workload.seed}:${night}`)
  const now = NOW + night * DAY
  db.exec('BEGIN IMMEDIATE')
  if (workload.migrates && night === 1) migrate(db, draws, now)
  const migrated = db.prepare("SELECT 1 FROM pragma_table_info('contacts') WHERE name='nickname'").get() !== undefined
  const picker = createPicker(db, workload, draws)
  for (let i = 0; i < workload.deletes; i++) deleteOne(db, workload, draws, picker)
  for (let i = 0; i < workload.updates; i++) {
    const table = picker.table()
    const row = picker.row(table)
    const set = { ...drawChange(table, draws, row, migrated), updated_at: now + i }
    const columns = Object.keys(set)
    const sql = `UPDATE ${table} SET ${columns.map((column) => `${column}=?`).join(',')} WHERE id=?`
    db.prepare(sql).run(...Object.values(set), row[0])
  }
  for (let i = 0; i < workload.inserts; i++) {
    const table = picker.table()
    db.prepare(insertSql(table)).run(drawRow(table, draws, picker.nextId(table), now + i))
  }
  db.exec('COMMIT')
}

function migrate(db: Driver, draws: Draws, now: number): void {
  db.exec(MIGRATION)
  const insert = db.prepare('INSERT INTO tasks VALUES(?,?,?,?,?,?,?)')
  for (let i = 1; i <= 25; i++) {
    const row = [i, draws.uuid(), draws.between(1, 6000), drawSentence(draws, 5)]
    insert.run(...row, now + draws.below(9) * DAY, 0, now)
  }
}

/** The table that the row number `at` belongs to, counted through all tables. */
function tableAt(tables: readonly TableName[], rows: Readonly<Record<TableName, number>>, at: number): TableName {
  let before = 0
  for (const table of tables) {
    before += rows[table]
    if (at < before) return table
  }
  throw new RangeError(`there is no row ${at}`)
}

interface Picker {
  table(): TableName
  row(table: TableName): Value[]
  nextId(table: TableName): number
}

/** Draws tables and rows; rows by a random id, so the choice depends on content and night alone. */
function createPicker(db: Driver, { rows }: Workload, draws: Draws): Picker {
  const tables = (Object.keys(rows) as TableName[]).filter((table) => rows[table] > 0 && table !== 'labels')
  const total = tables.reduce((sum, table) => sum + rows[table], 0)
  const highest = new Map(
    tables.map((table) => [table, Number(db.prepare(`SELECT max(id) FROM ${table}`).pluck().get())]),
  )
  const probes = new Map(
    tables.map((table) => [table, db.prepare(`SELECT * FROM ${table} WHERE id>=? ORDER BY id LIMIT 1`).raw()]),
  )
  return {
    table: () => {
      // Small tables change more often than their share of rows: half by share, half evenly.
      if (draws.chance(0.5)) return draws.pick(tables)
      return tableAt(tables, rows, draws.below(total))
    },
    row: (table) => {
      const probe = probes.get(table)
      const id = 1 + draws.below(highest.get(table) ?? 0)
      return (probe?.get(id) ?? probe?.get(0)) as Value[]
    },
    nextId: (table) => {
      const id = (highest.get(table) ?? 0) + 1
      highest.set(table, id)
      return id
    },
  }
}

function deleteOne(db: Driver, { rows }: Workload, draws: Draws, picker: Picker): void {
  const table = picker.table()
  db.prepare(`DELETE FROM ${table} WHERE id=?`).run(picker.row(table)[0])
  if (rows.labels === 0 || !draws.chance(0.3)) return
  const label = db
    .prepare('SELECT * FROM labels WHERE item_uid>=? ORDER BY item_uid LIMIT 1')
    .raw()
    .get(draws.uuid()) as Value[] | undefined
  if (label) db.prepare('DELETE FROM labels WHERE item_uid=? AND label=?').run(label[0], label[1])
}

function insertSql(table: TableName): string {
  const columns = COLUMNS[table]
  return `INSERT INTO ${table}(${columns.join(',')}) VALUES(${columns.map(() => '?').join(',')})`
}
