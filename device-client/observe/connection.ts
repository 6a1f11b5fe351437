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
  return reading(open, (database) => {
    database.exec(locking ? 'BEGIN IMMEDIATE' : 'BEGIN')
    try {
      const result = work(database)
      database.exec('COMMIT')
      return result
    } catch (cause) {
      database.exec('ROLLBACK')
      throw cause
    }
  })
}
