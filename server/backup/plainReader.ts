/**
 * Reads a page-encrypted file as the plain file it stands for, by offset or as a stream, in constant memory
 * (RS-3, RS-9).
 */

import { type FileHandle, open } from 'node:fs/promises'
import { CodedError } from '../../schemas/errors.ts'
import { BATCH_BYTES, deriveKey, HEADER_BYTES, MAGIC, PageCipher, readPageSize } from './pageCipher.ts'

/** A page-encrypted file, read as the plain file it stands for. */
export interface PlainReader {
  /** Octets of the plain file. */
  readonly sizeBytes: number
  /** Octets from `offset`; fewer at the end of the file. */
  read(offset: number, length: number): Promise<Buffer>
  /** The whole file in pieces of up to 1 MiB. Each piece is valid until the next one is asked for. */
  stream(): AsyncIterable<Buffer>
  close(): Promise<void>
}

/**
 * Opens a page-encrypted file for reading.
 * @throws {CodedError} `storage.corrupt` if this cannot be a page-encrypted file, `restore.unknown` if it is gone.
 */
export async function openPlainReader(path: string, passphrase: string): Promise<PlainReader> {
  const file = await open(path, 'r').catch((cause) => {
    throw new CodedError('restore.unknown', 'the image is no longer there', { cause })
  })
  try {
    const sizeBytes = (await file.stat()).size
    const header = Buffer.alloc(HEADER_BYTES)
    await file.read(header, 0, HEADER_BYTES, 0)
    MAGIC.copy(header)
    const cipher = new PageCipher(deriveKey(passphrase), pageSizeOfStored(header, sizeBytes))
    const readPages = (from: number, length: number) => readPlain(file, cipher, from, length)
    return {
      sizeBytes,
      read: (offset, length) => readRange(readPages, cipher.pageSize, sizeBytes, offset, length),
      stream: () => readStream(readPages, sizeBytes),
      close: () => file.close(),
    }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

function pageSizeOfStored(header: Buffer, sizeBytes: number): number {
  try {
    const pageSize = readPageSize(header)
    if (sizeBytes % pageSize === 0) return pageSize
  } catch (cause) {
    throw new CodedError('storage.corrupt', 'the page-encrypted file has no readable header', { cause })
  }
  throw new CodedError('storage.corrupt', `${sizeBytes} octets are no whole number of pages`)
}

type ReadPages = (from: number, length: number) => Promise<Buffer>

async function readPlain(file: FileHandle, cipher: PageCipher, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done)
    if (bytesRead === 0) throw new CodedError('storage.corrupt', `the file ends before octet ${from + length}`)
    done += bytesRead
  }
  cipher.decrypt(bytes, from / cipher.pageSize + 1)
  return bytes
}

async function readRange(
  readPages: ReadPages,
  pageSize: number,
  sizeBytes: number,
  offset: number,
  length: number,
): Promise<Buffer> {
  const end = Math.min(offset + length, sizeBytes)
  if (offset >= end) return Buffer.alloc(0)
  const from = offset - (offset % pageSize)
  const to = Math.ceil(end / pageSize) * pageSize
  const bytes = await readPages(from, to - from)
  return bytes.subarray(offset - from, end - from)
}

async function* readStream(readPages: ReadPages, sizeBytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < sizeBytes; from += BATCH_BYTES)
    yield await readPages(from, Math.min(BATCH_BYTES, sizeBytes - from))
}
