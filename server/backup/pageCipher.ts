/**
 * Plain database files to and from SQLite3MC's `aes256cbc` page format, as streams of constant memory, so that
 * SQLite can open a received file, and an image can be read, without a plain octet on disk (BK-10, RS-3).
 *
 * The format reserves nothing: page n is AES-256-CBC under SHA-256(key, n, "sAlT") with an IV that follows from n.
 * The first 16 octets of page 1 (the magic) are not encrypted; octets 16..23 stay readable and their encrypted
 * form lies in 8..15. It does not authenticate: only for files that live shorter than the work on them.
 */

import { createCipheriv, createDecipheriv, createHash, hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DATABASE_BYTES } from '../../schemas/limits.ts'
import type { DatabaseHeader } from './copyLayout.ts'

const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')
const HEADER_BYTES = 100
/** The padding of the PDF standard, which the cipher's key derivation borrows. */
const PASSPHRASE_PAD = Buffer.from('28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a', 'hex')
const KEY_ROUNDS = 4001
/** Octets that are read from or written to disk at once. */
const BATCH_BYTES = 1024 * 1024

/** What a file header says. `pages` is the size of the file as it was received. */
export interface PlainFileFacts extends Omit<DatabaseHeader, 'autoVacuum'> {
  readonly pages: number
  /** Octets of the plain file. */
  readonly sizeBytes: number
  /** SHA-256 of the plain file as received, hex. */
  readonly sha256: string
}

/** The page size a file header declares. @throws {CodedError} `database.invalid` if it is no SQLite header. */
export function readPageSize(header: Buffer): number {
  if (header.length < HEADER_BYTES || !header.subarray(0, 16).equals(MAGIC))
    throw new CodedError('database.invalid', 'the file does not begin like an SQLite database')
  const declared = header.readUInt16BE(16)
  const pageSize = declared === 1 ? 65_536 : declared
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0)
    throw new CodedError('database.invalid', `page size ${pageSize} is not a power of two from 512 to 65536`)
  return pageSize
}

/**
 * Writes a plain file, arriving in pieces of any size, as page-encrypted file at `path` (mode 0600, fsynced).
 * A file in WAL mode is written as one in rollback mode, so that opening it makes no further files;
 * the returned facts name its own mode. The caller removes the file, also after a throw.
 *
 * @throws {CodedError} `database.invalid` if the octets are no whole SQLite file, `storage.full` without space.
 */
export async function encryptFile(
  source: AsyncIterable<Uint8Array>,
  path: string,
  passphrase: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<PlainFileFacts> {
  const file = await open(path, 'wx', 0o600).catch(refuse)
  try {
    const writer = new PageWriter(file, passphrase, onProgress)
    for await (const piece of source) await writer.write(piece)
    const facts = await writer.end()
    await file.sync()
    return facts
  } catch (cause) {
    return refuse(cause)
  } finally {
    await file.close()
  }
}

function refuse(cause: unknown): never {
  const code = (cause as { code?: string }).code
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new CodedError('storage.full', 'no space left for a database file', { cause })
  throw cause
}

/** Cuts what arrives into batches of whole pages and encrypts them on the way to disk. */
class PageWriter {
  readonly #file: FileHandle
  readonly #key: Buffer
  readonly #onProgress: (bytes: number) => void
  readonly #digest = createHash('sha256')
  #cipher: PageCipher | undefined
  #batch = Buffer.alloc(BATCH_BYTES)
  #filled = 0
  #written = 0
  #header: Buffer | undefined

  constructor(file: FileHandle, passphrase: string, onProgress: (bytes: number) => void) {
    this.#file = file
    this.#key = deriveKey(passphrase)
    this.#onProgress = onProgress
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#digest.update(piece)
    for (let offset = 0; offset < piece.length; ) {
      const part = piece.subarray(offset, offset + BATCH_BYTES - this.#filled)
      this.#batch.set(part, this.#filled)
      this.#filled += part.length
      offset += part.length
      if (this.#header === undefined && this.#filled >= HEADER_BYTES) this.#begin()
      if (this.#filled === BATCH_BYTES) await this.#flush()
    }
    if (this.#written + this.#filled > MAX_DATABASE_BYTES)
      throw new CodedError('protocol.too-large', `the database exceeds ${MAX_DATABASE_BYTES} octets`)
  }

  async end(): Promise<PlainFileFacts> {
    const sizeBytes = this.#written + this.#filled
    if (this.#header === undefined || this.#cipher === undefined)
      throw new CodedError('database.invalid', `a file of ${sizeBytes} octets is no SQLite database`)
    const { pageSize } = this.#cipher
    if (sizeBytes % pageSize !== 0)
      throw new CodedError('database.invalid', `${sizeBytes} octets are no whole number of pages of ${pageSize}`)
    await this.#flush()
    return {
      ...readHeader(this.#header),
      pages: sizeBytes / pageSize,
      sizeBytes,
      sha256: this.#digest.digest('hex'),
    }
  }

  #begin(): void {
    this.#header = Buffer.from(this.#batch.subarray(0, HEADER_BYTES))
    this.#cipher = new PageCipher(this.#key, readPageSize(this.#header))
    if (this.#batch[18] === 2) this.#batch.fill(1, 18, 20)
  }

  async #flush(): Promise<void> {
    const bytes = this.#batch.subarray(0, this.#filled)
    this.#cipher?.encrypt(bytes, this.#written / this.#cipher.pageSize + 1)
    await writeAll(this.#file, bytes, this.#written)
    this.#written += bytes.length
    this.#filled = 0
    this.#onProgress(this.#written)
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

function readHeader(header: Buffer): Omit<DatabaseHeader, 'autoVacuum'> {
  const encoding = header.readUInt32BE(56)
  if (encoding > 3) throw new CodedError('database.invalid', `text encoding ${encoding} does not exist`)
  return {
    pageSize: readPageSize(header),
    encoding: encoding === 2 ? 'UTF-16le' : encoding === 3 ? 'UTF-16be' : 'UTF-8',
    userVersion: header.readInt32BE(60),
    applicationId: header.readInt32BE(68),
    journalMode: header[18] === 2 ? 'wal' : 'delete',
  }
}

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
 * Opens a page-encrypted file for reading. `journalMode` is what the plain file's header shall say.
 * @throws {CodedError} `storage.corrupt` if this cannot be a page-encrypted file, `restore.unknown` if it is gone.
 */
export async function openPlainReader(
  path: string,
  passphrase: string,
  journalMode: DatabaseHeader['journalMode'],
): Promise<PlainReader> {
  const file = await open(path, 'r').catch((cause) => {
    throw new CodedError('restore.unknown', 'the image is no longer there', { cause })
  })
  try {
    const sizeBytes = (await file.stat()).size
    const header = Buffer.alloc(HEADER_BYTES)
    await file.read(header, 0, HEADER_BYTES, 0)
    MAGIC.copy(header)
    const cipher = new PageCipher(deriveKey(passphrase), pageSizeOfStored(header, sizeBytes))
    const readPages = (from: number, length: number) => readPlain(file, cipher, from, length, journalMode)
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

async function readPlain(
  file: FileHandle,
  cipher: PageCipher,
  from: number,
  length: number,
  journalMode: DatabaseHeader['journalMode'],
): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, from + done)
    if (bytesRead === 0) throw new CodedError('storage.corrupt', `the file ends before octet ${from + length}`)
    done += bytesRead
  }
  cipher.decrypt(bytes, from / cipher.pageSize + 1)
  if (from === 0) bytes.fill(journalMode === 'wal' ? 2 : 1, 18, 20)
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

function deriveKey(passphrase: string): Buffer {
  let key = hash('sha256', Buffer.concat([Buffer.from(passphrase, 'utf8'), PASSPHRASE_PAD]).subarray(0, 32), 'buffer')
  for (let round = 0; round < KEY_ROUNDS; round++) key = hash('sha256', key, 'buffer')
  return key
}

/** Encrypts and decrypts whole pages in place. */
class PageCipher {
  readonly pageSize: number
  /** Key, page number and salt: what a page's own key is made from. */
  readonly #seed = Buffer.alloc(40)
  readonly #words = Buffer.alloc(16)

  constructor(key: Buffer, pageSize: number) {
    this.pageSize = pageSize
    key.copy(this.#seed)
    this.#seed.write('sAlT', 36, 'latin1')
  }

  encrypt(bytes: Buffer, firstPage: number): void {
    for (let offset = 0, page = firstPage; offset < bytes.length; offset += this.pageSize, page++) {
      const cipher = createCipheriv('aes-256-cbc', this.#keyOf(page), this.#ivOf(page)).setAutoPadding(false)
      if (page > 1) cipher.update(bytes.subarray(offset, offset + this.pageSize)).copy(bytes, offset)
      else {
        const readable = Buffer.from(bytes.subarray(16, 24))
        const sealed = cipher.update(bytes.subarray(16, this.pageSize))
        sealed.copy(bytes, 16)
        sealed.copy(bytes, 8, 0, 8)
        readable.copy(bytes, 16)
      }
    }
  }

  decrypt(bytes: Buffer, firstPage: number): void {
    for (let offset = 0, page = firstPage; offset < bytes.length; offset += this.pageSize, page++) {
      const cipher = createDecipheriv('aes-256-cbc', this.#keyOf(page), this.#ivOf(page)).setAutoPadding(false)
      if (page > 1) cipher.update(bytes.subarray(offset, offset + this.pageSize)).copy(bytes, offset)
      else {
        bytes.copy(bytes, 16, 8, 16)
        cipher.update(bytes.subarray(16, this.pageSize)).copy(bytes, 16)
        MAGIC.copy(bytes)
      }
    }
  }

  #keyOf(page: number): Buffer {
    this.#seed.writeUInt32LE(page, 32)
    return hash('sha256', this.#seed, 'buffer')
  }

  #ivOf(page: number): Buffer {
    let z = page + 1
    for (let offset = 0; offset < 16; offset += 4) {
      const q = Math.floor(z / 52_774)
      z = 40_692 * (z - 52_774 * q) - 3791 * q
      if (z < 0) z += 2_147_483_399
      this.#words.writeUInt32LE(z >>> 0, offset)
    }
    return hash('md5', this.#words, 'buffer')
  }
}
