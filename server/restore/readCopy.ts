/**
 * Reading a state whose file another may replace meanwhile, or that may be dropped: its old file goes with that, and
 * where the state lies then is what counts (RS-18).
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
  const { found: row, result } = await readWhereItLies(() => findDatabase(databases, key), read)
  return { row, result }
}

/**
 * What `read` gives of what `find` found; found and read again if it lies in another file after that failed.
 * @throws what `read` throws of what is still where it was found; what `find` throws, of what is gone.
 */
export async function readWhereItLies<Found extends { readonly copyId: string }, T>(
  find: () => Promise<Found>,
  read: (found: Found) => Promise<T>,
): Promise<{ readonly found: Found; readonly result: T }> {
  let found = await find()
  for (let attempt = 1; ; attempt++) {
    try {
      return { found, result: await read(found) }
    } catch (cause) {
      const now = await find()
      if (now.copyId === found.copyId || attempt === MAX_TRIES) throw cause
      found = now
    }
  }
}
