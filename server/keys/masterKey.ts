/**
 * The master key file of the embedded default: 256 random bits as hex text, mode 0600, made on first start.
 * Whoever reads it reads everything, so a file that others may read is refused rather than used.
 */

import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { storageError } from '../storage/storageError.ts'
import { createFileOnce, flushFolder, linkOnce, writeFileDurably } from '../storage/writeFileDurably.ts'
import { keyIdOf } from './generation.ts'

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
  const created = options.create && createFileOnce(path, formatKey(randomBytes(32)))
  return { key: readKey(path), created }
}

/** Makes a file of `key`. @throws {CodedError} `config.invalid` if something is there, `storage.*`. */
export function writeMasterKey(path: string, key: Uint8Array): void {
  if (!existsSync(dirname(path)))
    throw new CodedError('config.invalid', `${dirname(path)} is not there`, { next: 'Make that folder first.' })
  if (createFileOnce(path, formatKey(key))) return
  throw new CodedError('config.invalid', `${path} is there already`, { next: 'Name a file that is not there yet.' })
}

/** Writes a new master key beside the one at `path`, in place of what a rotation that was cut off left there (KY-3). */
export function prepareMasterKey(path: string): Uint8Array {
  const key = randomBytes(32)
  writeFileDurably(nextTo(path), formatKey(key))
  return key
}

/** Gives the prepared file the name `path`; the one of before stays as `<path>.<its key id>`. @throws `storage.*`. */
export function placeMasterKey(path: string): void {
  try {
    linkOnce(path, `${path}.${keyIdOf(readKey(path))}`)
    renameSync(nextTo(path), path)
    flushFolder(dirname(path))
  } catch (cause) {
    throw storageError(cause, `${path} cannot be replaced`)
  }
}

/** The prepared key, if it is that of `keyId`: the rotation went so far, and only the file's name is missing. */
export function findPreparedKey(path: string, keyId: string): Uint8Array | undefined {
  if (!existsSync(nextTo(path))) return undefined
  const key = readKey(nextTo(path))
  return keyIdOf(key) === keyId ? key : undefined
}

/** A key as hex text. @throws {CodedError} `config.invalid`; the text is not in the message. */
export function parseMasterKey(text: string, what: string): Uint8Array {
  const hex = text.trim().toLowerCase()
  if (KEY_HEX.test(hex)) return Buffer.from(hex, 'hex')
  throw new CodedError('config.invalid', `${what} is no master key`, {
    next: 'A master key is 64 hexadecimal digits, e.g. the output of: openssl rand -hex 32',
  })
}

function nextTo(path: string): string {
  return `${path}.next`
}

function formatKey(key: Uint8Array): string {
  return `${HEADER}\n${Buffer.from(key).toString('hex')}\n`
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
