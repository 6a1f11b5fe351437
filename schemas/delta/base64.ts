/**
 * Base64 (RFC 4648, section 4) for octets inside JSON. The platform's native form is used where it exists;
 * the table is for the others.
 */

import { CodedError } from '../errors.ts'

interface NativeBase64 {
  toBase64?(): string
}
interface NativeBase64Constructor {
  fromBase64?(text: string, options: { lastChunkHandling: 'strict' }): Uint8Array
}
interface BufferLike {
  from(data: Uint8Array | string, encoding?: string): Uint8Array & { toString(encoding: string): string }
  from(data: unknown, offset: number, length: number): { toString(encoding: string): string }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const VALUES = new Map([...ALPHABET].map((char, index) => [char, index]))
const buffer = (globalThis as { Buffer?: BufferLike }).Buffer

/** Base64 with padding, without line breaks. */
export function encodeBase64(bytes: Uint8Array): string {
  if (buffer) return buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  const native = bytes as unknown as NativeBase64
  return native.toBase64 ? native.toBase64() : encodeByTable(bytes)
}

/** @throws {CodedError} `delta.invalid` if `text` is not strict base64 with padding. */
export function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new CodedError('delta.invalid', 'octets are not in base64')
  }
  if (buffer) return buffer.from(text, 'base64')
  const native = Uint8Array as unknown as NativeBase64Constructor
  return native.fromBase64 ? native.fromBase64(text, { lastChunkHandling: 'strict' }) : decodeByTable(text)
}

function encodeByTable(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a, b, c] = [bytes[i] ?? 0, bytes[i + 1], bytes[i + 2]]
    const word = (a << 16) | ((b ?? 0) << 8) | (c ?? 0)
    text += ALPHABET.charAt(word >> 18) + ALPHABET.charAt((word >> 12) & 63)
    text += b === undefined ? '=' : ALPHABET.charAt((word >> 6) & 63)
    text += c === undefined ? '=' : ALPHABET.charAt(word & 63)
  }
  return text
}

function decodeByTable(text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  for (let i = 0, o = 0; i < text.length; i += 4) {
    let word = 0
    for (let k = 0; k < 4; k++) word = (word << 6) | (VALUES.get(text.charAt(i + k)) ?? 0)
    for (let k = 0; k < 3 && o < bytes.length; k++) bytes[o++] = (word >> (16 - 8 * k)) & 255
  }
  return bytes
}
