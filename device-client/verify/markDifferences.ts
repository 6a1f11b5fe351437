/**
 * Notes what differs as changed, so that the next Delta sends just that: the device is the master. Where the copy stands
 * elsewhere, what the server is known to have becomes what the comparison found there. Rules DC-103, DC-104.
 */

import type { DatabaseProperties, SchemaObject } from '../../schemas/delta/delta.ts'
import { bindCell, boundValue, quoteName, textBytesOf } from '../../schemas/delta/toSql.ts'
import { decodeCell } from '../../schemas/delta/value.ts'
import type { CopyDescription } from '../../schemas/http/verify.ts'
import { doubtRow } from '../observe/compareRows.ts'
import { watchForeignWrites } from '../observe/foreignWrites.ts'
import type { TrackerPorts } from '../observe/preparedBackup.ts'
import { openRowPicture } from '../observe/rowPicture.ts'
import { writeOpenNumber } from '../observe/seal.ts'
import { type RegisteredTable, readState, type TrackingState, untracked, writeState } from '../observe/trackingState.ts'
import { logTableName } from '../observe/triggers.ts'
import type { SqlDatabase } from '../ports.ts'
import type { TableFinding } from './compareTables.ts'

/** What a comparison found of the server's copy, beside rows. */
export interface FoundCopy {
  readonly position: Pick<CopyDescription, 'lineage' | 'number' | 'token'>
  readonly objects: readonly SchemaObject[]
  readonly header: DatabaseProperties
}

/** Notes differing rows; tables that cannot be told row by row are sent whole. */
export function markDifferences(ports: TrackerPorts, findings: readonly TableFinding[], copy: FoundCopy): void {
  change(ports, (database, state) => {
    const whole = new Set(findings.filter(isWhole).map(({ table }) => table.registered.id))
    for (const finding of findings) markRows(ports, database, finding, state.openNumber)
    const known = state.picture?.tables.filter((table) => isSame(table, copy) && !whole.has(table.id)) ?? []
    return { ...state, picture: { objects: copy.objects, properties: copy.header, tables: known } }
  })
}

/**
 * Takes the copy's position for the acknowledged one. All tables must have been compared, with every difference judged;
 * what is not in `findings` goes whole. Changes that wait go on waiting, under a number beyond the copy's.
 */
export function rebase(ports: TrackerPorts, findings: readonly TableFinding[], copy: FoundCopy): void {
  change(ports, (database, state) => {
    const openNumber = Math.max(state.openNumber, copy.position.number + 1)
    renumberNotes(database, state, openNumber)
    for (const finding of findings) markRows(ports, database, finding, openNumber)
    const compared = new Set(findings.filter((finding) => !isWhole(finding)).map(({ table }) => table.registered.id))
    const known = state.tables.filter((table) => isSame(table, copy) && compared.has(table.id))
    const { lineage, number, token } = copy.position
    const moved: TrackingState = {
      ...state,
      ...{ lineage, openNumber, sealed: [], unconfirmed: false },
      acknowledged: { number, token },
      picture: { objects: copy.objects, properties: copy.header, tables: known },
    }
    writeOpenNumber(database, moved)
    return moved
  })
}

/** True if the rows of this table are not known one by one. */
function isWhole({ table, more, differs }: TableFinding): boolean {
  return more > 0 || (differs && table.registered.mode === 'triggers')
}

function isSame(table: RegisteredTable, { objects }: FoundCopy): boolean {
  return objects.some(({ type, name, sql }) => type === 'table' && name === table.name && sql === table.sql)
}

function change(ports: TrackerPorts, work: (database: SqlDatabase, state: TrackingState) => TrackingState): void {
  const triggers = ports.method === 'triggers'
  watchForeignWrites(ports.picture, ports.footprint).write(ports.open, triggers, (database) => {
    const store = triggers ? database : ports.picture
    const state = readState(store)
    if (!state) throw untracked()
    writeState(store, work(database, state))
  })
}

function markRows(ports: TrackerPorts, database: SqlDatabase, finding: TableFinding, number: number): void {
  const { table, differing, differs } = finding
  const { registered, shape } = table
  if (registered.mode !== 'triggers') {
    const picture = openRowPicture(ports.picture)
    if (differs) doubtRow(picture, shape.name, undefined)
    for (const { key } of differing) doubtRow(picture, shape.name, key.map(decodeCell))
    return
  }
  for (const { key } of differing) {
    const cells = key.map(decodeCell)
    const values = cells.map(bindCell)
    if (!registered.withoutRowid) {
      const sql = 'INSERT OR IGNORE INTO _nightferry_change(tbl,key,number) VALUES(?,?,?)'
      database.prepare(sql).run(BigInt(registered.id), ...values, BigInt(number))
      continue
    }
    const names = cells.map((_, i) => `k${i}`).join(',')
    const bound = textBytesOf(cells).map(boundValue).join(',')
    database
      .prepare(`INSERT OR IGNORE INTO ${quoteName(logTableName(registered.id))}(${names},number) VALUES(${bound},?)`)
      .run(...values, BigInt(number))
  }
}

/** A note under a number that the copy has passed would count as acknowledged. */
function renumberNotes(database: SqlDatabase, state: TrackingState, number: number): void {
  const logs = state.tables.filter((table) => table.mode === 'triggers' && table.withoutRowid)
  const renumber = (log: string, key: string): void => {
    database.prepare(`INSERT OR IGNORE INTO ${log}(${key},number) SELECT ${key},? FROM ${log}`).run(BigInt(number))
    database.prepare(`DELETE FROM ${log} WHERE number<>?`).run(BigInt(number))
  }
  renumber('_nightferry_change', 'tbl,key')
  for (const { id } of logs) {
    const log = quoteName(logTableName(id))
    const names = database.prepare("SELECT name FROM pragma_table_info(?) WHERE name<>'number'").all(logTableName(id))
    renumber(log, names.map(([name]) => String(name)).join(','))
  }
}
