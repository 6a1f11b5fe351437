/** Where tests keep files that need to survive no power cut: in memory, where the system has a file system there. */

import { accessSync, constants, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'

/** A new folder whose name begins with `prefix`; the caller removes it. */
export function makeMemoryFolder(prefix: string): string {
  return mkdtempSync(join(isWritable(MEMORY) ? MEMORY : tmpdir(), prefix))
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
