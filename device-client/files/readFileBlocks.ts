/**
 * Reads one file into blocks: those the set has already are only named, new ones go to the sink. A file that changes
 * meanwhile is read again. Rules FS-2, FS-3, FS-6.
 */

import { blockLength, MAX_BLOCK_BYTES } from './fastCdc.ts'
import type { FilePorts, FolderReader, OctetPath, OpenFile } from './filePorts.ts'
import type { SetPicture } from './setPicture.ts'
import { CODING, formatParts, type SetEntry } from './setTables.ts'

/** Where new blocks go. */
export interface BlockSink {
  /** The id the next new block gets. */
  readonly nextBlock: number
  block(digest: Uint8Array, sizeBytes: number, coding: number, data: Uint8Array): number
  /** Takes back blocks from `id` on. */
  dropFrom(id: number): void
  entry(entry: SetEntry): void
}

export interface ReadingParts {
  readonly reader: FolderReader
  readonly picture: SetPicture
  readonly sink: BlockSink
  readonly ports: Pick<FilePorts, 'sha256' | 'pack'>
  readonly afresh: boolean
}

const TRIES = 3
const BUFFER_BYTES = 1024 * 1024

/** Blocks of one file that did not get smaller, after which no more are tried. */
const VAIN_TRIES = 8

/** One buffer serves all files: they are read one after the other. */
const buffer = new Uint8Array(BUFFER_BYTES)

/** The blocks of a file, and its size as it was read; or why it could not be. */
export function readFileBlocks(
  path: OctetPath,
  parts: ReadingParts,
): { readonly parts: string; readonly sizeBytes: number } | { readonly failure: string } {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const first = parts.sink.nextBlock
    const content = tryRead(path, parts)
    if (typeof content === 'object' && !('failure' in content)) return content
    parts.sink.dropFrom(first)
    parts.picture.dropBlocksFrom(first)
    if (content !== 'changed') return content
  }
  return { failure: 'it changes while it is read' }
}

function tryRead(
  path: OctetPath,
  parts: ReadingParts,
): { parts: string; sizeBytes: number } | { failure: string } | 'changed' {
  let file: OpenFile | undefined
  try {
    file = parts.reader.open(path)
    const before = file.stamp()
    const content = cut(file, parts)
    return file.stamp() === before ? content : 'changed'
  } catch (cause) {
    const failure = errnoOf(cause)
    // Trouble of our own stage is not the file's.
    if (failure === undefined || failure === 'ENOSPC') throw cause
    return { failure }
  } finally {
    file?.close()
  }
}

/** The platform's name of an error of the file system; undefined for any other. */
function errnoOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('syscall' in cause) || !('code' in cause)) return undefined
  return String(cause.code)
}

function cut(file: OpenFile, parts: ReadingParts): { parts: string; sizeBytes: number } {
  const ids: number[] = []
  const packing = { vain: 0 }
  let held = 0
  let ended = false
  let sizeBytes = 0
  while (!ended) {
    const count = file.read(buffer.subarray(held))
    ended = count === 0
    held += count
    let from = 0
    while (held - from >= MAX_BLOCK_BYTES || (ended && held > from)) {
      const length = blockLength(buffer, from, held)
      ids.push(takeBlock(buffer.subarray(from, from + length), parts, packing))
      from += length
      sizeBytes += length
    }
    buffer.copyWithin(0, from, held)
    held -= from
  }
  return { parts: formatParts(ids), sizeBytes }
}

function takeBlock(
  octets: Uint8Array,
  { picture, sink, ports, afresh }: ReadingParts,
  packing: { vain: number },
): number {
  const digest = ports.sha256(octets)
  const found = picture.findBlock(digest, afresh)
  if (found !== undefined) return found
  const packed = packing.vain < VAIN_TRIES ? ports.pack(octets) : undefined
  packing.vain = packed === undefined ? packing.vain + 1 : 0
  const id = sink.block(digest, octets.length, packed ? CODING.zstd : CODING.plain, packed ?? octets)
  picture.noteBlock(id, digest)
  return id
}
