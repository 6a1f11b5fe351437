/** For `/readyz`: whether a folder takes bytes and gives them durably. */

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError } from './storageError.ts'

/** Writes, flushes and removes a small file in `folder`. @throws {CodedError} `storage.full`, `storage.unavailable`. */
export async function checkWritable(folder: string): Promise<void> {
  const path = join(folder, `.ready-${process.pid}`)
  try {
    await writeFile(path, 'ready', { mode: 0o600, flush: true })
  } catch (cause) {
    throw storageError(cause, `${folder} cannot be written`)
  } finally {
    await rm(path, { force: true })
  }
}
