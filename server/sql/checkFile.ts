/** Reads a whole database file, as a job of a child process: whether every page of it is as it was written (RS-21). */

import { CodedError } from '../../schemas/errors.ts'
import { openDatabase } from './betterSqlite.ts'

/** A database of the server's own, others may write it meanwhile. */
export interface CheckInput {
  readonly path: string
  /** 256 bits, hex. */
  readonly key: string
}

/** What is wrong, in the words of SQLite; undefined if nothing is. @throws {CodedError} `storage.unavailable`. */
export async function checkFileJob({ path, key }: CheckInput): Promise<string | undefined> {
  try {
    const db = openDatabase(path, { cipher: { kind: 'aegis', key: Buffer.from(key, 'hex') } })
    try {
      const [found] = db.prepare('PRAGMA integrity_check(1)').get() ?? []
      return found === 'ok' ? undefined : String(found)
    } finally {
      db.close()
    }
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'storage.unavailable') throw cause
    return cause instanceof Error ? cause.message : String(cause)
  }
}
