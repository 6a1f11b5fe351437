/**
 * Reading a copy that a whole file may replace meanwhile: its old file goes with that, and the new one is what the
 * device has now (RS-18).
 */

import { CodedError } from '../../schemas/errors.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue/catalogue.ts'

/** Times a copy may be replaced while it is read. */
const MAX_TRIES = 3

/** The copy of `key`. @throws {CodedError} `database.unknown`. */
export async function findDatabase(databases: Databases, key: DatabaseKey): Promise<DatabaseRow> {
  const row = await databases.get(key)
  if (row === undefined) throw new CodedError('database.unknown', `device ${key.deviceId} has no database ${key.name}`)
  return row
}

/**
 * What `read` gives of the copy of `key`; read again if another file took its place while that failed.
 * @throws what `read` throws of a copy that is still the device's; {CodedError} `database.unknown`.
 */
export async function readCopy<T>(
  databases: Databases,
  key: DatabaseKey,
  read: (row: DatabaseRow) => Promise<T>,
): Promise<{ readonly row: DatabaseRow; readonly result: T }> {
  let row = await findDatabase(databases, key)
  for (let attempt = 1; ; attempt++) {
    try {
      return { row, result: await read(row) }
    } catch (cause) {
      const now = await findDatabase(databases, key)
      if (now.copyId === row.copyId || attempt === MAX_TRIES) throw cause
      row = now
    }
  }
}
