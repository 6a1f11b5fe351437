/**
 * Reads a folder, or one file, for its set. Names are octets throughout: they need not be UTF-8. Links are read, never
 * followed, but for the folder's own path. Rules FS-1, FS-5, FS-6.
 */

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import { CodedError } from '../../schemas/errors.ts'
import type { EntryFacts, FolderReader, FoundEntry, OctetPath, OpenFile } from '../files/filePorts.ts'

const SLASH = Buffer.from('/')

/** A reader of what lies at `root`. */
export function openFolderReader(root: string): FolderReader {
  const rootOctets = Buffer.from(root)
  const place = (path: OctetPath): Buffer =>
    path === '' ? rootOctets : Buffer.concat([rootOctets, SLASH, Buffer.from(path, 'latin1')])
  return { list: () => listAll(place, root), open: (path) => openFile(place(path)) }
}

function* listAll(place: (path: OctetPath) => Buffer, root: string): Generator<FoundEntry> {
  let stats: BigIntStats
  try {
    stats = statSync(place(''), { bigint: true })
  } catch (cause) {
    throw new CodedError('database.unknown', `there is no folder or file ${root}`, {
      cause,
      next: 'Check the path; a disk may not be mounted.',
      fields: { path: root },
    })
  }
  yield* describe(place, '', stats)
}

function* listEntry(place: (path: OctetPath) => Buffer, path: OctetPath): Generator<FoundEntry> {
  let stats: BigIntStats
  try {
    stats = lstatSync(place(path), { bigint: true })
  } catch (cause) {
    // Gone since its name was read: it is not there, as if it had been gone before.
    if (errnoOf(cause) !== 'ENOENT') yield { path, failure: errnoOf(cause) }
    return
  }
  yield* describe(place, path, stats)
}

function* describe(place: (path: OctetPath) => Buffer, path: OctetPath, stats: BigIntStats): Generator<FoundEntry> {
  const stamp = stampOf(stats)
  const changedAtMs = Number(stats.ctimeNs > stats.mtimeNs ? stats.ctimeNs : stats.mtimeNs) / 1e6
  const common = { mode: Number(stats.mode & 0o777n), mtimeUs: Number(stats.mtimeNs / 1000n) }
  const entry = (facts: EntryFacts): FoundEntry => ({ path, facts, stamp, changedAtMs })
  if (stats.isFile()) yield entry({ kind: 'file', ...common, sizeBytes: Number(stats.size), target: null })
  else if (stats.isSymbolicLink()) {
    try {
      const target = readlinkSync(place(path), { encoding: 'buffer' }).toString('latin1')
      yield entry({ kind: 'link', ...common, sizeBytes: 0, target })
    } catch (cause) {
      yield { path, failure: errnoOf(cause) }
    }
  } else if (stats.isDirectory()) {
    yield entry({ kind: 'folder', ...common, sizeBytes: 0, target: null })
    yield* listFolder(place, path)
  } else yield { path, special: true }
}

function* listFolder(place: (path: OctetPath) => Buffer, path: OctetPath): Generator<FoundEntry> {
  let names: Buffer[]
  try {
    names = readdirSync(place(path), { encoding: 'buffer' })
  } catch (cause) {
    yield { path, failure: errnoOf(cause) }
    return
  }
  for (const name of names.sort(Buffer.compare)) {
    const text = name.toString('latin1')
    yield* listEntry(place, path === '' ? text : `${path}/${text}`)
  }
}

function openFile(place: Buffer): OpenFile {
  const fd = openSync(place, constants.O_RDONLY)
  return {
    stamp: () => stampOf(fstatSync(fd, { bigint: true })),
    read: (into) => readSync(fd, into, 0, into.length, null),
    close: () => closeSync(fd),
  }
}

function stampOf({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string {
  return [size, mtimeNs, ctimeNs, ino, dev].join(' ')
}

function errnoOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (typeof code !== 'string') throw cause
  return code
}
