/**
 * Compares tables with the server's copy by digests: blocks of thousands of rows first, then what differs in ever smaller
 * ones, down to rows. What crosses the wire follows the number of blocks and of differences. Rules DC-100, DC-102.
 */

import type { TextEncoding } from '../../schemas/delta/delta.ts'
import { decodeCell, type JsonCell } from '../../schemas/delta/value.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { DigestReply } from '../../schemas/http/verify.ts'
import { MAX_DIGEST_RANGES, MAX_DIGEST_ROWS } from '../../schemas/limits.ts'
import { type DigestParts, digestRange, digestRow, type KeyRange, readRange } from '../../schemas/verify/digestRows.ts'
import type { Digest } from '../ports.ts'
import type { CopyCalls } from './copyCalls.ts'
import type { LiveDatabase, LiveTable, LiveView } from './liveDatabase.ts'

/** Rows of a block, from the first question to the last. */
const BLOCK_ROWS = [4096, 64, 1] as const

/** Differing rows of one table that are kept; beyond that the table is sent whole. */
export const MAX_DIFFERING_ROWS = 100_000

/** How a row differs: on both sides, only here, only at the server. */
export type RowDifference = 'changed' | 'missing' | 'extra'

export interface DifferingRow {
  readonly kind: RowDifference
  readonly key: readonly JsonCell[]
}

/** What was found of one table. */
export interface TableFinding {
  readonly table: LiveTable
  /** Rows that were looked at here. */
  rows: number
  bytes: number
  /** Rows that differ though no change of them waits; with `judgeAll` those of which one waits, too. */
  readonly differing: DifferingRow[]
  /** Differing rows beyond those that are listed. */
  more: number
  /** A table without keys differs. */
  differs: boolean
  /** Rows that were left out of judgement, since a change of them waits. */
  pending: number
}

export interface CompareParts {
  readonly live: LiveDatabase
  readonly calls: CopyCalls
  /** Position of the copy that all is compared at. */
  readonly token: string
  readonly encoding: TextEncoding
  createDigest(): Digest
  /** True: rows of which a change waits are differences too. */
  readonly judgeAll: boolean
}

/** Rows and octets that may still be read. */
export interface Budget {
  rows: number
  bytes: number
}

/**
 * Compares one table from behind the key `from` on, until its end or the end of the budget.
 * @returns what was found, and the key to go on behind; null if the table was read to its end.
 * @throws {CodedError} `anchor.mismatch` if the copy went on meanwhile; `network.unreachable`; `database.locked`.
 */
export async function compareTable(
  parts: CompareParts,
  table: LiveTable,
  from: readonly JsonCell[] | null,
  budget: Budget,
): Promise<{ readonly finding: TableFinding; readonly next: readonly JsonCell[] | null }> {
  const finding: TableFinding = { table, rows: 0, bytes: 0, differing: [], more: 0, differs: false, pending: 0 }
  if (table.compared.key === undefined) {
    await compareWhole(parts, table, finding)
    budget.rows -= finding.rows
    budget.bytes -= finding.bytes
    return { finding, next: null }
  }
  let after = from
  for (;;) {
    const range = { after, upTo: null }
    const maxRows = Math.max(1, Math.min(MAX_DIGEST_ROWS, budget.rows))
    const reply = await ask(parts, table, [range], BLOCK_ROWS[0], maxRows)
    const { differing, end, rows, bytes } = parts.live.read((view) => compareBlocks(parts, view, table, range, reply))
    finding.rows += rows
    finding.bytes += bytes
    budget.rows -= rows
    budget.bytes -= bytes
    await narrow(parts, table, differing, 1, finding)
    if (reply.whole) return { finding, next: null }
    after = end
    if (budget.rows <= 0 || budget.bytes <= 0) return { finding, next: after }
  }
}

async function compareWhole(parts: CompareParts, table: LiveTable, finding: TableFinding): Promise<void> {
  const reply = await ask(parts, table, [{ after: null, upTo: null }], 1, 1)
  const [block] = reply.ranges[0] ?? []
  parts.live.read((view) => {
    const here = digestRange(digestParts(parts, view), table.compared, { after: null, upTo: null })
    finding.rows += here.rows
    finding.bytes += here.bytes
    if (here.digest === block?.digest && here.rows === block.rows) return
    if (parts.judgeAll || !view.isPending(table, undefined)) finding.differs = true
    else finding.pending += here.rows
  })
}

/** The blocks of one range that differ here. */
function compareBlocks(
  parts: CompareParts,
  view: LiveView,
  table: LiveTable,
  range: KeyRange,
  reply: DigestReply,
): { differing: KeyRange[]; end: readonly JsonCell[] | null; rows: number; bytes: number } {
  const differing: KeyRange[] = []
  let { after } = range
  let [rows, bytes] = [0, 0]
  for (const block of reply.ranges[0] ?? []) {
    const part = { after, upTo: block.upTo }
    const here = digestRange(digestParts(parts, view), table.compared, part)
    rows += here.rows
    bytes += here.bytes
    if (here.digest !== block.digest || here.rows !== block.rows) differing.push(part)
    after = block.upTo
  }
  return { differing, end: after, rows, bytes }
}

/** Asks for smaller blocks of what differs, until they are rows. */
async function narrow(
  parts: CompareParts,
  table: LiveTable,
  ranges: readonly KeyRange[],
  level: 1 | 2,
  finding: TableFinding,
): Promise<void> {
  let left = [...ranges]
  while (left.length > 0) {
    const asked = left.slice(0, MAX_DIGEST_RANGES)
    const reply = await ask(parts, table, asked, BLOCK_ROWS[level], MAX_DIGEST_ROWS)
    const read = reply.ranges.length
    const last = asked[read - 1]
    if (last === undefined) throw new CodedError('protocol.malformed', 'the server answered for no range')
    // The range that was not read to its end is asked for again from where the answer ends.
    const end = reply.ranges[read - 1]?.at(-1)?.upTo
    const cut = reply.whole ? undefined : { after: end ?? last.after, upTo: last.upTo }
    if (cut !== undefined && end === undefined && read === 1)
      throw new CodedError('protocol.malformed', 'the server answered for no row')
    const whole = asked.slice(0, cut === undefined ? read : read - 1)
    const done = cut === undefined || end === undefined ? whole : [...whole, { after: last.after, upTo: end }]
    const smaller = parts.live.read((view) =>
      done.flatMap((range, i) => {
        const blocks = { ranges: [reply.ranges[i] ?? []], whole: true }
        if (level === 1) return compareBlocks(parts, view, table, range, blocks).differing
        compareRows(parts, view, table, range, blocks.ranges[0] ?? [], finding)
        return []
      }),
    )
    if (level === 1) await narrow(parts, table, smaller, 2, finding)
    left = [...(cut === undefined ? [] : [cut]), ...left.slice(read)]
  }
}

/** Row by row: which differ, and whether that is to be judged. */
function compareRows(
  parts: CompareParts,
  view: LiveView,
  table: LiveTable,
  range: KeyRange,
  blocks: DigestReply['ranges'][number],
  finding: TableFinding,
): void {
  const there = new Map(blocks.filter(({ rows }) => rows > 0).map(({ upTo, digest }) => [JSON.stringify(upTo), digest]))
  const own = digestParts(parts, view)
  const differing: DifferingRow[] = []
  const note = (row: DifferingRow): void => {
    if (finding.differing.length + differing.length >= MAX_DIFFERING_ROWS) finding.more++
    else differing.push(row)
  }
  for (const { octets, key } of readRange(own, table.compared, range)) {
    const at = key()
    const name = JSON.stringify(at)
    const digest = there.get(name)
    there.delete(name)
    if (digest === undefined) note({ kind: 'missing', key: at })
    else if (digest !== digestRow(own, octets)) note({ kind: 'changed', key: at })
  }
  for (const name of there.keys()) note({ kind: 'extra', key: JSON.parse(name) as JsonCell[] })
  for (const row of differing) {
    if (parts.judgeAll || !view.isPending(table, row.key.map(decodeCell))) finding.differing.push(row)
    else finding.pending++
  }
}

async function ask(
  { calls, token }: CompareParts,
  { compared }: LiveTable,
  ranges: readonly KeyRange[],
  rowsPerBlock: number,
  maxRows: number,
): Promise<DigestReply> {
  const reply = await calls.digest({ token, table: compared.name, ranges, rowsPerBlock, maxRows })
  const isComplete = reply.ranges.length === ranges.length || (!reply.whole && reply.ranges.length > 0)
  const isMoving = reply.whole || (reply.ranges.at(-1)?.length ?? 0) > 0 || reply.ranges.length > 1
  if (isComplete && isMoving) return reply
  throw new CodedError('protocol.malformed', "the server's digests do not answer what was asked")
}

function digestParts({ encoding, createDigest }: CompareParts, { reader }: LiveView): DigestParts {
  return { db: reader, encoding, createDigest }
}
