/** How a database file looks from outside: a write leaves other times, sizes or salts behind. */

import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { Footprint } from '../observe/foreignWrites.ts'

/** The head of a write-ahead log, with the salts that change when it starts anew. */
const LOG_HEAD_BYTES = 32

/**
 * The footprint of the database at `path`. The database file itself is never opened: closing it would take away the
 * locks that SQLite holds on it in this process.
 */
export function readFootprint(path: string): Footprint {
  const log = `${path}-wal`
  const times = describe(log)
  return { file: describe(path), log: times === '' ? '' : `${times} ${readHead(log)}` }
}

/** Empty for a file that is not there, or has nothing in it. */
function describe(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined || found.size === 0n ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`
}

function readHead(path: string): string {
  const head = new Uint8Array(LOG_HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, head, 0, LOG_HEAD_BYTES, 0)
  } finally {
    closeSync(file)
  }
  return Buffer.from(head).toString('hex')
}
