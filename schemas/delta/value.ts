/**
 * Values of SQLite cells and their JSON form in a Delta. Storage classes survive exactly:
 * INTEGER is bigint, REAL is number, TEXT is string, or `TextBytes` where the stored octets are no
 * well-formed text. Rule WF-12.
 */

import { CodedError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'

/** TEXT whose stored octets (in the database's encoding) cannot be written as a string without loss. */
export class TextBytes {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** One cell with its storage class. */
export type Cell = null | bigint | number | string | Uint8Array | TextBytes

/** The JSON form of a cell. */
export type JsonCell = null | number | string | { i: string } | { r: string } | { t: string } | { b: string }

/** Encodes one cell; total. */
export function encodeCell(cell: Cell): JsonCell {
  if (cell === null || typeof cell === 'string') return cell
  if (typeof cell === 'bigint') {
    const asNumber = Number(cell)
    return Number.isSafeInteger(asNumber) ? asNumber : { i: cell.toString() }
  }
  if (typeof cell === 'number') {
    // A whole REAL would come back as INTEGER, and JSON has no infinity and no negative zero.
    if (!Number.isInteger(cell)) return Number.isFinite(cell) ? cell : { r: String(cell) }
    return { r: Object.is(cell, -0) ? '-0' : String(cell) }
  }
  if (cell instanceof TextBytes) return { t: encodeBase64(cell.bytes) }
  return { b: encodeBase64(cell) }
}

/**
 * Decodes one cell.
 * @throws {CodedError} `delta.invalid` for anything `encodeCell` does not write.
 */
export function decodeCell(json: unknown): Cell {
  if (json === null || typeof json === 'string') return json
  if (typeof json === 'number') {
    if (!Number.isInteger(json)) return json
    if (!Number.isSafeInteger(json) || Object.is(json, -0)) throw invalid(`integer ${json} is not exact`)
    return BigInt(json)
  }
  if (typeof json !== 'object' || Array.isArray(json)) throw invalid('a cell has no known form')
  const entries = Object.entries(json as Record<string, unknown>)
  const [tag, text] = entries[0] ?? []
  if (entries.length !== 1 || typeof text !== 'string') throw invalid('a cell has no known form')
  if (tag === 'b') return decodeBase64(text)
  if (tag === 't') return new TextBytes(decodeBase64(text))
  if (tag === 'r') return decodeReal(text)
  if (tag === 'i') return decodeInteger(text)
  throw invalid('a cell has no known form')
}

function decodeReal(text: string): number {
  if (!/^-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)$/.test(text)) throw invalid(`${text.slice(0, 40)} is no number`)
  return Number(text)
}

function decodeInteger(text: string): bigint {
  if (!/^-?\d{1,19}$/.test(text)) throw invalid(`${text.slice(0, 40)} is no integer`)
  const value = BigInt(text)
  if (BigInt.asIntN(64, value) !== value) throw invalid(`${text} has more than 64 bits`)
  return value
}

function invalid(message: string): CodedError {
  return new CodedError('delta.invalid', message)
}
