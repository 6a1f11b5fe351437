/**
 * The plain file of a restore as it grows: ranges in any order, and beside it a list of those that are written, so that
 * an interrupted restore goes on (RS-6). A line of the list counts if the range still has its CRC: neither is flushed.
 * The SHA-256 of the whole has the last word.
 */

import { createHash } from 'node:crypto'
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'

const LINE = /^(\d{1,9}) (\d{1,15}) (\d{1,9}) (\d{1,10})$/
const READ_BYTES = 2 * 1024 * 1024

/** A file of ranges that is open for reading and writing. */
export interface RangedFile {
  readonly kept: ReadonlySet<number>
  keepRange(segment: number, offset: number, plain: Uint8Array): Promise<void>
  /** SHA-256 of what lies there now, hex. */
  sha256(): Promise<string>
  sync(): Promise<void>
  /** What was written counts for nothing any more. */
  forget(): Promise<void>
  close(): Promise<void>
}

/** Opens the file at `path` with its list at `listPath`; makes both, or goes on with what is there. */
export async function openRangedFile(path: string, listPath: string): Promise<RangedFile> {
  const file = await openOrMake(path)
  const list = await open(listPath, 'a', 0o600)
  const kept = await findKept(file, await readFile(listPath, 'latin1'))
  return {
    kept,
    keepRange: async (segment, offset, plain) => {
      for (let done = 0; done < plain.length; )
        done += (await file.write(plain, done, plain.length - done, offset + done)).bytesWritten
      await list.write(`${segment} ${offset} ${plain.length} ${crc32(plain)}\n`)
    },
    sha256: () => digestOf(file),
    sync: () => file.sync(),
    forget: () => rm(listPath, { force: true }),
    close: async () => {
      await file.close()
      await list.close()
    },
  }
}

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    return await open(path, 'wx+', 0o600)
  }
}

async function findKept(file: FileHandle, list: string): Promise<ReadonlySet<number>> {
  const kept = new Set<number>()
  for (const line of list.split('\n')) {
    const [segment, offset, length, checksum] = (LINE.exec(line) ?? []).slice(1).map(Number)
    if (segment === undefined || offset === undefined || length === undefined) continue
    const held = Buffer.alloc(Math.min(length, READ_BYTES))
    const { bytesRead } = await file.read(held, 0, held.length, offset)
    if (bytesRead === length && crc32(held) === checksum) kept.add(segment)
  }
  return kept
}

/** One piece is hashed while the next one is read. */
async function digestOf(file: FileHandle): Promise<string> {
  const digest = createHash('sha256')
  const buffers = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)] as const
  const read = (index: number) => file.read(buffers[index % 2 === 0 ? 0 : 1], 0, READ_BYTES, index * READ_BYTES)
  let reading = read(0)
  for (let index = 1; ; index++) {
    const { buffer, bytesRead } = await reading
    if (bytesRead > 0) reading = read(index)
    digest.update(buffer.subarray(0, bytesRead))
    if (bytesRead < READ_BYTES) {
      await reading
      return digest.digest('hex')
    }
  }
}

/** @throws {CodedError} `integrity.mismatch` if the file's SHA-256 is another. */
export async function expectDigest(file: RangedFile, sha256: string): Promise<void> {
  const found = await file.sha256()
  if (found === sha256) return
  throw new CodedError('integrity.mismatch', `the joined file has SHA-256 ${found}, not ${sha256}`)
}
