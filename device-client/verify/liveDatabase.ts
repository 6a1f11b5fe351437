/**
 * The device's side of a comparison: short read transactions on the live database, and which rows the server cannot have
 * yet. No transaction is held while the server is asked, so that the application never waits for it. Rules DC-100, DC-101.
 */

import { bindCell, boundValue, quoteName, textBytesOf } from '../../schemas/delta/toSql.ts'
import type { Cell } from '../../schemas/delta/value.ts'
import { CodedError } from '../../schemas/errors.ts'
import { type ComparedTable, readComparedTable } from '../../schemas/verify/comparedTable.ts'
import { isAsPictured, isWholeAsPictured } from '../observe/compareRows.ts'
import { reading } from '../observe/connection.ts'
import type { TrackerPorts } from '../observe/preparedBackup.ts'
import { openRowPicture, type RowPicture } from '../observe/rowPicture.ts'
import { readCookie, readSchemaPicture, type SchemaPicture } from '../observe/schemaPicture.ts'
import { isPictured } from '../observe/seal.ts'
import type { TableShape } from '../observe/tableShape.ts'
import { type RegisteredTable, readState, type TrackingState, untracked } from '../observe/trackingState.ts'
import { logTableName } from '../observe/triggers.ts'
import type { SqlDatabase } from '../ports.ts'

/** A table as it stands now, and how its changes become known. */
export interface LiveTable {
  readonly compared: ComparedTable
  readonly shape: TableShape
  readonly registered: RegisteredTable
}

/** One read transaction. */
export interface LiveView {
  readonly reader: SqlDatabase
  /** True if the row of this key (of a table without keys: the table) changed since the server had it. */
  isPending(table: LiveTable, key: readonly Cell[] | undefined): boolean
}

export interface LiveDatabase {
  readonly state: TrackingState
  readonly schema: SchemaPicture
  /** Tables whose definition is the registered one; the others changed since the last backup. */
  readonly tables: readonly LiveTable[]
  /** @throws {CodedError} `database.locked` if the schema changed since it was opened. */
  read<T>(work: (view: LiveView) => T): T
}

/** @throws {CodedError} `database.untrackable`, `database.locked`, `database.unknown`. */
export function openLiveDatabase(ports: TrackerPorts): LiveDatabase {
  const picture = openRowPicture(ports.picture)
  const { state, schema, tables } = transaction(ports, (reader) => {
    const found = readState(ports.method === 'triggers' ? reader : ports.picture)
    if (!found) throw untracked()
    const seen = readSchemaPicture(reader)
    return { state: found, schema: seen, tables: liveTables(reader, found, seen) }
  })
  const pictured = isPictured(state, picture.token())
  return {
    ...{ state, schema, tables },
    read: (work) =>
      transaction(ports, (reader) => {
        if (readCookie(reader) !== schema.cookie)
          throw new CodedError('database.locked', 'the schema changes while it is compared', {
            next: 'Try again later.',
          })
        const { properties } = schema
        const since = BigInt(state.acknowledged?.number ?? 0)
        return work({
          reader,
          isPending: (table, key) => isPending({ reader, picture, properties }, table, key, pictured, since),
        })
      }),
  }
}

function transaction<T>(ports: TrackerPorts, work: (reader: SqlDatabase) => T): T {
  return reading(ports.open, (reader) => {
    reader.exec('BEGIN')
    try {
      return work(reader)
    } finally {
      reader.exec('COMMIT')
    }
  })
}

function liveTables(reader: SqlDatabase, state: TrackingState, schema: SchemaPicture): LiveTable[] {
  const texts = new Map(schema.objects.filter(({ type }) => type === 'table').map(({ name, sql }) => [name, sql]))
  return schema.tables.flatMap((shape) => {
    const registered = state.tables.find(({ name }) => name === shape.name)
    const compared = readComparedTable(reader, shape.name)
    if (!registered || !compared || registered.sql !== texts.get(shape.name)) return []
    // What triggers or picture know by no key is compared as a whole.
    return [{ shape, registered, compared: registered.mode === 'whole' ? { ...compared, key: undefined } : compared }]
  })
}

function isPending(
  comparison: {
    readonly reader: SqlDatabase
    readonly picture: RowPicture
    readonly properties: SchemaPicture['properties']
  },
  { shape, registered }: LiveTable,
  key: readonly Cell[] | undefined,
  pictured: boolean,
  since: bigint,
): boolean {
  const { reader } = comparison
  if (registered.mode !== 'triggers') {
    if (!pictured) return true
    return !(key === undefined || registered.mode === 'whole'
      ? isWholeAsPictured(comparison, shape)
      : isAsPictured(comparison, shape, key))
  }
  // A table that triggers serve and whose key both sides order differently: any note may be the difference.
  const log = registered.withoutRowid ? quoteName(logTableName(registered.id)) : '_nightferry_change'
  // A differential keeps notes of what the server has, too.
  const own = `${registered.withoutRowid ? '' : `tbl=${registered.id} AND `}number>${since}`
  if (key === undefined) return reader.prepare(`SELECT 1 FROM ${log} WHERE ${own} LIMIT 1`).get() !== undefined
  const isText = textBytesOf(key)
  const same = registered.withoutRowid ? key.map((_, i) => `k${i} IS ${boundValue(isText[i])}`).join(' AND ') : 'key=?'
  const noted = reader.prepare(`SELECT 1 FROM ${log} WHERE ${own} AND ${same} LIMIT 1`)
  return noted.get(...key.map(bindCell)) !== undefined
}
