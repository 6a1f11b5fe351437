/**
 * SQLite3MC's `aes256cbc` page format by hand, so that a received file can be given to SQLite, and an image can be
 * read, without a plain octet on disk (BK-10, RS-3).
 *
 * The format reserves nothing: page n is AES-256-CBC under SHA-256(key, n, "sAlT") with an IV that follows from n.
 * The first 16 octets of page 1 (the magic) are not encrypted; octets 16..23 stay readable and their encrypted
 * form lies in 8..15. It does not authenticate: only for files that live no longer than the work on them.
 */

import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'

/** Octets of the header that opens every database file. */
export const HEADER_BYTES = 100

/** Octets that are read from or written to disk at once; a multiple of every page size. */
export const BATCH_BYTES = 1024 * 1024

/** The first octets of every database file. */
export const MAGIC: Buffer = Buffer.from('SQLite format 3\0', 'latin1')

/** The padding of the PDF standard, which the cipher's key derivation borrows. */
const PASSPHRASE_PAD = Buffer.from('28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a', 'hex')
const KEY_ROUNDS = 4001

/** The passphrase of the page-encrypted file that belongs to a key; one way, so the key stays what it is for. */
export function pagePassphrase(key: Uint8Array): string {
  return createHmac('sha256', key).update('nightferry pages').digest('hex')
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

/** The key that SQLite3MC makes of a passphrase. */
export function deriveKey(passphrase: string): Buffer {
  let key = hash('sha256', Buffer.concat([Buffer.from(passphrase, 'utf8'), PASSPHRASE_PAD]).subarray(0, 32), 'buffer')
  for (let round = 0; round < KEY_ROUNDS; round++) key = hash('sha256', key, 'buffer')
  return key
}

/** Encrypts and decrypts whole pages in place. */
export class PageCipher {
  readonly pageSize: number
  /** Key, page number and salt: what a page's own key is made from. */
  readonly #seed = Buffer.alloc(40)
  readonly #words = Buffer.alloc(16)

  constructor(key: Buffer, pageSize: number) {
    this.pageSize = pageSize
    key.copy(this.#seed)
    this.#seed.write('sAlT', 36, 'latin1')
  }

  /** `bytes` are whole pages, the first of them number `firstPage`. */
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

  /** The reverse of {@link encrypt}. */
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

  /** As an object: octets cost Node an error with its stack for each page, made to find out what they are not. */
  #keyOf(page: number): KeyObject {
    this.#seed.writeUInt32LE(page, 32)
    return createSecretKey(hash('sha256', this.#seed, 'buffer'))
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
