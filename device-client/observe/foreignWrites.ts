/**
 * Finds out applications whose writes fire no triggers: some switch them off on all their connections (browsers do).
 * The file then changes while nothing is noted. What the file looked like after our own last write is kept in the
 * stored picture; a file that looks different although no note says why is distrusted, and stays so until its tables
 * are compared instead. Rule DC-27.
 */

import type { SqlDatabase } from '../ports.ts'
import { reading, writing } from './connection.ts'
import { hasNotedChanges } from './seal.ts'
import { readState } from './trackingState.ts'

/** How a database file looks from outside. Every write changes `file` or `log`. */
export interface Footprint {
  /** Of the database file. */
  readonly file: string
  /** Of the write-ahead log; empty if there is none. */
  readonly log: string
}

export interface ForeignWrites {
  /** True if somebody wrote without a note. */
  isDistrusted(): boolean
  /** Runs `work` in a write transaction of ours. */
  write<T>(open: () => SqlDatabase, immediate: boolean, work: (database: SqlDatabase) => T): T
  /** Runs `work`, which writes in several transactions of its own. */
  writeFreely(open: () => SqlDatabase, work: (database: SqlDatabase) => void): void
  /** Runs `close`, which may carry the log of a connection of ours into the file. */
  closing(close: () => void): void
  /** Starts anew: for a file that was just put in place, or whose tables are compared from now on. */
  reset(): void
}

/** What is kept instead of a footprint once the file is distrusted. */
const DISTRUSTED = 'distrusted'

/** Watches the file by `footprint`; without one (the application shares our connection) nothing is ever distrusted. */
export function watchForeignWrites(picture: SqlDatabase, footprint: (() => Footprint) | undefined): ForeignWrites {
  picture.exec('CREATE TABLE IF NOT EXISTS picture_footprint(id INTEGER PRIMARY KEY CHECK(id=1), value TEXT)')
  const read = (): string | undefined => {
    const value = picture.prepare('SELECT value FROM picture_footprint').get()?.[0]
    return typeof value === 'string' ? value : undefined
  }
  const keep = (value: string) =>
    picture.prepare('INSERT OR REPLACE INTO picture_footprint(id,value) VALUES(1,?)').run(value)
  const check = (database: SqlDatabase) => {
    const kept = read()
    if (!footprint || kept === undefined || kept === DISTRUSTED || isExplained(database)) return
    if (!isSame(JSON.parse(kept) as Footprint, footprint())) keep(DISTRUSTED)
  }
  const remember = () => {
    if (!footprint) return
    const [kept, now] = [read(), JSON.stringify(footprint())]
    if (kept !== DISTRUSTED && kept !== now) keep(now)
  }
  return {
    isDistrusted: () => read() === DISTRUSTED,
    write: (open, immediate, work) => {
      let explained = false
      const result = writing(open, immediate, (database) => {
        if (immediate) check(database)
        const done = work(database)
        // As long as notes explain the file nobody asks how it looked; the write after which none do remembers it.
        explained = immediate && footprint !== undefined && read() !== undefined && isExplained(database)
        return done
      })
      // Another's write between our commit and here goes unseen until its next one.
      if (immediate && !explained) remember()
      return result
    },
    writeFreely: (open, work) => {
      reading(open, (database) => {
        check(database)
        work(database)
        // Else the application's own checkpoint would look like a write.
        if (footprint) database.exec('PRAGMA wal_checkpoint(PASSIVE)')
      })
      remember()
    },
    closing: (close) => {
      // Only a file that nobody wrote to since is ours to look different.
      const own = footprint !== undefined && read() === JSON.stringify(footprint())
      close()
      if (own) remember()
    },
    reset: () => picture.exec('DELETE FROM picture_footprint'),
  }
}

/** True if what was noted since the last acknowledged backup says why the file changed. */
function isExplained(database: SqlDatabase): boolean {
  const state = readState(database)
  if (!state || state.bypassed) return true
  return hasNotedChanges(database, state, state.acknowledged?.number ?? 0)
}

/** A log that was carried into the file and removed leaves the file as it was, if it had been carried over before. */
function isSame(before: Footprint, now: Footprint): boolean {
  return before.file === now.file && (now.log === '' || before.log === now.log)
}
