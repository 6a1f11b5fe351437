/**
 * Opens a copy for writing (BK-4, BK-11). A Delta of a few rows has the file to itself: then SQLite needs no memory
 * shared with other processes, and none of its files (BK-25).
 */

import { CodedError } from '../../schemas/errors.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import type { Cipher, SqlDatabase } from '../sql/sqlDatabase.ts'

/** How long others are waited for before the file is shared with them, milliseconds. */
const ALONE_WAIT_MS = 20

/** Commits reach the disk; definitions of the device are not enforced, it has already decided. */
const PRAGMAS = ['synchronous=FULL', 'ignore_check_constraints=ON']

/**
 * Opens the copy at `path` with its key in hex; `alone` keeps others waiting until it is closed, unless one reads it now.
 * @throws {CodedError} as `openDatabase`.
 */
export function openCopyToWrite(path: string, keyHex: string, alone: boolean): SqlDatabase {
  const cipher: Cipher = { kind: 'aegis', key: Buffer.from(keyHex, 'hex') }
  if (alone) {
    try {
      const pragmas = ['locking_mode=EXCLUSIVE', ...PRAGMAS]
      return openDatabase(path, { cipher, pragmas, busyTimeoutMs: ALONE_WAIT_MS })
    } catch (cause) {
      if (!isBusy(cause)) throw cause
    }
  }
  return openDatabase(path, { cipher, pragmas: PRAGMAS })
}

/** An image is made of it just now, which may take minutes. */
function isBusy(cause: unknown): boolean {
  return cause instanceof CodedError && String(cause.fields.sqlite).startsWith('SQLITE_BUSY')
}
