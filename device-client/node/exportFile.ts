/** Writes the text of an export: whole or not at all, and over nothing that is there unless that is meant (DC-95). */

import { existsSync, readdirSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../ports.ts'
import { csvFileName, csvOf, listTables } from './csvText.ts'
import { dumpSql } from './sqlDump.ts'

/** Characters that are written at once. */
const BATCH_CHARS = 256 * 1024

/** @throws {CodedError} `restore.target-exists` if something is at `path`: a file, or a folder that holds anything. */
export function refuseOld(path: string, overwrite: boolean): void {
  if (overwrite || !existsSync(path)) return
  if (isFolder(path) && readdirSync(path).length === 0) return
  throw new CodedError('restore.target-exists', `there is something at ${path}`, {
    next: 'Name another place, or give --overwrite.',
    fields: { path },
  })
}

/** The database as SQL. @returns files that were written. @throws {CodedError} `storage.*`, `database.unknown`. */
export async function writeSql(database: SqlDatabase, path: string, table: string | undefined): Promise<string[]> {
  if (table !== undefined) findTable(database, table)
  await writeWhole(path, dumpSql(database, table))
  return [path]
}

/** Its tables as CSV: each a file in the folder `path`, or `table` alone as the file `path`. @throws as `writeSql`. */
export async function writeCsv(database: SqlDatabase, path: string, table: string | undefined): Promise<string[]> {
  if (table !== undefined) {
    await writeWhole(path, csvOf(database, findTable(database, table)))
    return [path]
  }
  await mkdir(path, { recursive: true, mode: 0o700 })
  const files: string[] = []
  for (const name of listTables(database)) {
    const file = join(path, csvFileName(name))
    await writeWhole(file, csvOf(database, name))
    files.push(file)
  }
  return files
}

function findTable(database: SqlDatabase, table: string): string {
  const names = listTables(database)
  if (names.includes(table)) return table
  throw new CodedError('database.unknown', `there is no ordinary table ${table} at that point`, {
    next: `There are ${names.slice(0, 50).join(', ')}.`,
  })
}

function isFolder(path: string): boolean {
  try {
    readdirSync(path)
    return true
  } catch {
    // A file, or nothing that can be looked into: either is in the way.
    return false
  }
}

async function writeWhole(path: string, pieces: Iterable<string>): Promise<void> {
  const beside = `${path}.nightferry-export`
  try {
    const file = await open(beside, 'w', 0o600)
    try {
      let batch = ''
      for (const piece of pieces) {
        batch += piece
        if (batch.length < BATCH_CHARS) continue
        await file.writeFile(batch)
        batch = ''
      }
      await file.writeFile(batch)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (cause) {
    await rm(beside, { force: true })
    if (cause instanceof CodedError) throw cause
    const errno = String((cause as NodeJS.ErrnoException).code ?? '')
    if (errno === '' || errno.startsWith('SQLITE')) throw cause
    const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'storage.full' : 'storage.unavailable'
    throw new CodedError(code, `${path} cannot be written: ${errno}`, { cause, fields: { path, errno } })
  }
}
