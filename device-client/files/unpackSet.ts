/**
 * From a set to a folder: every path, kind, block and size is checked before anything takes the target's name. Rules
 * FS-9 to FS-11.
 */

import { CodedError } from '../../schemas/errors.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { SqlDatabase, SqlValue } from '../ports.ts'
import type { EntryFacts, FilePorts, FolderWriter, OctetPath } from './filePorts.ts'
import { CODING, octetText, parseParts, readPathValue, SET_APPLICATION_ID } from './setTables.ts'

/** Octets of a path that any file system takes. */
const MAX_PATH_OCTETS = 32_768

export interface UnpackParts {
  readonly set: SqlDatabase
  readonly writer: FolderWriter
  readonly ports: Pick<FilePorts, 'sha256' | 'unpack'>
  /** One file, or one folder and what is in it; all if absent. */
  readonly only?: string
}

/**
 * Unpacks the set to the writer's target; returns how many entries there are. Nothing is placed if it throws.
 * @throws {CodedError} `integrity.mismatch` if it is no set, or not what it should be; `restore.unknown` if `only` is
 *   not in it; what the writer throws.
 */
export function unpackSet({ set, writer, ports, only }: UnpackParts): number {
  const [applicationId] = set.prepare('PRAGMA application_id').get() ?? []
  if (applicationId !== BigInt(SET_APPLICATION_ID)) throw broken('this is no set of files')
  const wanted = only === undefined ? '' : octetText(encodeUtf8(only))
  const folders = new Map<OctetPath, EntryFacts>()
  let count = 0
  writer.begin()
  try {
    for (const row of set
      .prepare('SELECT path, kind, mode, mtime, size, target, parts FROM entry ORDER BY CAST(path AS BLOB)')
      .iterate()) {
      const { path, facts, parts } = readEntry(row)
      const inside = placeOf(path, wanted)
      if (inside === undefined) continue
      expectFolder(folders, inside)
      if (facts.kind === 'folder') {
        writer.folder(inside)
        folders.set(inside, facts)
      } else if (facts.kind === 'link') writer.link(inside, facts)
      else writer.file(inside, facts, blocksOf(set, ports, displayName(inside), facts, parts))
      count++
    }
    if (count === 0) throw missing(only)
    writer.settle([...folders].map(([path, facts]) => ({ path, facts })))
    return count
  } catch (cause) {
    writer.discard()
    throw cause
  }
}

/** Where an entry comes to lie; undefined if it is not wanted. */
function placeOf(path: OctetPath, wanted: OctetPath): OctetPath | undefined {
  if (wanted === '' || path === wanted) return wanted === '' ? path : ''
  return path.startsWith(`${wanted}/`) ? path.slice(wanted.length + 1) : undefined
}

/** Folders come before what is in them: an entry under a link, a file or nothing would leave the target. */
function expectFolder(folders: ReadonlyMap<OctetPath, EntryFacts>, path: OctetPath): void {
  if (path === '') return
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  if (!folders.has(parent)) throw broken(`${displayName(path)} is in no folder of the set`)
}

function readEntry([pathCell, kind, mode, mtime, size, target, parts]: readonly SqlValue[]): {
  path: OctetPath
  facts: EntryFacts
  parts: string
} {
  const path = readPathValue(pathCell)
  if (path === undefined || !isSafePath(path)) throw broken('a path of the set is no path')
  if (kind !== 'folder' && kind !== 'file' && kind !== 'link') throw broken(`${displayName(path)} is of no known kind`)
  const numbers = [mode, mtime, size].map((cell) => (typeof cell === 'bigint' ? Number(cell) : Number.NaN))
  const [modeBits = 0, mtimeUs = 0, sizeBytes = 0] = numbers
  const link = readPathValue(target) ?? null
  const isWhole = numbers.every(Number.isSafeInteger) && sizeBytes >= 0
  if (!isWhole || (kind === 'link' && !link) || link?.includes('\0'))
    throw broken(`${displayName(path)} is not described`)
  const facts: EntryFacts = { kind, mode: modeBits & 0o777, mtimeUs, sizeBytes, target: link }
  return { path, facts, parts: typeof parts === 'string' ? parts : '' }
}

function isSafePath(path: OctetPath): boolean {
  if (path === '') return true
  if (path.length > MAX_PATH_OCTETS || path.includes('\0')) return false
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')
}

function* blocksOf(
  set: SqlDatabase,
  ports: UnpackParts['ports'],
  name: string,
  { sizeBytes }: EntryFacts,
  parts: string,
): Generator<Uint8Array> {
  const runs = parseParts(parts)
  if (runs === undefined) throw broken(`${name} has no list of blocks`)
  const block = set.prepare('SELECT digest, size, coding, data FROM block WHERE id=?')
  let written = 0
  for (const { first, last } of runs) {
    for (let id = first; id <= last; id++) {
      const [digest, size, coding, data] = block.get(BigInt(id)) ?? []
      if (!(digest instanceof Uint8Array && data instanceof Uint8Array))
        throw broken(`block ${id} of ${name} is missing`)
      const octets = coding === BigInt(CODING.plain) ? data : ports.unpack(data, Number(size))
      const found = ports.sha256(octets)
      if (!digest.every((octet, i) => octet === found[i]) || digest.length !== found.length)
        throw broken(`block ${id} of ${name} has another digest`)
      written += octets.length
      if (written > sizeBytes) break
      yield octets
    }
  }
  if (written !== sizeBytes) throw broken(`${name} has ${written} of ${sizeBytes} octets`)
}

function displayName(path: OctetPath): string {
  return path === '' ? 'the set' : path.slice(-200)
}

function broken(message: string): CodedError {
  return new CodedError('integrity.mismatch', message)
}

function missing(only: string | undefined): CodedError {
  return new CodedError('restore.unknown', `${only ?? 'the folder'} is not in this restore point`, {
    next: 'Name it as it lies in the folder, with / between names.',
  })
}
