/**
 * Fills the restore target with files: what is fetched lies in a folder beside the target, on the same file system,
 * so that the finished file takes the target's name by a rename (RS-5, RS-6).
 */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { GrowingFile, RestoreTarget } from '../restore/restoreTarget.ts'
import { step } from '../steps.ts'
import { openDriver } from './betterSqlite.ts'
import { checkRestoredFile } from './checkRestoredFile.ts'
import { expectDigest, openRangedFile, type RangedFile } from './growingFile.ts'
import { sqliteCode } from './sqliteErrors.ts'

const SIDE_FILES = ['-wal', '-shm', '-journal'] as const
/** How long an application may hold the old file before the restore gives up, milliseconds. */
const BUSY_TIMEOUT_MS = 2000

/** A target at `path`. Nothing is made before something is kept. */
export function fileRestoreTarget(path: string): RestoreTarget {
  const folder = `${path}.nightferry-restore`
  const ticketPath = join(folder, 'ticket.json')
  const plainPath = join(folder, 'plain.db')
  const pathOf = (segment: number): string => join(folder, `${segment}.segment`)
  return {
    readTicket: () => readIfThere(ticketPath),
    keepTicket: (ticket) =>
      translated(folder, async () => {
        await rm(folder, { recursive: true, force: true })
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await writeWhole(ticketPath, ticket, true)
      }),
    readSegment: (segment) => readIfThere(pathOf(segment)),
    keepSegment: (segment, sealed) => translated(folder, () => writeWhole(pathOf(segment), sealed, false)),
    replace: (plain) => replace(path, plainPath, plain),
    openGrowing: () => translated(folder, () => openGrowing(path, folder, plainPath)),
    clear: () => translated(folder, () => rm(folder, { recursive: true, force: true })),
  }
}

async function translated<T>(path: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn()
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    const errno = String((cause as NodeJS.ErrnoException).code ?? '')
    if (errno === '') throw cause
    const full = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG'
    throw new CodedError(full ? 'storage.full' : 'storage.unavailable', `${path} cannot be written: ${errno}`, {
      cause,
      fields: { path, errno },
    })
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('storage.unavailable', `${path} cannot be read`, { cause, fields: { path } })
  }
}

/** Segments need not be durable: their digests are checked again before they are used. */
async function writeWhole(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    if (durable) await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

async function replace(path: string, temporaryPath: string, plain: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await translated(temporaryPath, async () => {
      await mkdir(dirname(temporaryPath), { recursive: true, mode: 0o700 })
      const sha256 = await writePlain(temporaryPath, plain)
      step('joined')
      checkRestoredFile(temporaryPath)
      await flushChecked(temporaryPath, sha256)
      await takeName(temporaryPath, path)
    })
  } finally {
    for (const suffix of ['', ...SIDE_FILES]) await rm(temporaryPath + suffix, { force: true })
  }
}

async function openGrowing(path: string, folder: string, plainPath: string): Promise<GrowingFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = await openRangedFile(plainPath, join(folder, 'ranges'))
  return {
    kept: file.kept,
    keepRange: (segment, offset, plain) => translated(plainPath, () => file.keepRange(segment, offset, plain)),
    settle: (sha256) => translated(plainPath, () => settle(file, plainPath, sha256, path)),
    close: () => file.close(),
  }
}

async function settle(file: RangedFile, plainPath: string, sha256: string, path: string): Promise<void> {
  step('joined')
  // The disk works while SQLite looks; what it finds changes nothing, as it may only read.
  const flushed = file.sync()
  flushed.catch(() => undefined)
  try {
    checkRestoredFile(plainPath)
    await expectDigest(file, sha256)
  } catch (cause) {
    if (cause instanceof CodedError) await file.forget()
    throw cause
  } finally {
    await flushed
    for (const suffix of SIDE_FILES) await rm(plainPath + suffix, { force: true })
  }
  await takeName(plainPath, path)
}

async function takeName(temporaryPath: string, path: string): Promise<void> {
  step('retire')
  await retireOldFile(path)
  step('rename')
  await rename(temporaryPath, path)
  step('renamed')
  await flushFolder(dirname(path))
}

async function writePlain(path: string, plain: AsyncIterable<Uint8Array>): Promise<string> {
  const digest = createHash('sha256')
  const file = await open(path, 'w', 0o600)
  try {
    for await (const piece of plain) {
      digest.update(piece)
      await writeAll(file, piece)
    }
  } finally {
    await file.close()
  }
  return digest.digest('hex')
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten
}

/** The check must not have changed the file: what takes the name is octet for octet what was verified. */
async function flushChecked(path: string, sha256: string): Promise<void> {
  const digest = createHash('sha256')
  const file = await open(path, 'r+')
  try {
    for await (const piece of file.createReadStream({ autoClose: false, start: 0 })) digest.update(piece)
    await file.sync()
  } finally {
    await file.close()
  }
  if (digest.digest('hex') !== sha256)
    throw new CodedError('integrity.mismatch', 'the restored file changed while it was checked', { fields: { path } })
}

/**
 * Takes away what belongs to the old file before the new one has its name: a `-wal` or `-journal` that stayed would be
 * played into the new file. An intact old file first takes in what waits there, so that a cut leaves it whole.
 */
async function retireOldFile(path: string): Promise<void> {
  if (existsSync(path)) settleOldFile(path)
  for (const suffix of SIDE_FILES) await rm(path + suffix, { force: true })
}

function settleOldFile(path: string): void {
  try {
    const driver = openDriver(path, BUSY_TIMEOUT_MS)
    try {
      driver.exec('BEGIN EXCLUSIVE')
      driver.exec('ROLLBACK')
      driver.pragma('wal_checkpoint(TRUNCATE)')
    } finally {
      driver.close()
    }
  } catch (cause) {
    const held = cause instanceof CodedError ? cause.code === 'database.locked' : /^SQLITE_BUSY/.test(sqliteCode(cause))
    if (held)
      throw new CodedError('restore.target-exists', `an application holds ${path}`, {
        cause,
        next: 'Close the application and run the command again; what was fetched is kept.',
        fields: { path },
      })
    // Any other trouble is the old file's own, and the reason why it is replaced.
    if (cause instanceof CodedError || sqliteCode(cause) !== '') return
    throw cause
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
