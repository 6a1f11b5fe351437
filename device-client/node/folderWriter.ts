/**
 * Builds a restored folder, or one file, beside its target and gives it the target's name when it is whole and flushed.
 * What lay there before is kept aside under a name with the time; nothing of the user's is removed. Rules FS-9, FS-10.
 */

import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { EntryFacts, FolderWriter, OctetPath } from '../files/filePorts.ts'

const SLASH = Buffer.from('/')

/**
 * A writer of the target `path`.
 * @throws {CodedError} `restore.target-exists` if something that is not `own` lies there, but an empty folder.
 */
export function openFolderWriter(path: string, own: boolean, now: () => number): FolderWriter {
  if (!own && !isFree(path)) throw occupied(path)
  const beside = `${path}.nightferry-new`
  const place = (inside: OctetPath): Buffer =>
    inside === '' ? Buffer.from(beside) : Buffer.concat([Buffer.from(beside), SLASH, Buffer.from(inside, 'latin1')])
  let keptAside: string | undefined
  const translated = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw translate(path, cause)
    }
  }
  return {
    begin: () =>
      translated(() => {
        removeOwn(beside)
        mkdirSync(dirname(path), { recursive: true })
      }),
    folder: (inside) => translated(() => mkdirSync(place(inside), { mode: 0o700 })),
    link: (inside, { target, mtimeUs }) =>
      translated(() => {
        symlinkSync(Buffer.from(target ?? '', 'latin1'), place(inside))
        lutimesSync(place(inside), seconds(mtimeUs), seconds(mtimeUs))
      }),
    file: (inside, facts, blocks) => translated(() => writeFile(place(inside), facts, blocks)),
    settle: (folders) =>
      translated(() => {
        // The deepest first: what is made in a folder changes its time.
        for (const { path: inside, facts } of folders.toReversed()) finish(place(inside), facts)
        keptAside = takeName(beside, path, now())
      }),
    discard: () => removeOwn(beside),
    get keptAside() {
      return keptAside
    },
  }
}

function isFree(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined || (stats.isDirectory() && readdirSync(path).length === 0)
}

/** What was built before, or half built: folders may not even be writable. */
function removeOwn(beside: string): void {
  if (!lstatSync(beside, { throwIfNoEntry: false })) return
  openUp(Buffer.from(beside))
  rmSync(beside, { recursive: true, force: true })
}

function openUp(place: Buffer): void {
  if (!lstatSync(place).isDirectory()) return
  chmodSync(place, 0o700)
  for (const name of readdirSync(place, { encoding: 'buffer' })) openUp(Buffer.concat([place, SLASH, name]))
}

/** Only a new file is written to: nothing that lies there already is ever followed. */
function writeFile(place: Buffer, { mode, mtimeUs }: EntryFacts, blocks: Iterable<Uint8Array>): void {
  const fd = openSync(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    for (const block of blocks) {
      for (let done = 0; done < block.length; ) done += writeSync(fd, block, done, block.length - done)
    }
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  chmodSync(place, mode)
  utimesSync(place, seconds(mtimeUs), seconds(mtimeUs))
}

function finish(place: Buffer, { mode, mtimeUs }: EntryFacts): void {
  flush(place)
  utimesSync(place, seconds(mtimeUs), seconds(mtimeUs))
  chmodSync(place, mode)
}

/** Half a microsecond on: the platform rounds fractions of seconds, and may not fall below. */
function seconds(us: number): number {
  return (us + 0.5) / 1e6
}

/** @returns where what lay there is now. */
function takeName(beside: string, path: string, now: number): string | undefined {
  let keptAside: string | undefined
  if (lstatSync(path, { throwIfNoEntry: false })) {
    const time = new Date(now).toISOString().replace(/[:.]/g, '-')
    keptAside = `${path}.before-restore-${time}`
    if (existsSync(keptAside)) throw occupied(keptAside)
    renameSync(path, keptAside)
  }
  try {
    renameSync(beside, path)
  } catch (cause) {
    if (keptAside !== undefined) renameSync(keptAside, path)
    throw cause
  }
  flush(Buffer.from(dirname(path)))
  return keptAside
}

function flush(folder: Buffer): void {
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function occupied(path: string): CodedError {
  return new CodedError('restore.target-exists', `something lies at ${path} already`, {
    next: 'Restore to a path that is not there, or to an empty folder.',
    fields: { path },
  })
}

function translate(path: string, cause: unknown): unknown {
  if (cause instanceof CodedError || !(cause instanceof Error) || !('code' in cause)) return cause
  const errno = String(cause.code)
  const full = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG'
  return new CodedError(full ? 'storage.full' : 'storage.unavailable', `${path} cannot be written: ${errno}`, {
    cause,
    fields: { path, errno },
  })
}
