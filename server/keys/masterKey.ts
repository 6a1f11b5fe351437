/**
 * The master key file of the embedded default: 256 random bits as hex text, mode 0600, made on first start.
 * Whoever reads it reads everything, so a file that others may read is refused rather than used.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { CodedError } from '../../schemas/errors.ts'
import { createFileOnce } from '../storage/writeFileDurably.ts'

const HEADER = 'nightferry master key v1'
const KEY_HEX = /^[0-9a-f]{64}$/

/** The key and whether this call made its file, so that the caller can tell the operator to keep a copy. */
export interface MasterKeyFile {
  readonly key: Uint8Array
  readonly created: boolean
}

/**
 * Reads the master key; with `create` makes the file if there is none.
 *
 * @throws {CodedError} `config.invalid` if the file is missing, readable by others or not a master key.
 */
export function openMasterKey(path: string, options: { readonly create: boolean }): MasterKeyFile {
  const created = options.create && createFileOnce(path, `${HEADER}\n${randomBytes(32).toString('hex')}\n`)
  return { key: readKey(path), created }
}

function readKey(path: string): Uint8Array {
  const file = openForReading(path)
  try {
    const mode = fstatSync(file).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new CodedError('config.invalid', `the master key file ${path} has mode 0${mode.toString(8)}`, {
        next: `Run chmod 600 ${path}; if others could read it, treat the stored data as readable by them.`,
      })
    }
    const [header, hex] = readFileSync(file, 'utf8').split('\n')
    if (header !== HEADER || hex === undefined || !KEY_HEX.test(hex))
      throw new CodedError('config.invalid', `${path} is not a master key file`)
    return Buffer.from(hex, 'hex')
  } finally {
    closeSync(file)
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new CodedError('config.invalid', `the master key file ${path} cannot be read`, {
      cause,
      next: 'Without its master key the data of a server cannot be opened; put the file back.',
    })
  }
}
