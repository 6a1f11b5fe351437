/**
 * The agent's home: records, images and locks of one user's agent (DC-24). Locks are those of SQLite on empty files:
 * the system gives them up when a process ends, however it ends.
 */

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { CodedError } from '../../schemas/errors.ts'
import type { KeyStore } from '../ports.ts'
import { createFileKeyStore } from './fileKeyStore.ts'
import { sqliteCode } from './sqliteErrors.ts'

/** How long a lock is waited for: longer than `isLocked` of another process holds it. */
const PROBE_MS = 200

/** `work`: something that changes state or databases. `watch`: the schedule, which takes `work` only while it runs. */
export type LockName = 'work' | 'watch'

export interface Home {
  readonly path: string
  readonly keyStore: KeyStore
  /** Where images of full backups lie; emptied when `work` is locked. */
  readonly imageDirectory: string
  /**
   * Keeps other agents out until `release` is called or the process ends.
   *
   * @throws {CodedError} `session.busy` if another agent holds the lock.
   */
  lock(name: LockName): { release(): void }
  /** True if another agent holds the lock now. */
  isLocked(name: LockName): boolean
}

/** The home at `path`; it is made (mode 0700) with the first thing that is written. */
export function openHome(path: string): Home {
  const imageDirectory = join(path, 'images')
  const lockFile = (name: LockName) => join(path, `${name}.lock`)
  return {
    path,
    imageDirectory,
    keyStore: createFileKeyStore(join(path, 'records')),
    lock: (name) => {
      makeDirectory(imageDirectory)
      const held = acquire(lockFile(name), name)
      // Nobody else works here now: images that lie about belong to a process that was killed.
      if (name === 'work') emptyDirectory(imageDirectory)
      return held
    },
    isLocked: (name) => existsSync(lockFile(name)) && isHeld(lockFile(name)),
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CodedError('storage.unavailable', `the folder ${path} cannot be made`, {
      cause,
      next: 'Choose another home with --home or NIGHTFERRY_HOME.',
      fields: { path },
    })
  }
}

function emptyDirectory(directory: string): void {
  for (const left of readdirSync(directory)) rmSync(join(directory, left), { recursive: true, force: true })
}

function acquire(path: string, name: LockName): { release(): void } {
  const driver = new Database(path, { timeout: PROBE_MS })
  try {
    driver.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    driver.close()
    if (!sqliteCode(cause).startsWith('SQLITE_BUSY')) throw cause
    const doing = name === 'watch' ? 'watching already' : 'at work'
    throw new CodedError('session.busy', `another agent with this home is ${doing}`, {
      cause,
      next: 'Wait until it has finished.',
      fields: { lock: path },
    })
  }
  return { release: () => void driver.close() }
}

/** Whether a reader is kept out, as only the holder of the lock does. */
function isHeld(path: string): boolean {
  const driver = new Database(path, { timeout: 0 })
  try {
    driver.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (cause) {
    if (sqliteCode(cause).startsWith('SQLITE_BUSY')) return true
    throw cause
  } finally {
    driver.close()
  }
}
