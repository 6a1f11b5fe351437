/**
 * The time machine's work on copies, as jobs of a child process (BK-8): what a copy remembers, a second file of it, and a
 * scratch copy that stands at a past point.
 */

import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { CopyPlace } from '../backup/copyKey.ts'
import { type CopyPosition, readMeta } from '../backup/copyLayout.ts'
import { type PastPoint, readPast } from '../backup/pastLayout.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import { startFileCopier } from '../sql/fileCopier.ts'
import { holdSqliteFile } from '../sql/holdSqliteFile.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import { flushFolder } from '../storage/writeFileDurably.ts'
import { dropPoints } from './dropPoints.ts'
import { rewindCopy } from './rewindCopy.ts'

/** Where a copy stands, and what it remembers, newest first. */
export interface CopyPast {
  readonly head: CopyPosition
  readonly points: readonly PastPoint[]
}

/** @throws {CodedError} as `openDatabase`, `readMeta`. */
export async function listPastJob({ copyPath, copyKey }: CopyPlace): Promise<CopyPast> {
  const copy = openDatabase(copyPath, { cipher: { kind: 'aegis', key: Buffer.from(copyKey, 'hex') } })
  try {
    const { lineage, number, token } = readMeta(copy)
    return {
      head: { lineage, number, token },
      points: readPast(copy).map(({ header: _, objects: __, ...point }) => point),
    }
  } finally {
    copy.close()
  }
}

/** Makes a second file of a copy, while it may be written; durable when it resolves. @throws {CodedError} `storage.*`. */
export async function copyCopyJob({ copyPath, copyKey, to }: CopyPlace & { readonly to: string }): Promise<void> {
  await copyFile({ copyPath, copyKey }, to, false)
  flushFolder(dirname(to))
}

/** Forgets points of a copy; their rows go to the older points that need them. @throws {CodedError} as `openDatabase`. */
export async function dropPastJob(
  input: CopyPlace & { readonly tokens: readonly string[] },
): Promise<{ readonly freedBytes: number }> {
  const key = Buffer.from(input.copyKey, 'hex')
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'aegis', key }, pragmas: ['synchronous=FULL'] })
  try {
    return dropPoints(copy, new Set(input.tokens))
  } finally {
    copy.close()
  }
}

/**
 * Makes a scratch copy at `to` that stands at the point `token`; whoever asked for it removes it.
 * @throws {CodedError} `restore.unknown`, `storage.*`; nothing is at `to` then.
 */
export async function rewindInto(place: CopyPlace, token: string, to: string): Promise<void> {
  try {
    await copyFile(place, to, true)
    const cipher = { kind: 'aegis', key: Buffer.from(place.copyKey, 'hex') } as const
    const scratch = openDatabase(to, { cipher, pragmas: ['synchronous=OFF', 'ignore_check_constraints=ON'] })
    try {
      // It is thrown away if anything fails; a journal would hold all it changes in memory.
      scratch.pragma('journal_mode=OFF')
      rewindCopy(scratch, token)
    } finally {
      scratch.close()
    }
  } catch (cause) {
    await removeSqliteFile(to)
    throw cause
  }
}

async function copyFile({ copyPath, copyKey }: CopyPlace, to: string, brief: boolean): Promise<void> {
  const copier = startFileCopier()
  try {
    const copied = await holdSqliteFile(copyPath, Buffer.from(copyKey, 'hex'), async () =>
      brief ? copier.copyBriefly(copyPath, to) : (await copier.copy(copyPath, to)) !== undefined,
    )
    if (!copied) throw new CodedError('storage.unavailable', 'the copy is gone', { fields: { path: copyPath } })
  } finally {
    copier.close()
  }
}
