/**
 * Puts a small file in place whole or not at all: written beside its name, flushed, renamed, the folder flushed.
 */

import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { storageError } from './storageError.ts'

/**
 * Writes `content` to `path`, readable by the owner alone, durable when it returns.
 *
 * @throws {CodedError} `storage.full`, `storage.unavailable`.
 */
export function writeFileDurably(path: string, content: string | Uint8Array): void {
  const beside = `${path}.${process.pid}.new`
  try {
    writeAndFlush(beside, typeof content === 'string' ? Buffer.from(content) : content)
    renameSync(beside, path)
    flushFolder(dirname(path))
  } catch (cause) {
    rmSync(beside, { force: true })
    throw storageError(cause, `${path} cannot be written`)
  }
}

/**
 * Writes `content` to `path` unless something is there already, which then stays: of two processes that start
 * together one makes the file and the other finds it whole.
 *
 * @returns true if this call made it.
 * @throws {CodedError} `storage.full`, `storage.unavailable`.
 */
export function createFileOnce(path: string, content: string): boolean {
  if (existsSync(path)) return false
  const beside = `${path}.${process.pid}.new`
  try {
    writeAndFlush(beside, Buffer.from(content))
    return linkOnce(beside, path)
  } catch (cause) {
    throw storageError(cause, `${path} cannot be made`)
  } finally {
    rmSync(beside, { force: true })
  }
}

/**
 * Gives the flushed file `beside` the name `path` as well, unless something has it already.
 *
 * @returns true if this call gave the name.
 */
export function linkOnce(beside: string, path: string): boolean {
  try {
    // A link, unlike a rename, never overwrites.
    linkSync(beside, path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw storageError(cause, `${path} cannot be made`)
  }
  flushFolder(dirname(path))
  return true
}

/** Flushes a folder's own entries: after a rename or removal that must survive a power cut. */
export function flushFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function writeAndFlush(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w', 0o600)
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
