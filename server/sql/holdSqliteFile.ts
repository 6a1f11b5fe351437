/** Keeps an SQLite file still while it is copied, without keeping its writers (SB-2). */

import { setTimeout as pause } from 'node:timers/promises'
import { CodedError } from '../../schemas/errors.ts'
import { openDatabase } from './betterSqlite.ts'
import type { SqlDatabase } from './sqlDatabase.ts'

/** How long a writer is waited for, and readers of an older state: an image of a large copy takes minutes. */
const WRITER_MS = 60_000
const READERS_MS = 10 * 60_000
const AGAIN_MS = 100

/**
 * Runs `work` while the file at `path` alone is the whole state of its database, and does not change; its reader sees
 * that state.
 * @throws {CodedError} as `openDatabase`; `session.busy` if others read an older state for longer than ten minutes.
 */
export async function holdSqliteFile<T>(
  path: string,
  key: Uint8Array,
  work: (reader: SqlDatabase) => Promise<T>,
): Promise<T> {
  const options = { cipher: { kind: 'aegis', key }, busyTimeoutMs: WRITER_MS } as const
  const writer = openDatabase(path, options)
  try {
    const reader = openDatabase(path, options)
    try {
      await beginReading(path, writer, reader)
      return await work(reader)
    } finally {
      if (reader.inTransaction) reader.exec('COMMIT')
      reader.close()
    }
  } finally {
    writer.close()
  }
}

async function beginReading(path: string, writer: SqlDatabase, reader: SqlDatabase): Promise<void> {
  for (const until = Date.now() + READERS_MS; Date.now() < until; await pause(AGAIN_MS)) {
    writer.exec('BEGIN IMMEDIATE')
    try {
      // Busy, frames in the log, frames written back; -1 without a log.
      const [, frames, writtenBack] = reader.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() ?? []
      if (frames !== writtenBack) continue
      // With everything written back a reader takes the file alone, and nobody may write to it meanwhile.
      reader.exec('BEGIN')
      reader.prepare('SELECT count(*) FROM sqlite_schema').get()
      return
    } finally {
      writer.exec('ROLLBACK')
    }
  }
  throw new CodedError('session.busy', `${path} is read by others for too long`, {
    next: 'Run the command again when no restore is under way.',
  })
}
