/**
 * Compares one database with the server's copy: all of it, or the next part of a round that goes on from run to run at a
 * bounded cost. Rules DC-100 to DC-105.
 */

import type { DatabaseProperties, SchemaObject } from '../../schemas/delta/delta.ts'
import type { JsonCell } from '../../schemas/delta/value.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { CopyDescription } from '../../schemas/http/verify.ts'
import { digestSchema } from '../../schemas/verify/schemaDigest.ts'
import type { VerifyDifference, VerifyReport } from '../deviceClient.ts'
import type { TrackerPorts } from '../observe/preparedBackup.ts'
import type { TrackingState } from '../observe/trackingState.ts'
import type { Digest } from '../ports.ts'
import { type Budget, type CompareParts, compareTable, type TableFinding } from './compareTables.ts'
import type { CopyCalls } from './copyCalls.ts'
import { describeFindings } from './describeFindings.ts'
import { type LiveDatabase, type LiveTable, openLiveDatabase } from './liveDatabase.ts'
import { type FoundCopy, markDifferences, rebase } from './markDifferences.ts'

/** What one run of the part form reads at most: a second or less, whatever the size. */
const PART_ROWS = 20_480
const PART_BYTES = 16 * 1024 * 1024
/** Tables without a key are read in one piece; larger ones wait for the full form. */
const PART_UNKEYED_ROWS = 10_000

/** Where the last run stopped. Moments in milliseconds since 1970. */
export interface VerifyMemory {
  /** The table that comes next, and the key behind which its rows are to be read; absent between two rounds. */
  readonly table?: string
  readonly after?: readonly JsonCell[] | null
  /** When the last round over everything ended. */
  readonly completeAt?: number
}

export interface VerifyRequest {
  readonly database: string
  readonly tracking: TrackerPorts
  readonly calls: CopyCalls
  createDigest(): Digest
  now(): number
  readonly full: boolean
  readonly repair: boolean
  readonly memory: VerifyMemory
}

/** What a run found, and what the next one needs to know. */
export interface Verified {
  readonly report: Omit<VerifyReport, 'bytesSent' | 'bytesReceived' | 'exchanges' | 'durationMs'>
  readonly memory: VerifyMemory
}

/**
 * Compares.
 * @throws {CodedError} `database.unknown` if there is no backup yet; `session.busy` if the copy changed meanwhile;
 *   `network.unreachable`, `auth.*`, `database.locked`, `storage.corrupt` if the server cannot read its copy.
 */
export async function verifyDatabase(request: VerifyRequest): Promise<Verified> {
  const live = openLiveDatabase(request.tracking)
  const { acknowledged, lineage, picture } = live.state
  if (lineage === null || !acknowledged || !picture) throw neverBackedUp(request.database)
  const copy = await request.calls.describe(false)
  if (!standsIn(live.state, copy)) {
    const ready = request.repair && (await reconcile(request))
    const differences: VerifyDifference[] = [{ kind: 'position', count: 1, keys: [] }]
    return ended(request, copy.number, { differences, repair: ready === 'marked', complete: false })
  }
  // A file that is sent whole has no rows to compare: its position says which whole it is.
  if (copy.kind === 'file') return ended(request, copy.number, { complete: true, completeAt: request.now() })
  const parts = compareParts(request, live, copy, false)
  const beside = await compareBeside(request, parts, copy, picture)
  const run = await compareRound(request, parts)
  const found = [...beside.differences, ...describeFindings(run.findings)]
  const marked = request.repair && found.length > 0
  if (marked) markDifferences(request.tracking, run.findings, await foundCopy(request, copy))
  return ended(request, copy.number, { ...run, differences: found, repair: marked })
}

/**
 * Compares everything and leaves the device so that its next Delta makes the copy equal, wherever the copy stands.
 * @returns `equal` if nothing is to be sent, `marked` if the next Delta sends it, `full` if the whole file has to go.
 * @throws {CodedError} as `verifyDatabase`.
 */
export async function reconcile(
  request: Pick<VerifyRequest, 'database' | 'tracking' | 'calls' | 'createDigest'>,
): Promise<'equal' | 'marked' | 'full'> {
  const live = openLiveDatabase(request.tracking)
  const { state } = live
  const copy = await request.calls.describe(true)
  const stands = standsIn(state, copy)
  if (copy.kind === 'file') return stands ? 'equal' : 'full'
  if (state.lineage === null || copy.header?.encoding !== live.schema.properties.encoding) return 'full'
  const parts = compareParts(request, live, copy, true)
  const findings: TableFinding[] = []
  for (const table of live.tables) {
    // What is not compared is sent whole.
    if (!isThere(table, copy)) continue
    const { finding } = await compareTable(parts, table, null, { rows: Infinity, bytes: Infinity })
    findings.push(finding)
  }
  const found = await foundCopy(request, copy)
  const here = stands && state.acknowledged?.token === copy.token
  if (here) markDifferences(request.tracking, findings, found)
  // A picture of another state cannot tell which rows of a compared table the server has, and a differential starts
  // from a whole file.
  else if (request.tracking.method !== 'triggers' || state.bypassed || state.base) return 'full'
  else rebase(request.tracking, findings, found)
  return here && describeFindings(findings).length === 0 ? 'equal' : 'marked'
}

/** True if the copy is where the device was told, or where it may have come without the device hearing of it. */
function standsIn(state: TrackingState, copy: CopyDescription): boolean {
  const known = [...(state.acknowledged ? [state.acknowledged] : []), ...state.sealed.filter(({ sent }) => sent)]
  const isThere = known.some(({ number, token }) => number === copy.number && token === copy.token)
  return state.lineage === copy.lineage && isThere
}

function compareParts(
  { calls, createDigest }: Pick<VerifyRequest, 'calls' | 'createDigest'>,
  live: LiveDatabase,
  { token, header }: CopyDescription,
  judgeAll: boolean,
): CompareParts {
  const encoding = header?.encoding ?? live.schema.properties.encoding
  return { ...{ live, calls, token, encoding, judgeAll }, createDigest: () => createDigest() }
}

/** Objects and header, against what the server was last told of them. */
async function compareBeside(
  request: VerifyRequest,
  parts: CompareParts,
  copy: CopyDescription,
  picture: NonNullable<TrackingState['picture']>,
): Promise<{ differences: VerifyDifference[] }> {
  const differences: VerifyDifference[] = []
  // A Delta that was sent without an answer may have brought another schema.
  if (parts.live.state.acknowledged?.token !== copy.token) return { differences }
  const header = copy.header
  if (header) {
    const names = (Object.keys(picture.properties) as (keyof DatabaseProperties)[]).filter(
      (name) => picture.properties[name] !== header[name],
    )
    if (names.length > 0) differences.push({ kind: 'header', count: names.length, keys: names })
  }
  if (digestSchema(picture.objects, request.createDigest()) === copy.schemaDigest) return { differences }
  const { objects = [] } = await request.calls.describe(true)
  const text = (object: SchemaObject): string =>
    JSON.stringify([object.type, object.name, object.tableName, object.sql])
  const [own, held] = [new Set(picture.objects.map(text)), new Set(objects.map(text))]
  const differing = [...picture.objects.filter((o) => !held.has(text(o))), ...objects.filter((o) => !own.has(text(o)))]
  const names = [...new Set(differing.map(({ type, name }) => `${type} ${name}`))]
  differences.push({ kind: 'schema', count: Math.max(1, names.length), keys: names.slice(0, 5) })
  return { differences }
}

interface Round {
  readonly findings: readonly TableFinding[]
  readonly skipped: readonly string[]
  readonly complete: boolean
  readonly next?: Pick<VerifyMemory, 'table' | 'after'>
}

/** All tables, or as many rows as one run of the part form reads. */
async function compareRound({ full, memory }: VerifyRequest, parts: CompareParts): Promise<Round> {
  const { tables } = parts.live
  const findings: TableFinding[] = []
  const changed = parts.live.schema.tables.map(({ name }) => name).filter((name) => !tables.some(isNamed(name)))
  const skipped = [...changed]
  const budget: Budget = full ? { rows: Infinity, bytes: Infinity } : { rows: PART_ROWS, bytes: PART_BYTES }
  const first = full ? -1 : tables.findIndex(isNamed(memory.table ?? ''))
  for (let at = Math.max(0, first); at < tables.length; at++) {
    const table = tables[at]
    if (!table) break
    const from = at === first ? (memory.after ?? null) : null
    if (!full && isLargeUnkeyed(parts.live, table)) {
      skipped.push(table.shape.name)
      continue
    }
    if (budget.rows <= 0 || budget.bytes <= 0)
      return { findings, skipped, complete: false, next: { table: table.shape.name, after: from } }
    const { finding, next } = await compareOne(parts, table, from, budget)
    findings.push(finding)
    if (next !== null) return { findings, skipped, complete: false, next: { table: table.shape.name, after: next } }
  }
  return { findings, skipped, complete: true }
}

/** A table that the copy does not have differs as a whole; that it lacks is said with the schema. */
async function compareOne(
  parts: CompareParts,
  table: LiveTable,
  from: readonly JsonCell[] | null,
  budget: Budget,
): ReturnType<typeof compareTable> {
  try {
    return await compareTable(parts, table, from, budget)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    if (cause.code === 'anchor.mismatch')
      throw new CodedError('session.busy', 'the copy changed while it was compared', { cause, next: 'Try again.' })
    if (cause.code !== 'datastore.unknown') throw cause
    const finding = { table, rows: 0, bytes: 0, differing: [], more: 0, differs: true, pending: 0 }
    return { finding, next: null }
  }
}

const isNamed =
  (name: string) =>
  ({ shape }: LiveTable): boolean =>
    shape.name === name

function isThere({ registered }: LiveTable, { objects = [] }: CopyDescription): boolean {
  return objects.some(({ type, name, sql }) => type === 'table' && name === registered.name && sql === registered.sql)
}

function isLargeUnkeyed(live: LiveDatabase, { compared }: LiveTable): boolean {
  if (compared.key !== undefined) return false
  const sql = `SELECT 1 FROM ${compared.source} LIMIT 1 OFFSET ${PART_UNKEYED_ROWS}`
  return live.read(({ reader }) => reader.prepare(sql).get() !== undefined)
}

async function foundCopy({ calls }: Pick<VerifyRequest, 'calls'>, seen: CopyDescription): Promise<FoundCopy> {
  const copy = seen.objects ? seen : await calls.describe(true)
  const { header, objects, token } = copy
  if (!header || !objects || token !== seen.token)
    throw new CodedError('session.busy', 'the copy changed while it was compared', { next: 'Try again.' })
  return { position: copy, objects, header }
}

function ended(
  { database, full, now, memory }: VerifyRequest,
  number: number,
  run: Partial<Round> & { differences?: readonly VerifyDifference[]; repair?: boolean; completeAt?: number },
): Verified {
  const { findings = [], skipped = [], complete = false, next, differences = [], repair = false } = run
  const completeAt = complete ? now() : memory.completeAt
  const sum = (count: (finding: TableFinding) => number): number => findings.reduce((all, each) => all + count(each), 0)
  return {
    report: {
      ...{ database, number, complete, differences, repair, skipped },
      form: full ? 'full' : 'part',
      rows: sum(({ rows }) => rows),
      tables: findings.length,
      pending: sum(({ pending }) => pending),
      ...(completeAt !== undefined && { completeAt }),
    },
    memory: { ...next, ...(completeAt !== undefined && { completeAt }) },
  }
}

function neverBackedUp(database: string): CodedError {
  return new CodedError('database.unknown', `${database} was never backed up`, { next: 'Back it up first.' })
}
