/**
 * Says who works on a data folder: any number of processes together, or one alone (KY-6). The lock is SQLite's, on an
 * empty file of its own: it goes with the process, however that ends.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { CodedError } from '../../schemas/errors.ts'
import { openDatabase } from './betterSqlite.ts'
import type { SqlDatabase } from './sqlDatabase.ts'

/** How long short commands are waited for, milliseconds. */
const OTHERS_MS = 5000
const AGAIN_MS = 50

export interface FolderLock {
  /**
   * Runs `work` while no other process has the folder open.
   * @throws {CodedError} `session.busy` if another one has it for longer than five seconds.
   */
  alone<T>(work: () => Promise<T>): Promise<T>
  close(): void
}

/** Joins those who work on the folder. @throws {CodedError} `session.busy` while one works alone. */
export function joinFolder(path: string): FolderLock {
  const db = openDatabase(path, { cipher: { kind: 'none' }, create: true, busyTimeoutMs: OTHERS_MS })
  const share = (): void => {
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
  }
  try {
    share()
  } catch (cause) {
    db.close()
    throw busy(cause)
  }
  return {
    alone: async (work) => {
      db.exec('COMMIT')
      try {
        await beginAlone(db)
      } catch (cause) {
        share()
        throw busy(cause)
      }
      try {
        return await work()
      } finally {
        db.exec('COMMIT')
        share()
      }
    },
    close: () => db.close(),
  }
}

/** Waits without keeping everything else in this process waiting. */
async function beginAlone(db: SqlDatabase): Promise<void> {
  db.pragma('busy_timeout=0')
  try {
    for (const until = Date.now() + OTHERS_MS; ; await pause(AGAIN_MS)) {
      try {
        return db.exec('BEGIN EXCLUSIVE')
      } catch (cause) {
        if (Date.now() >= until) throw cause
      }
    }
  } finally {
    db.pragma(`busy_timeout=${OTHERS_MS}`)
  }
}

function busy(cause: unknown): CodedError {
  return new CodedError('session.busy', 'another process works on the data folder', {
    cause,
    next: 'If a server runs on it, use --server URL; if a command does, wait for its end.',
  })
}
