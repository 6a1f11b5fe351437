/**
 * Digests of rows and of ranges of rows. A row's octets are its cells one after the other, each with its storage class:
 * two rows have the same octets if and only if SQLite holds the same in them. Both sides digest with this file.
 * Rules WF-81, WF-82, WF-83.
 */

import type { TextEncoding } from '../delta/delta.ts'
import { bindCell, textBytesOf } from '../delta/toSql.ts'
import { type Cell, decodeCell, encodeCell, type JsonCell, TextBytes } from '../delta/value.ts'
import { decodeUtf8, decodeUtf16 } from '../utf8.ts'
import { type ComparedTable, type ReadableSql, type SqlCell, selectRows } from './comparedTable.ts'

/** SHA-256 of octets that come in pieces. */
export interface RowDigest {
  update(bytes: Uint8Array): void
  /** Lower-case hex; ends the digest. */
  hex(): string
}

/** What digesting needs from its room. */
export interface DigestParts {
  readonly db: ReadableSql
  readonly encoding: TextEncoding
  createDigest(): RowDigest
}

/** Rows whose key is greater than `after` and not greater than `upTo`; null is an open end. Keys as in a Delta. */
export interface KeyRange {
  readonly after: readonly JsonCell[] | null
  readonly upTo: readonly JsonCell[] | null
}

/** The rows of a range up to a key. */
export interface RowBlock {
  readonly upTo: readonly JsonCell[] | null
  readonly rows: number
  /** Lower-case hex. */
  readonly digest: string
}

/** Hex digits kept of each SHA-256: enough that no two rows of a fleet ever meet by chance. */
const DIGEST_CHARS = 32

/** One row while it is read. `octets` are overwritten by the next. */
interface ReadRow {
  readonly octets: Uint8Array
  key(): JsonCell[]
}

/** Rows of a range in the order of their key, or all rows of a table without one. */
export function* readRange(parts: DigestParts, table: ComparedTable, range: KeyRange): Generator<ReadRow> {
  const [after, upTo] = [range.after?.map(decodeCell), range.upTo?.map(decodeCell)]
  const sql = selectRows(table, { after: after && textBytesOf(after), upTo: upTo && textBytesOf(upTo) })
  const params = [...(after ?? []), ...(upTo ?? [])].map(bindCell)
  const writer = new OctetWriter()
  const width = table.key?.length ?? 0
  for (const row of parts.db.prepare(sql).iterate(...params)) {
    const flags = String(row[0] ?? '')
    const isText = (at: number): boolean => flags.charAt(at) === '1'
    const key = (): JsonCell[] =>
      row.slice(1, width + 1).map((cell, i) => encodeCell(cellOf(cell, isText(i), parts.encoding)))
    yield { octets: writer.write(row, isText), key }
  }
}

/** Digest and number of the rows of a range. */
export function digestRange(
  parts: DigestParts,
  table: ComparedTable,
  range: KeyRange,
): Pick<RowBlock, 'rows' | 'digest'> & { readonly bytes: number } {
  if (table.key === undefined) return digestWhole(parts, table)
  const digest = parts.createDigest()
  let [rows, bytes] = [0, 0]
  for (const { octets } of readRange(parts, table, range)) {
    digest.update(octets)
    rows++
    bytes += octets.length
  }
  return { rows, bytes, digest: digest.hex().slice(0, DIGEST_CHARS) }
}

/** The digest of one row, as a block of one row has it. */
export function digestRow(parts: DigestParts, octets: Uint8Array): string {
  const digest = parts.createDigest()
  digest.update(octets)
  return digest.hex().slice(0, DIGEST_CHARS)
}

/** Rows without a key have no order either: their digests are added up. */
function digestWhole(
  parts: DigestParts,
  table: ComparedTable,
): Pick<RowBlock, 'rows' | 'digest'> & { readonly bytes: number } {
  let [rows, bytes, sum] = [0, 0, 0n]
  for (const { octets } of readRange(parts, table, { after: null, upTo: null })) {
    const digest = parts.createDigest()
    digest.update(octets)
    sum = BigInt.asUintN(256, sum + BigInt(`0x${digest.hex()}`))
    rows++
    bytes += octets.length
  }
  return { rows, bytes, digest: sum.toString(16).padStart(64, '0') }
}

/** Bounds of one answer. */
export interface BlockLimits {
  readonly rows: number
  readonly blocks: number
  /** Of rows that are read, and of keys that are told. */
  readonly bytes: number
}

/** The blocks of some ranges, as far as the limits let through. */
export interface CutBlocks {
  /** Of each range that was read, in order; the last block of a whole range reaches to its end. */
  readonly ranges: readonly (readonly RowBlock[])[]
  /** False if the last range was not read to its end. */
  readonly whole: boolean
  readonly bytes: number
}

/** Cuts ranges of a table with a key into blocks of `rowsPerBlock` rows and digests each. */
export function cutBlocks(
  parts: DigestParts,
  table: ComparedTable,
  ranges: readonly KeyRange[],
  rowsPerBlock: number,
  limits: BlockLimits,
): CutBlocks {
  let [rows, blocks, bytes] = [0, 0, 0]
  const found: RowBlock[][] = []
  for (const range of ranges) {
    const cut: RowBlock[] = []
    found.push(cut)
    let digest = parts.createDigest()
    let held = 0
    let isEnd = true
    for (const row of readRange(parts, table, range)) {
      // One row that is too large still goes through: else nobody would ever come past it.
      if (held === 0 && (rows >= limits.rows || blocks >= limits.blocks || bytes >= limits.bytes) && rows > 0) {
        isEnd = false
        break
      }
      digest.update(row.octets)
      held++
      rows++
      bytes += row.octets.length
      if (held < rowsPerBlock && bytes < limits.bytes) continue
      const upTo = row.key()
      bytes += JSON.stringify(upTo).length
      cut.push({ upTo, rows: held, digest: digest.hex().slice(0, DIGEST_CHARS) })
      blocks++
      digest = parts.createDigest()
      held = 0
    }
    if (!isEnd) return { ranges: found, whole: false, bytes }
    cut.push({ upTo: range.upTo, rows: held, digest: digest.hex().slice(0, DIGEST_CHARS) })
    blocks++
  }
  return { ranges: found, whole: true, bytes }
}

function cellOf(value: SqlCell | undefined, isText: boolean, encoding: TextEncoding): Cell {
  if (!isText) return value ?? null
  const bytes = value instanceof Uint8Array ? value : new Uint8Array(0)
  return (encoding === 'UTF-8' ? decodeUtf8(bytes) : decodeUtf16(bytes, encoding)) ?? new TextBytes(bytes)
}

/** Storage classes as they stand in a row's octets. */
const CLASS = { null: 0, integer: 1, real: 2, text: 3, blob: 4 } as const

/** Writes rows as octets into one buffer that grows to the largest of them. */
class OctetWriter {
  #buffer = new Uint8Array(4096)
  #view = new DataView(this.#buffer.buffer)
  #at = 0

  /** Cells of `row` behind its flags. */
  write(row: readonly SqlCell[], isText: (at: number) => boolean): Uint8Array {
    this.#at = 4
    for (let i = 1; i < row.length; i++) this.#cell(row[i] ?? null, isText(i - 1))
    this.#view.setUint32(0, this.#at)
    return this.#buffer.subarray(0, this.#at)
  }

  #cell(value: SqlCell, isText: boolean): void {
    if (value instanceof Uint8Array) {
      this.#begin(isText ? CLASS.text : CLASS.blob, 4 + value.length)
      this.#view.setUint32(this.#at, value.length)
      this.#buffer.set(value, this.#at + 4)
      this.#at += 4 + value.length
    } else if (typeof value === 'bigint') {
      this.#begin(CLASS.integer, 8)
      this.#view.setBigInt64(this.#at, value)
      this.#at += 8
    } else if (typeof value === 'number') {
      this.#begin(CLASS.real, 8)
      this.#view.setFloat64(this.#at, value)
      this.#at += 8
    } else if (isText) {
      // An empty TEXT may come as no octets at all.
      this.#begin(CLASS.text, 4)
      this.#view.setUint32(this.#at, 0)
      this.#at += 4
    } else this.#begin(CLASS.null, 0)
  }

  #begin(storageClass: number, bytes: number): void {
    if (this.#at + 1 + bytes > this.#buffer.length) {
      const grown = new Uint8Array(2 * (this.#at + 1 + bytes))
      grown.set(this.#buffer.subarray(0, this.#at))
      this.#buffer = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#buffer[this.#at++] = storageClass
  }
}
