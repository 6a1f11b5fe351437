/**
 * Fills the storage port with files under one folder. An object is written beside its name, flushed and renamed.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, open, opendir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { step } from '../steps.ts'
import type { Storage } from './storage.ts'
import { isMissing, storageError } from './storageError.ts'

const KEY = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/
/** Names of unfinished objects; no key contains this character. */
const UNFINISHED = '~'

/** Storage under `folder`, which is made when needed. */
export function openFileStorage(folder: string): Storage {
  const pathOf = (key: string): string => {
    if (!KEY.test(key)) throw new TypeError(`not a storage key: ${key}`)
    return join(folder, key)
  }
  return {
    put: (key, bytes, { durable = true } = {}) => {
      const path = pathOf(key)
      return translated(`object ${key} cannot be written`, () => putFile(path, bytes, durable))
    },
    get: (key, range) => {
      const path = pathOf(key)
      return translated(`object ${key} cannot be read`, () => getFile(path, range))
    },
    delete: (key) => {
      const path = pathOf(key)
      return translated(`object ${key} cannot be removed`, async () => {
        await rm(path, { force: true })
        await flushFolder(dirname(path)).catch(ignoreMissing)
      })
    },
    list: (prefix) => listFiles(folder, prefix),
  }
}

/** Removes objects under `folder` that were never finished. Only while nobody writes there. */
export async function removeUnfinished(folder: string): Promise<void> {
  await translated('unfinished objects cannot be removed', async () => {
    for (const name of (await readdir(folder, { recursive: true }).catch(ignoreMissing)) ?? [])
      if (name.includes(UNFINISHED)) await rm(join(folder, name), { force: true })
  })
}

async function translated<T>(message: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn()
  } catch (cause) {
    throw storageError(cause, message)
  }
}

function ignoreMissing(cause: unknown): undefined {
  if (isMissing(cause)) return undefined
  throw cause
}

async function putFile(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const beside = `${path}${UNFINISHED}${randomBytes(6).toString('hex')}`
  try {
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      if (durable) await file.sync()
    } finally {
      await file.close()
    }
    step('segment-write')
    await rename(beside, path)
    if (durable) await flushFolder(dirname(path))
  } catch (cause) {
    await rm(beside, { force: true })
    throw cause
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function getFile(path: string, range?: { start: number; end: number }): Promise<Uint8Array | undefined> {
  const file = await open(path, 'r').catch(ignoreMissing)
  if (file === undefined) return undefined
  try {
    const { size } = await file.stat()
    const start = Math.min(range?.start ?? 0, size)
    const end = Math.min(range?.end ?? size, size)
    const bytes = Buffer.alloc(Math.max(0, end - start))
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done)
      if (bytesRead === 0) return bytes.subarray(0, done)
      done += bytesRead
    }
    return bytes
  } finally {
    await file.close()
  }
}

async function* listFiles(folder: string, prefix: string): AsyncGenerator<string> {
  // Only the folder that the prefix names can hold matches.
  const start = join(folder, prefix.slice(0, prefix.lastIndexOf('/') + 1))
  let entries: Awaited<ReturnType<typeof opendir>> | undefined
  try {
    entries = await opendir(start, { recursive: true })
  } catch (cause) {
    if (isMissing(cause)) return
    throw storageError(cause, 'objects cannot be listed')
  }
  for await (const entry of entries) {
    const key = relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (entry.isFile() && key.startsWith(prefix) && !key.includes(UNFINISHED)) yield key
  }
}
