/**
 * A folder of files as a source of items, after the vdir convention: one item per file, names that stay, names that begin
 * with a dot are nobody's items. A reader sees the old file or the new one, never a half. Rules DC-65, DC-68.
 */

import { randomBytes } from 'node:crypto'
import { link, lstat, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_ITEM_BYTES, MAX_ITEMS_PER_STORE } from '../../schemas/limits.ts'
import { contentDigest } from '../sync/contentDigest.ts'
import type { ItemSource, ReplaceOutcome, SourceScan } from '../sync/itemSource.ts'

/** Longest name of a file, in octets of UTF-8: what common file systems take. */
const MAX_NAME_BYTES = 255

/** Fills the port `ItemSource` with the files of `folder` whose names end in `ending`, such as `.vcf`. */
export function openVdirSource(folder: string, ending: string): ItemSource {
  const paths: Paths = { folder, ending }
  return {
    scan: () => translated(folder, () => scan(paths)),
    read: (luid) => translated(folder, () => readItem(paths, luid)),
    asKept: (octets) => octets,
    chooseLuid: async () => newName(paths),
    add: (luid, octets) => translated(folder, () => addItem(paths, luid, octets)),
    replace: (luid, octets, expected) => translated(folder, () => replaceItem(paths, luid, octets, expected)),
    remove: (luid, expected) => translated(folder, () => removeItem(paths, luid, expected)),
    close: async () => undefined,
  }
}

interface Paths {
  readonly folder: string
  readonly ending: string
}

const newName = ({ ending }: Paths) => `${randomBytes(16).toString('hex')}${ending}`

/** A LUID comes from a server too: nothing but a plain name of this folder is one. */
function isItemName({ ending }: Paths, name: string): boolean {
  return (
    /^[^./\\\p{Cc}][^/\\\p{Cc}]*$/u.test(name) && name.endsWith(ending) && Buffer.byteLength(name) <= MAX_NAME_BYTES
  )
}

async function scan(paths: Paths): Promise<SourceScan> {
  const names = (await readdir(paths.folder)).filter((name) => isItemName(paths, name))
  if (names.length > MAX_ITEMS_PER_STORE) {
    throw new CodedError('protocol.too-large', `${paths.folder} holds more than ${MAX_ITEMS_PER_STORE} items`)
  }
  const digests = new Map<string, string>()
  const unreadable: { luid: string; reason: string }[] = []
  for (const luid of names) {
    try {
      const octets = await readItem(paths, luid)
      if (octets !== undefined) digests.set(luid, contentDigest(octets))
    } catch (cause) {
      unreadable.push({ luid, reason: cause instanceof Error ? cause.message : String(cause) })
    }
  }
  return { digests, unreadable }
}

async function readItem(paths: Paths, luid: string): Promise<Uint8Array | undefined> {
  if (!isItemName(paths, luid)) return undefined
  const path = join(paths.folder, luid)
  const entry = await unlessGone(lstat(path))
  if (entry === undefined) return undefined
  // What a link leads to may be replaced or be gone; the item is the file itself.
  if (!entry.isFile()) throw new CodedError('content.invalid', 'it is no plain file')
  if (entry.size > MAX_ITEM_BYTES) throw new CodedError('protocol.too-large', `it has ${entry.size} octets`)
  const octets = await unlessGone(readFile(path))
  return octets && new Uint8Array(octets)
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw cause
  }
}

function checkName(paths: Paths, luid: string): void {
  if (!isItemName(paths, luid)) throw new CodedError('content.invalid', `not a name of an item: ${luid.slice(0, 80)}`)
}

async function addItem(paths: Paths, luid: string, octets: Uint8Array): Promise<void> {
  checkName(paths, luid)
  const temporary = await writeTemporary(paths, octets)
  try {
    // A link never takes the place of a file that somebody made meanwhile.
    await link(temporary, join(paths.folder, luid))
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(paths)
}

async function replaceItem(
  paths: Paths,
  luid: string,
  octets: Uint8Array,
  expected: string | undefined,
): Promise<ReplaceOutcome> {
  checkName(paths, luid)
  const path = join(paths.folder, luid)
  const temporary = await writeTemporary(paths, octets)
  try {
    const held = await readItem(paths, luid)
    const digest = held && contentDigest(held)
    const changed = digest !== undefined && digest !== expected && digest !== contentDigest(octets)
    const kept = newName(paths)
    // The second name is there before the first one is taken: at no moment is the local change without one.
    if (changed) await link(path, join(paths.folder, kept))
    await rename(temporary, path)
    await syncFolder(paths)
    return changed ? { kind: 'kept-both', luid: kept } : { kind: 'replaced' }
  } finally {
    await rm(temporary, { force: true })
  }
}

async function removeItem(paths: Paths, luid: string, expected: string): Promise<'removed' | 'changed' | 'absent'> {
  const held = await readItem(paths, luid)
  if (held === undefined) return 'absent'
  if (contentDigest(held) !== expected) return 'changed'
  await rm(join(paths.folder, luid), { force: true })
  await syncFolder(paths)
  return 'removed'
}

/** The octets, flushed, under a name that is no item. */
async function writeTemporary({ folder }: Paths, octets: Uint8Array): Promise<string> {
  const temporary = join(folder, `.nightferry-${randomBytes(8).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(octets)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
  return temporary
}

async function syncFolder({ folder }: Paths): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function errno(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

async function translated<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    if (['ENOSPC', 'EDQUOT'].includes(errno(cause)))
      throw new CodedError('storage.full', `no space left in ${folder}`, { cause, fields: { folder } })
    throw new CodedError('storage.unavailable', `the folder ${folder} cannot be read or written`, {
      cause,
      next: 'Check the folder and its permissions.',
      fields: { folder },
    })
  }
}
