/**
 * Writes a plain database file, arriving as a stream, as page-encrypted file on disk: the only way a received file
 * comes to rest where SQLite can open it (BK-10).
 */

import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_DATABASE_BYTES } from '../../schemas/limits.ts'
import type { DatabaseHeader } from './copyLayout.ts'
import { BATCH_BYTES, deriveKey, HEADER_BYTES, MAGIC, PageCipher, readPageSize } from './pageCipher.ts'

/** What a file header says. `pages` is the size of the file as it was received. */
export interface PlainFileFacts extends Omit<DatabaseHeader, 'autoVacuum'> {
  readonly pages: number
  /** Octets of the plain file. */
  readonly sizeBytes: number
  /** SHA-256 of the plain file as received, hex. */
  readonly sha256: string
}

/**
 * Writes a plain file, arriving in pieces of any size, as page-encrypted file at `path` (mode 0600). It is flushed to the
 * disk unless `durable` is false: a file that goes with the work on it need not be.
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
  durable = true,
): Promise<PlainFileFacts> {
  const file = await open(path, 'wx', 0o600).catch(refuse)
  try {
    const writer = new PageWriter(file, passphrase, onProgress)
    for await (const piece of source) await writer.write(piece)
    const facts = await writer.end()
    if (durable) await file.sync()
    return facts
  } catch (cause) {
    return refuse(cause)
  } finally {
    await file.close()
  }
}

/**
 * Writes the journal mode into the header of a page-encrypted file. WAL is set last of all: from then on the file
 * is only read as octets, never opened by SQLite here.
 */
export async function markJournalMode(
  path: string,
  passphrase: string,
  mode: DatabaseHeader['journalMode'],
): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    await file.read(header, 0, HEADER_BYTES, 0)
    MAGIC.copy(header)
    const cipher = new PageCipher(deriveKey(passphrase), readPageSize(header))
    const page = Buffer.alloc(cipher.pageSize)
    await file.read(page, 0, page.length, 0)
    cipher.decrypt(page, 1)
    page.fill(mode === 'wal' ? 2 : 1, 18, 20)
    cipher.encrypt(page, 1)
    await writeAll(file, page, 0)
    await file.sync()
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
