/**
 * The server's epoch: a random id of the data folder's life. It is in no backup of the server, so a data folder that was
 * made of one begins another, and devices notice that what they were told may be forgotten (SB-7).
 */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { isToken } from '../../schemas/syncml/position.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'

const EPOCH_FILE = 'epoch'

/** The epoch of a data folder; the first call begins one. @throws {CodedError} `storage.*` if it cannot be kept. */
export function openEpoch(dataFolder: string): string {
  return readEpoch(dataFolder) ?? beginEpoch(dataFolder)
}

/** Begins another epoch, durably. A server that runs tells it after its next start. @throws {CodedError} `storage.*`. */
export function beginEpoch(dataFolder: string): string {
  const epoch = randomBytes(16).toString('hex')
  writeFileDurably(join(dataFolder, EPOCH_FILE), `${epoch}\n`)
  return epoch
}

/** Undefined if there is none, or a file that is none of ours: then another one begins. */
function readEpoch(dataFolder: string): string | undefined {
  try {
    const text = readFileSync(join(dataFolder, EPOCH_FILE), 'utf8').trim()
    return isToken(text) ? text : undefined
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('storage.unavailable', 'the epoch cannot be read', { cause })
  }
}
