/**
 * Fills the spool with sealed files: one per spool, made of frames of up to 64 KiB, each AES-256-GCM with its plain
 * offset as additional data, so that frames cannot be dropped, repeated or exchanged unnoticed. The key follows from
 * master key and spool id; the file's name says which master key. A restart, or a device that sends again, continues at
 * any earlier offset.
 */

import { mkdirSync, readdirSync } from 'node:fs'
import { type FileHandle, open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { MIN_FREE_DISK_BYTES } from '../../schemas/limits.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import { step } from '../steps.ts'
import type { Spool } from './spool.ts'
import { FRAME_OVERHEAD_BYTES, openFrame, readFrameHeader, sealFrames } from './spoolFrame.ts'
import { formatSpoolName, parseSpoolName } from './spoolNames.ts'
import { isMissing, storageError } from './storageError.ts'

const SPOOL_ID = /^[A-Za-z0-9_-]{1,128}$/
/** Octets that are read at once: a chunk of our devices and its seals. */
const READ_BYTES = 1024 * 1024 + 64 * 1024
/** Places where recent appends began: a device goes on at the last one, or sends one again. */
const REMEMBERED_PLACES = 4

/** Where a frame begins in the file, and in the plain octets. */
interface FramePosition {
  readonly file: number
  readonly plain: number
}

/** A spool of files under `folder`, which is made when it is missing. */
export function openFileSpool(folder: string, keyRing: KeyRing): Spool {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // What an earlier process began stays under the key it was begun with.
  const begun = new Map<string, { readonly name: string; readonly keyId: string }>()
  for (const name of readdirSync(folder)) {
    const { spoolId, keyId = keyRing.olderKeyIds.at(-1) ?? keyRing.currentKeyId } = parseSpoolName(name) ?? {}
    if (spoolId !== undefined) begun.set(spoolId, { name, keyId })
  }
  const places = new Map<string, readonly FramePosition[]>()
  // Each chunk would leave as much behind for the collector as it has octets: the memory of one is used again.
  let room: Buffer | undefined = Buffer.allocUnsafeSlow(READ_BYTES)
  const placeOf = (spoolId: string): { readonly name: string; readonly keyId: string } => {
    if (!SPOOL_ID.test(spoolId)) throw new TypeError(`not a spool id: ${spoolId}`)
    const keyId = keyRing.currentKeyId
    return begun.get(spoolId) ?? { name: formatSpoolName(spoolId, keyId), keyId }
  }
  const locate = (spoolId: string): { path: string; key: Uint8Array } => {
    const { name, keyId } = placeOf(spoolId)
    return { path: join(folder, name), key: keyRing.derive(`spool:${spoolId}`, keyId) }
  }
  return {
    locate,
    async append(spoolId, offset, bytes) {
      begun.set(spoolId, placeOf(spoolId))
      const { path, key } = locate(spoolId)
      try {
        await refuseWithoutRoom(folder, bytes.length)
        const known = (places.get(spoolId) ?? []).filter((place) => place.plain <= offset)
        const taken = room
        room = undefined
        const [start, end] = await appendFrames(
          { path, key, from: known.at(-1) ?? { file: 0, plain: 0 }, room: taken },
          offset,
          bytes,
        ).finally(() => {
          room ??= taken
        })
        places.set(
          spoolId,
          [...known.filter((place) => place.plain < start.plain), start, end].slice(-REMEMBERED_PLACES),
        )
      } catch (cause) {
        places.delete(spoolId)
        throw storageError(cause, `spool ${spoolId} cannot be written`)
      }
    },
    read: (spoolId) => {
      const { path, key } = locate(spoolId)
      return readSpoolFile(path, key)
    },
    async remove(spoolId) {
      places.delete(spoolId)
      await rm(locate(spoolId).path, { force: true })
      begun.delete(spoolId)
    },
    async list() {
      const found = await Promise.all(
        (await readdir(folder)).map(async (name) => {
          const spoolId = parseSpoolName(name)?.spoolId
          if (spoolId === undefined) return undefined
          const changed = await stat(join(folder, name)).catch((cause: unknown) => {
            // Removed between listing and looking.
            if (isMissing(cause)) return undefined
            throw storageError(cause, 'the spool cannot be listed')
          })
          return changed && { spoolId, changedAt: changed.mtimeMs }
        }),
      )
      return found.filter((entry) => entry !== undefined)
    },
  }
}

/**
 * Plain octets of a spool file, for the server and for worker processes that were given path and key.
 *
 * @throws {CodedError} `storage.corrupt` on damage.
 */
export async function* readSpoolFile(path: string, key: Uint8Array): AsyncGenerator<Uint8Array> {
  const file = await openSpool(path, 'r')
  if (file === undefined) return
  try {
    yield* openFrames(file, key, { file: 0, plain: 0 }, Number.POSITIVE_INFINITY)
  } finally {
    await file.close()
  }
}

/**
 * Plain octets of a spool file that still grows. Each number of `settled` says how many of its plain octets are there
 * and will not be written again; when it ends, so do these.
 *
 * @throws {CodedError} `storage.corrupt` on damage, or if what is settled is not there.
 */
export async function* followSpoolFile(
  path: string,
  key: Uint8Array,
  settled: AsyncIterable<number>,
): AsyncGenerator<Uint8Array> {
  let file: FileHandle | undefined
  try {
    let at: FramePosition = { file: 0, plain: 0 }
    for await (const settledBytes of settled) {
      file ??= await openSpool(path, 'r')
      if (file === undefined) throw tooShort(settledBytes)
      for await (const bytes of openFrames(file, key, at, settledBytes)) {
        yield bytes
        at = nextFrame(at, bytes.length)
      }
      if (at.plain < settledBytes) throw tooShort(settledBytes)
    }
  } finally {
    await file?.close()
  }
}

/**
 * Plain octets of the frames from `from` on, up to the one that reaches `untilPlain` or the last whole one. Many frames
 * are read at once, but nothing is kept of those behind `untilPlain`: they may be written again.
 */
async function* openFrames(
  file: FileHandle,
  key: Uint8Array,
  from: FramePosition,
  untilPlain: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  let at = from
  while (at.plain < untilPlain) {
    const read = await readWhole(file, buffer, at.file)
    let used = 0
    for (let frame = firstFrame(read); frame !== undefined && at.plain < untilPlain; ) {
      const bytes = openFrame(key, at.plain, frame)
      yield bytes
      used += frame.length
      at = nextFrame(at, bytes.length)
      frame = firstFrame(read.subarray(used))
    }
    if (used === 0) return
  }
}

/** The first frame of `bytes`; a torn one is from an append that was never acknowledged and counts as not there. */
function firstFrame(bytes: Buffer): Buffer | undefined {
  if (bytes.length < FRAME_OVERHEAD_BYTES) return undefined
  const sizeBytes = readFrameHeader(bytes) + FRAME_OVERHEAD_BYTES
  return sizeBytes > bytes.length ? undefined : bytes.subarray(0, sizeBytes)
}

function nextFrame(at: FramePosition, plainBytes: number): FramePosition {
  return { file: at.file + plainBytes + FRAME_OVERHEAD_BYTES, plain: at.plain + plainBytes }
}

/** As much of `buffer` as the file fills from `position` on. */
async function readWhole(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

/** One device that sends without end must not take the last octets of the disk from all others. */
async function refuseWithoutRoom(folder: string, wantedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize - wantedBytes < MIN_FREE_DISK_BYTES)
    throw new CodedError('storage.full', `less than ${MIN_FREE_DISK_BYTES} bytes of disk are free`)
}

interface SpoolFile {
  readonly path: string
  readonly key: Uint8Array
  /** A known frame at or before the place to write, so that long files need not be walked through. */
  readonly from: FramePosition
  /** Memory to seal in, if nobody else does. */
  readonly room: Buffer | undefined
}

/** Returns where the append began and where it ended. */
async function appendFrames(
  { path, key, from, room }: SpoolFile,
  offset: number,
  bytes: Uint8Array,
): Promise<readonly [FramePosition, FramePosition]> {
  const file = (await openSpool(path, 'r+')) ?? (await open(path, 'wx+', 0o600))
  try {
    const start = await findFrame(file, from, offset)
    if (start === undefined) throw tooShort(offset)
    // What remains of a frame that `offset` falls into is sealed anew, with a fresh nonce.
    const head = offset > start.plain ? await readHead(file, key, start, offset - start.plain) : new Uint8Array()
    const plain = head.length > 0 ? Buffer.concat([head, bytes]) : bytes
    await file.truncate(start.file)
    const sealed = sealFrames(key, start.plain, plain, room)
    step('spool-write')
    await writeWhole(file, sealed, start.file)
    // Not flushed: what counts is flushed when it is applied. A power cut in between is noticed by the next chunk or by
    // the seals, and the device sends the object anew.
    step('spool-written')
    return [start, { file: start.file + sealed.length, plain: start.plain + plain.length }]
  } finally {
    await file.close()
  }
}

/** The frame that plain `offset` lies in, or the end; undefined if the spool is shorter. */
async function findFrame(file: FileHandle, from: FramePosition, offset: number): Promise<FramePosition | undefined> {
  let at = from
  for (;;) {
    if (at.plain === offset) return at
    const header = await readHeader(file, at.file)
    if (header === undefined) return undefined
    if (at.plain + header.plainBytes > offset) return at
    at = nextFrame(at, header.plainBytes)
  }
}

async function readHead(file: FileHandle, key: Uint8Array, at: FramePosition, bytes: number): Promise<Uint8Array> {
  const frame = await readFrame(file, at.file)
  if (frame === undefined) throw tooShort(at.plain + bytes)
  return openFrame(key, at.plain, frame).subarray(0, bytes)
}

async function readHeader(file: FileHandle, position: number): Promise<{ plainBytes: number } | undefined> {
  const header = Buffer.alloc(4)
  const { bytesRead } = await file.read(header, 0, header.length, position)
  // A torn tail is from a kill during an append that was never acknowledged: it counts as not there.
  if (bytesRead < header.length) return undefined
  const plainBytes = readFrameHeader(header)
  const { size } = await file.stat()
  return position + plainBytes + FRAME_OVERHEAD_BYTES > size ? undefined : { plainBytes }
}

async function readFrame(file: FileHandle, position: number): Promise<Uint8Array | undefined> {
  const header = await readHeader(file, position)
  if (header === undefined) return undefined
  const frame = new Uint8Array(header.plainBytes + FRAME_OVERHEAD_BYTES)
  for (let done = 0; done < frame.length; ) {
    const { bytesRead } = await file.read(frame, done, frame.length - done, position + done)
    if (bytesRead === 0) throw tooShort(position)
    done += bytesRead
  }
  return frame
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
}

async function openSpool(path: string, flags: 'r' | 'r+'): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw storageError(cause, `spool file ${path} cannot be opened`)
  }
}

function tooShort(offset: number): CodedError {
  return new CodedError('storage.corrupt', `the spool is shorter than ${offset}`, { fields: { offset } })
}
