/**
 * The agent's small records as files of its home: one file per key, mode 0600, replaced whole (DC-23).
 * A crash leaves the old record or the new one, never a half.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { KeyStore } from '../ports.ts'

/** Fills the port `KeyStore` with files in `directory`, which is made (mode 0700) with the first record. */
export function createFileKeyStore(directory: string): KeyStore {
  return {
    async get(key) {
      try {
        return new Uint8Array(await readFile(join(directory, fileName(key))))
      } catch (cause) {
        if (errno(cause) === 'ENOENT') return undefined
        throw translateFileError(directory, cause)
      }
    },
    async set(key, value) {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await replaceFile(directory, fileName(key), value)
      } catch (cause) {
        throw translateFileError(directory, cause)
      }
    },
    async delete(key) {
      try {
        await rm(join(directory, fileName(key)), { force: true })
        await syncDirectory(directory)
      } catch (cause) {
        if (errno(cause) !== 'ENOENT') throw translateFileError(directory, cause)
      }
    },
  }
}

/** Every key has a name of its own on every file system: what is not lower-case or a digit is escaped. */
function fileName(key: string): string {
  const escaped = [...new TextEncoder().encode(key)].map((octet) => {
    const character = String.fromCharCode(octet)
    return /[a-z0-9-]/.test(character) ? character : `%${octet.toString(16).padStart(2, '0')}`
  })
  return `${escaped.join('')}.record`
}

async function replaceFile(directory: string, name: string, value: Uint8Array): Promise<void> {
  const temporary = join(directory, `.${randomBytes(8).toString('hex')}.new`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(value)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(directory, name))
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
  await syncDirectory(directory)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function errno(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

function translateFileError(directory: string, cause: unknown): CodedError {
  const full = ['ENOSPC', 'EDQUOT'].includes(errno(cause))
  return full
    ? new CodedError('storage.full', `no space left in ${directory}`, { cause, fields: { directory } })
    : new CodedError('storage.unavailable', `the records in ${directory} cannot be read or written`, {
        cause,
        next: 'Check the folder and its permissions, or choose another with --home.',
        fields: { directory },
      })
}
