/**
 * Copies of Items that a worker process keeps open between the jobs of a session: opening one costs more than a small
 * message, and the last one to close it writes its whole log back (BK-18). A copy that was removed or replaced meanwhile
 * is not used again.
 */

import { statSync } from 'node:fs'
import { type ItemFile, openItemFile } from './itemFile.ts'

export interface OpenFiles {
  /** @throws {CodedError} as `openItemFile`. */
  borrow(path: string, key: Uint8Array): ItemFile
  /** Gives a file back; with `failed` it is closed. */
  giveBack(path: string, file: ItemFile, failed: boolean): void
  close(): void
}

interface HeldFile {
  readonly file: ItemFile
  readonly keyHex: string
  /** Device and inode of the file at that path. */
  readonly identity: string
  usedAt: number
}

/** Files a process keeps open at most, each a handful of descriptors and a page cache. */
const MAX_OPEN = 8
const IDLE_MS = 3000

/** Keeps files open until they were idle for three seconds. */
export function keepFilesOpen(): OpenFiles {
  const held = new Map<string, HeldFile>()
  let timer: NodeJS.Timeout | undefined
  const drop = (path: string): void => {
    held.get(path)?.file.close()
    held.delete(path)
  }
  const sweep = (): void => {
    for (const [path, { usedAt }] of held) if (performance.now() - usedAt >= IDLE_MS) drop(path)
    if (held.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  return {
    borrow: (path, key) => {
      const keyHex = Buffer.from(key).toString('hex')
      const found = held.get(path)
      if (found !== undefined) {
        held.delete(path)
        if (found.keyHex === keyHex && found.identity === identityOf(path)) return found.file
        found.file.close()
      }
      return openItemFile(path, key)
    },
    giveBack: (path, file, failed) => {
      const identity = identityOf(path)
      if (failed || identity === undefined || held.has(path)) {
        file.close()
        return
      }
      held.set(path, { file, keyHex: file.keyHex, identity, usedAt: performance.now() })
      for (const oldest of held.keys()) {
        if (held.size <= MAX_OPEN) break
        drop(oldest)
      }
      timer ??= setInterval(sweep, IDLE_MS).unref()
    },
    close: () => {
      for (const path of [...held.keys()]) drop(path)
      clearInterval(timer)
      timer = undefined
    },
  }
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
