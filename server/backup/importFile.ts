/**
 * Makes a copy of a whole file that a device sent, or of a restore image.
 *
 * The file counts as hostile until it was read here (BK-9): it comes to rest page-encrypted, is checked, and its
 * tables are copied into a new encrypted database made from checked definitions. What this server cannot evaluate is
 * kept as a sealed file (BK-6). Nothing has the copy's name before it is whole and durable; after a throw nothing is
 * left behind. Runs in a child process (BK-8).
 */

import { closeSync, fsync, openSync } from 'node:fs'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DATABASE_BYTES } from '../../schemas/limits.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import { step } from '../steps.ts'
import { flushFolder } from '../storage/writeFileDurably.ts'
import { type BuildOutcome, buildCopy } from './buildCopy.ts'
import type { CopyPlace } from './copyKey.ts'
import type { CopyPosition, DatabaseHeader } from './copyLayout.ts'
import { encryptFile, markJournalMode, type PlainFileFacts } from './encryptFile.ts'
import { openSource } from './openSource.ts'
import { pagePassphrase } from './pageCipher.ts'

/**
 * What a worker needs to make a copy. Its name is new each time: the catalogue switches from the old copy to the new
 * one, so a kill at any moment leaves one of them whole.
 */
export interface ImportInput extends CopyPlace {
  readonly position: CopyPosition
  /** What the device says, since a consistent image of a database in WAL mode need not be in it. */
  readonly journalMode?: DatabaseHeader['journalMode']
  /** Plain octets that are taken at most; {@link MAX_DATABASE_BYTES} by default. */
  readonly maxBytes?: number
  /** What `receiveFile` said about this very `copyPath` and key: the file is not read again. */
  readonly received?: PlainFileFacts
  /** Names of the database's older states: no later state of the copy can take one (ID-3). */
  readonly taken?: readonly string[]
}

/** What became of the file. */
export interface ImportResult {
  readonly kind: 'sql' | 'file'
  /** Why it is kept as a file. */
  readonly reason?: string
  readonly header: DatabaseHeader
  /** Octets of the plain file, and its SHA-256 (hex). */
  readonly sizeBytes: number
  readonly sha256: string
  /** Octets of the copy at rest. */
  readonly storedBytes: number
  readonly tables: number
  readonly rows: number
}

/** Tells how far the work is: step and a count that grows. */
export type ReportProgress = (step: string, done: number) => void

/**
 * Reads `source` and makes the copy; see {@link ImportInput}.
 *
 * @param source octets of the plain file, or of one gzip of it.
 * @throws {CodedError} `database.invalid` if this is no intact database, `database.untrackable` if it has objects with
 *   names of ours, `protocol.too-large`, `storage.full`; errors of `source` pass.
 */
export async function importFile(
  input: ImportInput,
  source: AsyncIterable<Uint8Array>,
  onProgress: ReportProgress = () => {},
): Promise<ImportResult> {
  const sourcePath = sourceOf(input.copyPath)
  const buildingPath = `${input.copyPath}.building`
  const key = Buffer.from(input.copyKey, 'hex')
  // A file that is kept needs the copy's key later; nobody knows beforehand which file that will be.
  const passphrase = pagePassphrase(key)
  await refuseExisting(input.copyPath)
  await removeAll(...(input.received ? [] : [sourcePath]), buildingPath)
  try {
    const facts = input.received ?? (await receive(input, source, onProgress))
    const header = { ...facts, ...(input.journalMode && { journalMode: input.journalMode }) }
    // SQLite would make it readable for others.
    await writeFile(buildingPath, '', { mode: 0o600, flag: 'wx' })
    step('import-build')
    let flushed: Promise<void> | undefined
    const onRows = (): void => {
      flushed = beginFlush(buildingPath)
    }
    const outcome = buildCopy(
      { sourcePath, passphrase, buildingPath, key, position: input.position, header, onRows, taken: input.taken ?? [] },
      onProgress,
    )
    // The system tells a failure once: a later flush would not hear of it.
    await flushed
    if (outcome.kind === 'file') {
      await rm(buildingPath, { force: true })
      await markJournalMode(sourcePath, passphrase, facts.journalMode)
      await settle(sourcePath, input.copyPath)
    } else await settle(buildingPath, input.copyPath)
    return await describe(input.copyPath, facts, outcome)
  } finally {
    await removeAll(sourcePath, buildingPath)
  }
}

/**
 * The first half of {@link importFile}: brings `source` to rest, page-encrypted, where the second half finds it. For
 * files that are taken in while they arrive; after a throw nothing is left behind.
 *
 * @throws {CodedError} as `importFile`; errors of `source` pass.
 */
export async function receiveFile(
  input: CopyPlace & Pick<ImportInput, 'maxBytes'>,
  source: AsyncIterable<Uint8Array>,
  onProgress: ReportProgress = () => {},
): Promise<PlainFileFacts> {
  const sourcePath = sourceOf(input.copyPath)
  await removeAll(sourcePath)
  try {
    return await receive(input, source, onProgress)
  } catch (cause) {
    await removeAll(sourcePath)
    throw cause
  }
}

async function receive(
  { copyPath, copyKey, maxBytes = MAX_DATABASE_BYTES }: CopyPlace & Pick<ImportInput, 'maxBytes'>,
  source: AsyncIterable<Uint8Array>,
  onProgress: ReportProgress,
): Promise<PlainFileFacts> {
  const passphrase = pagePassphrase(Buffer.from(copyKey, 'hex'))
  const report = (done: number): void => {
    step('import-receive')
    onProgress('receive', done)
  }
  // It is flushed when it is kept.
  const facts = await encryptFile(openSource(source, maxBytes), sourceOf(copyPath), passphrase, report, false)
  step('import-received')
  return facts
}

function sourceOf(copyPath: string): string {
  return `${copyPath}.source`
}

async function describe(copyPath: string, facts: PlainFileFacts, outcome: BuildOutcome): Promise<ImportResult> {
  return {
    kind: outcome.kind,
    ...(outcome.kind === 'file' && { reason: outcome.reason }),
    header: outcome.header,
    sizeBytes: facts.sizeBytes,
    sha256: facts.sha256,
    storedBytes: (await stat(copyPath)).size,
    tables: outcome.kind === 'sql' ? outcome.tables : 0,
    rows: outcome.kind === 'sql' ? outcome.rows : 0,
  }
}

/** A journal beside an older file of this name would be played back into the new one: a copy's name is used once. */
async function refuseExisting(copyPath: string): Promise<void> {
  const held = await stat(copyPath).catch(() => undefined)
  if (held !== undefined) throw new CodedError('internal', 'a copy of this name exists')
}

/** Removes every file that a copy at `copyPath` has or had while it was made. Who reads it keeps its open file. */
export async function removeCopy(copyPath: string): Promise<void> {
  await removeAll(...['', '.source', '.building'].map((part) => copyPath + part))
}

async function removeAll(...paths: readonly string[]): Promise<void> {
  for (const path of paths) await removeSqliteFile(path)
}

/** Lets the disk write in a thread what is there, while indexes are made; what comes after is flushed in the end. */
function beginFlush(path: string): Promise<void> {
  const file = openSync(path, 'r')
  const flushed = new Promise<void>((resolve, reject) => {
    fsync(file, (cause) => {
      closeSync(file)
      if (cause) reject(cause)
      else resolve()
    })
  })
  // Heard when the copy is whole, if it gets there.
  flushed.catch(() => undefined)
  return flushed
}

/** Gives a finished file its name, durably. */
async function settle(from: string, to: string): Promise<void> {
  const file = await open(from, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  step('import-settle')
  await rename(from, to)
  flushFolder(dirname(to))
  step('import-settled')
}
