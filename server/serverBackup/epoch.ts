/**
 * The server's epoch: a random id of the data folder's life. It is in no backup of the server, so a data folder that was
 * made of one begins another, and devices notice that what they were told may be forgotten (SB-7).
 */

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { isToken } from '../../schemas/syncml/position.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'

const EPOCH_FILE = 'epoch'

/**
 * The epoch of a data folder; the first call begins one. One that is damaged, which `onDamage` is told, gives way to
 * another: devices compare once, and nothing is lost.
 * @throws {CodedError} `storage.*` if it cannot be kept.
 */
export function openEpoch(dataFolder: string, onDamage: () => void): string {
  const held = readEpoch(dataFolder)
  if (held === 'damaged') onDamage()
  return held === undefined || held === 'damaged' ? beginEpoch(dataFolder) : held
}

/** Begins another epoch, durably. A server that runs tells it after its next start. @throws {CodedError} `storage.*`. */
export function beginEpoch(dataFolder: string): string {
  const epoch = randomBytes(16).toString('hex')
  writeFileDurably(join(dataFolder, EPOCH_FILE), `${epoch} ${checkOf(epoch)}\n`)
  return epoch
}

function readEpoch(dataFolder: string): string | 'damaged' | undefined {
  try {
    // Those of before have no check.
    const [epoch = '', check = checkOf(epoch), ...rest] = readFileSync(join(dataFolder, EPOCH_FILE), 'utf8')
      .trimEnd()
      .split(' ')
    return isToken(epoch) && check === checkOf(epoch) && rest.length === 0 ? epoch : 'damaged'
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('storage.unavailable', 'the epoch cannot be read', { cause })
  }
}

function checkOf(epoch: string): string {
  return createHash('sha256').update(epoch).digest('hex').slice(0, 16)
}
