/** The map of one device's datastore: which Item it has under which LUID, and in which version (IT-2, IT-9). */

import type { ItemFile } from './itemFile.ts'

export interface MapRow {
  readonly id: string
  readonly luid: string | undefined
  /** The account's change number of what the device has. */
  readonly version: number
  /** The run it was last heard of, or sent, in. */
  readonly run: number
  /** It wants no more of it: a soft delete, or refused for good in this version. */
  readonly spared: boolean
}

const COLUMNS = 'id, luid, version, run, state'

/** What the device has under a LUID. */
export function findByLuid(file: ItemFile, client: number, luid: string): MapRow | undefined {
  return toMapRow(
    file.sql(`SELECT ${COLUMNS} FROM _nightferry_sync_map WHERE client = ? AND luid = ?`).get(BigInt(client), luid),
  )
}

/** What the device has of an Item. */
export function findById(file: ItemFile, client: number, id: string): MapRow | undefined {
  return toMapRow(
    file.sql(`SELECT ${COLUMNS} FROM _nightferry_sync_map WHERE client = ? AND id = ?`).get(BigInt(client), id),
  )
}

function toMapRow(row: readonly unknown[] | undefined): MapRow | undefined {
  if (row === undefined) return undefined
  return {
    id: String(row[0]),
    luid: typeof row[1] === 'string' ? row[1] : undefined,
    version: Number(row[2]),
    run: Number(row[3]),
    spared: row[4] === 1n,
  }
}

/**
 * Writes what the device has of an Item. A LUID stands for one Item: if it stood for another, the device keeps that
 * one no longer under any name we know; it counts as taken, so that it is not sent to and fro.
 */
export function putMapRow(file: ItemFile, client: number, row: MapRow): void {
  const { id, luid = null, version, run, spared } = row
  if (luid !== null)
    file
      .sql('UPDATE _nightferry_sync_map SET luid = NULL WHERE client = ? AND luid = ? AND id <> ?')
      .run(BigInt(client), luid, id)
  file
    .sql(
      `INSERT INTO _nightferry_sync_map(client, id, luid, version, run, state) VALUES(?, ?, ?, ?, ?, ?)
       ON CONFLICT(client, id) DO UPDATE SET luid = excluded.luid, version = excluded.version, run = excluded.run,
       state = excluded.state`,
    )
    .run(BigInt(client), id, luid, BigInt(version), BigInt(run), spared ? 1n : 0n)
}

/** For a LUID and an Item that the map does not know. */
export function addMapRow(
  file: ItemFile,
  client: number,
  id: string,
  luid: string,
  version: number,
  run: number,
): void {
  file
    .sql('INSERT INTO _nightferry_sync_map(client, id, luid, version, run) VALUES(?, ?, ?, ?, ?)')
    .run(BigInt(client), id, luid, BigInt(version), BigInt(run))
}

/** Notes that the device has this version, and that it was heard of in this run. */
export function touchMapRow(file: ItemFile, client: number, id: string, version: number, run: number): void {
  file
    .sql('UPDATE _nightferry_sync_map SET version = ?, run = ?, state = 0 WHERE client = ? AND id = ?')
    .run(BigInt(version), BigInt(run), BigInt(client), id)
}

export function removeMapRow(file: ItemFile, client: number, id: string): void {
  file.sql('DELETE FROM _nightferry_sync_map WHERE client = ? AND id = ?').run(BigInt(client), id)
}

/** Forgets all that the device has; with `exceptRun` only what was not heard of in that run. */
export function clearMap(file: ItemFile, client: number, exceptRun?: number): void {
  file
    .sql('DELETE FROM _nightferry_sync_map WHERE client = ? AND run <> ?')
    .run(BigInt(client), BigInt(exceptRun ?? -1))
}

/** How many Items the device named in a run. */
export function countNamed(file: ItemFile, client: number, run: number): number {
  const [count] =
    file
      .sql('SELECT count(*) FROM _nightferry_sync_map WHERE client = ? AND run = ?')
      .get(BigInt(client), BigInt(run)) ?? []
  return Number(count)
}

/** Items that the device took without telling their LUIDs. */
export function listUnnamed(file: ItemFile, client: number): string[] {
  return file
    .sql('SELECT id FROM _nightferry_sync_map WHERE client = ? AND luid IS NULL AND state = 0')
    .all(BigInt(client))
    .map(([id]) => String(id))
}
