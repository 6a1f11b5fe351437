/** Borrowing a connection to the application's database: opened for one piece of work, closed whatever happens. */

import type { SqlDatabase } from '../ports.ts'

/** Runs `work` on a connection of its own. */
export function reading<T>(open: () => SqlDatabase, work: (database: SqlDatabase) => T): T {
  const database = open()
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Runs `work` in one transaction; with `locking` nobody else can have written between its reads and writes. */
export function writing<T>(open: () => SqlDatabase, locking: boolean, work: (database: SqlDatabase) => T): T {
  return reading(open, (database) => transacting(database, locking, () => work(database)))
}

/** Like `writing`, on a connection that is open already. */
export function transacting<T>(database: SqlDatabase, locking: boolean, work: () => T): T {
  database.exec(locking ? 'BEGIN IMMEDIATE' : 'BEGIN')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (cause) {
    database.exec('ROLLBACK')
    throw cause
  }
}

/**
 * A connection that is kept while one step after another borrows it. Closing the last connection to a database in WAL
 * mode carries the log into the file and flushes both, which would come after each step.
 */
export interface KeptConnection {
  /** Opens it, or lends the open one again: what is lent is closed as usual, which then does nothing. */
  readonly open: () => SqlDatabase
  /** Keeps the connection that is lent next. */
  keep(): void
  /** Closes what is kept; connections are then opened for each step as before. */
  release(): void
}

/** `closing` runs the real close, and may look at the file before and after. */
export function keptConnection(
  open: () => SqlDatabase,
  closing: (close: () => void) => void = (close) => close(),
): KeptConnection {
  let keeping = false
  let kept: SqlDatabase | undefined
  return {
    open: () => {
      if (!keeping) return open()
      kept ??= open()
      const lent = kept
      return { exec: (sql) => lent.exec(sql), prepare: (sql) => lent.prepare(sql), close: () => undefined }
    },
    keep: () => {
      keeping = true
    },
    release: () => {
      keeping = false
      const ended = kept
      kept = undefined
      if (ended) closing(() => ended.close())
    },
  }
}
