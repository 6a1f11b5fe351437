/**
 * Compares a folder with the picture of its set: entries that changed are noted, new blocks go into the stage. Whatever
 * cannot be read keeps its old state. Rules FS-3 to FS-7.
 */

import { CodedError } from '../../schemas/errors.ts'
import { wouldEmpty } from '../../schemas/suddenlyEmpty.ts'
import type { FilePorts, FolderReader, FoundEntry, OctetPath } from './filePorts.ts'
import { type BlockSink, readFileBlocks } from './readFileBlocks.ts'
import type { PicturedEntry, SetPicture } from './setPicture.ts'
import { displayPath, entryRow } from './setTables.ts'

export interface ScanOptions {
  readonly reader: FolderReader
  readonly picture: SetPicture
  /** Takes new blocks; for a whole set, entries too. */
  readonly sink: BlockSink
  readonly ports: Pick<FilePorts, 'sha256' | 'pack'>
  /** Nothing is at the server: everything is new. */
  readonly afresh: boolean
  readonly checksum: boolean
  readonly allowEmpty: boolean
  readonly nowMs: number
}

/** A path and why it is not in the backup as it is now. */
export interface PathNote {
  readonly path: string
  readonly reason: string
}

export interface ScanReport {
  readonly entries: number
  /** Files that were read. */
  readonly read: number
  readonly unread: readonly PathNote[]
  readonly skipped: readonly PathNote[]
}

/** A file that changed so shortly before it was read may change again within the same tick of the file system's clock. */
const FRESH_MS = 2000

type Readable = Extract<FoundEntry, { facts: unknown }>

/** @throws {CodedError} `sync.emptied` (FS-7), `database.unknown`; what the stage throws. */
export function scanFolder(options: ScanOptions): ScanReport {
  return new Scan(options).run()
}

class Scan {
  readonly #options: ScanOptions
  readonly #seen = new Set<OctetPath>()
  readonly #kept: OctetPath[] = []
  readonly #unread: PathNote[] = []
  readonly #skipped: PathNote[] = []
  #read = 0

  constructor(options: ScanOptions) {
    this.#options = options
  }

  run(): ScanReport {
    const { reader, picture, afresh, allowEmpty } = this.#options
    const before = picture.countEntries()
    for (const found of reader.list()) this.#take(found)
    const entries = this.#seen.size
    const gone = [...picture.paths()].filter((path) => !this.#seen.has(path))
    const kept = gone.filter((path) => this.#isKept(path))
    if (!allowEmpty && wouldEmpty(before, entries + kept.length)) throw emptied(before, entries)
    if (!afresh) {
      const stay = new Set(kept)
      for (const path of gone) if (!stay.has(path)) picture.noteGone(path)
      picture.noteUnsure()
    }
    return { entries, read: this.#read, unread: this.#unread, skipped: this.#skipped }
  }

  #take(found: FoundEntry): void {
    if ('special' in found) this.#skipped.push({ path: displayPath(found.path), reason: 'no file, folder or link' })
    else if ('failure' in found) this.#fail(found.path, found.failure)
    else {
      this.#seen.add(found.path)
      this.#takeEntry(found)
    }
  }

  #takeEntry(found: Readable): void {
    const { picture, afresh, checksum } = this.#options
    const { path, facts, stamp } = found
    const held = afresh ? undefined : picture.entry(path)
    let parts: string | null = null
    if (facts.kind === 'file') {
      if (held?.kind === 'file' && held.stamp === stamp && !checksum) parts = held.parts
      else {
        const content = this.#readContent(path)
        if (content === undefined) return
        parts = content.parts
        this.#note(held, { ...found, facts: { ...facts, sizeBytes: content.sizeBytes } }, parts)
        return
      }
    }
    this.#note(held, found, parts)
  }

  #note(held: PicturedEntry | undefined, { path, facts, stamp, changedAtMs }: Readable, parts: string | null): void {
    const { picture, sink, nowMs } = this.#options
    const entry = { path, ...facts, parts, stamp: nowMs - changedAtMs < FRESH_MS ? '' : stamp }
    if (held === undefined || !isSame(held, entry)) {
      picture.noteEntry(entry)
      sink.entry(entry)
    } else if (held.stamp !== entry.stamp) picture.restamp(path, entry.stamp)
  }

  #readContent(path: OctetPath): { parts: string; sizeBytes: number } | undefined {
    this.#read++
    const content = readFileBlocks(path, this.#options)
    if (!('failure' in content)) return content
    this.#seen.delete(path)
    this.#fail(path, content.failure)
    return undefined
  }

  #fail(path: OctetPath, reason: string): void {
    this.#kept.push(path)
    this.#unread.push({ path: displayPath(path), reason })
  }

  /** True for what lies at, or under, a path that could not be read. */
  #isKept(path: OctetPath): boolean {
    return this.#kept.some((kept) => kept === '' || path === kept || path.startsWith(`${kept}/`))
  }
}

function isSame(held: PicturedEntry, entry: PicturedEntry): boolean {
  return JSON.stringify(entryRow(held), plain) === JSON.stringify(entryRow(entry), plain)
}

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

function emptied(before: number, after: number): CodedError {
  return new CodedError('sync.emptied', `the folder has ${after} of ${before} entries left`, {
    next: 'If that is meant, repeat the command with --allow-empty.',
    fields: { before, after },
  })
}
