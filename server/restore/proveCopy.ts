/**
 * Proves in a child process that a copy can be restored: its image is made as for a device, then every table and index of
 * it is checked (RS-19). Nothing is left.
 */

import { CodedError } from '../../schemas/errors.ts'
import { isSystemName, quoteName, type SchemaObject } from '../backup/copyLayout.ts'
import { pagePassphrase } from '../backup/pageCipher.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { rewindInto } from '../timeMachine/pastJobs.ts'
import { buildPlainImage, type CopySource, type ImageOrder, type ImagePlace } from './buildImage.ts'

/** What is proven: a copy with everything it remembers, or one state that it remembers. */
export type ProofInput = CopySource & ImagePlace & Pick<ImageOrder, 'pastToken'>

/** What a proof says. */
export interface ProofOutcome {
  /** `unchecked`: a sealed file that this SQLite cannot judge; all of its pages were read. */
  readonly kind: 'proven' | 'unchecked'
  /** Where the copy stood; a sealed file does not know it. */
  readonly token?: string
}

/** @throws {CodedError} `storage.corrupt` if the copy cannot be restored; else as `buildPlainImage`. */
export async function proveCopy(input: ProofInput): Promise<ProofOutcome> {
  const { pastToken } = input
  if (pastToken !== undefined) return provePast(input, pastToken)
  const outcome = await proveImage(input)
  if (input.kind === 'sql') checkCopy(input)
  return outcome
}

async function provePast(input: ProofInput, token: string): Promise<ProofOutcome> {
  const scratch = `${input.imagePath}.past`
  await rewindInto(input, token, scratch)
  try {
    return await proveImage({ ...input, copyPath: scratch })
  } finally {
    await removeSqliteFile(scratch)
  }
}

/** What the copy remembers, and its own indexes, are in no image. */
function checkCopy({ copyPath, copyKey }: CopySource): void {
  const key = Buffer.from(copyKey, 'hex')
  const copy = openDatabase(copyPath, { cipher: { kind: 'aegis', key }, readonly: true })
  try {
    copy.pragma('ignore_check_constraints=ON')
    const found = check(copy, 'integrity_check(1)')
    if (found !== undefined && found !== 'ok') throw new CodedError('storage.corrupt', `the copy: ${found}`)
  } finally {
    copy.close()
  }
}

async function proveImage(input: CopySource & ImagePlace): Promise<ProofOutcome> {
  try {
    const { position } = await buildPlainImage(input)
    const passphrase = pagePassphrase(Buffer.from(input.imageKey, 'hex'))
    const image = openDatabase(input.imagePath, { cipher: { kind: 'aes256cbc', passphrase }, readonly: true })
    try {
      const isJudged = checkImage(image)
      return { kind: isJudged ? 'proven' : 'unchecked', ...(position && { token: position.token }) }
    } finally {
      image.close()
    }
  } finally {
    await removeSqliteFile(input.imagePath)
  }
}

/** False if a definition is beyond this SQLite: an unknown collation, function or module. @throws `storage.corrupt`. */
function checkImage(image: SqlDatabase): boolean {
  image.pragma('ignore_check_constraints=ON')
  let isJudged = true
  for (const { name } of tablesOf(image)) {
    const found = check(image, `integrity_check(${quoteName(name)})`)
    if (found === undefined) isJudged = false
    else if (found !== 'ok') throw new CodedError('storage.corrupt', `table ${name}: ${found}`)
  }
  return isJudged
}

function check(image: SqlDatabase, pragma: string): string | undefined {
  try {
    return String(image.pragma(pragma))
  } catch (cause) {
    const { code, message } = cause as { code?: unknown; message?: unknown }
    if (code === 'SQLITE_ERROR') return undefined
    throw new CodedError('storage.corrupt', `an image cannot be read: ${String(message)}`, { cause })
  }
}

function tablesOf(image: SqlDatabase): Pick<SchemaObject, 'name'>[] {
  return image
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND coalesce(rootpage, 0) > 0")
    .all()
    .map(([name]) => ({ name: String(name) }))
    .filter(({ name }) => !isSystemName(name))
}
