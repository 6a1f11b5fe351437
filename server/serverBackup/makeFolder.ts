/** Makes a folder whole or not at all: beside its name, every file flushed, renamed last (SB-4, SB-5). */

import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { type FileCopier, startFileCopier } from '../sql/fileCopier.ts'
import { storageError } from '../storage/storageError.ts'
import { flushFolder } from '../storage/writeFileDurably.ts'

/**
 * Makes `target` of what `fill` puts into the folder it is given; an empty `target` may be there.
 * @throws {CodedError} `config.invalid` if the folder cannot be made there, `storage.*`, or what `fill` threw; nothing is
 *   at `target` then.
 */
export async function makeFolder<T>(
  target: string,
  fill: (folder: string, copier: FileCopier) => Promise<T>,
): Promise<T> {
  requireFree(target)
  removeLeftovers(target)
  const folder = `${target}.unfinished-${process.pid}`
  const copier = startFileCopier()
  try {
    mkdirSync(folder, { mode: 0o700 })
    const made = await fill(folder, copier)
    flushFolders(folder)
    if (existsSync(target)) rmdirSync(target)
    renameSync(folder, target)
    flushFolder(dirname(target))
    return made
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    throw storageError(cause, `${target} cannot be made`)
  } finally {
    copier.close()
  }
}

function requireFree(folder: string): void {
  if (!existsSync(dirname(folder)))
    throw new CodedError('config.invalid', `${dirname(folder)} is not there`, { next: 'Make that folder first.' })
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CodedError('config.invalid', `${folder} is not empty`, { next: 'Name a folder that is not there yet.' })
}

/** What earlier runs for the same name left when they were killed. */
function removeLeftovers(target: string): void {
  const prefix = `${basename(target)}.unfinished-`
  for (const name of readdirSync(dirname(target))) {
    if (name.startsWith(prefix) && !isRunning(Number(name.slice(prefix.length))))
      rmSync(join(dirname(target), name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function flushFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) flushFolders(join(folder, entry.name))
  flushFolder(folder)
}
