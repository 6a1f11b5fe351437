/**
 * One backup of one database: what changed if the server has the rest, the whole file if not. The acknowledged
 * position moves only when the server answered 200. Rules DC-6, DC-8 to DC-11.
 */

import type { BackupChoice } from '../../schemas/backupChoice.ts'
import { DELTA_TYPE, FILE_GZIP_TYPE } from '../../schemas/delta/contentTypes.ts'
import type { DeltaCounts } from '../../schemas/delta/delta.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Advice, RunWindow } from '../../schemas/http/advice.ts'
import { MAX_DELTA_LINE_CHARS } from '../../schemas/limits.ts'
import { databaseUri } from '../../schemas/syncml/databaseUri.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../schemas/utf8.ts'
import type { BackupReport } from '../deviceClient.ts'
import type { PreparedBackup, PreparedDelta } from '../observe/preparedBackup.ts'
import type { Tracker } from '../observe/tracker.ts'
import type { FileCoding, FileImager, Gzip, Scratch, ScratchContent } from '../ports.ts'
import { listenToAdvice, quotaError } from '../session/advice.ts'
import type { Installation } from '../session/installation.ts'
import { refusalOf } from '../session/refusal.ts'
import { runSession } from '../session/runSession.ts'
import type { ServerLogin, SessionPorts, SessionResult } from '../session/sessionRequest.ts'
import { noTraffic, type Traffic } from '../session/traffic.ts'
import { step } from '../steps.ts'

export interface BackupPorts extends SessionPorts {
  readonly gzip: Gzip
  /** The platform's own coding of whole files; gzip if absent (DC-18). */
  readonly fileCoding?: FileCoding
  readonly scratch: Scratch
  readonly imager: FileImager
}

/** What is backed up: an observed database, or what behaves like one. */
export type Tracked = Pick<Tracker, 'summary' | 'prepareDelta' | 'prepareFull' | 'describeImage'>

/** What a comparison with the copy came to (DC-104), and what it cost. */
export interface Reconciled {
  readonly outcome: 'equal' | 'marked' | 'full'
  readonly traffic: Traffic
}

export interface BackupRequest {
  readonly database: string
  readonly path: string
  readonly tracker: Tracked
  readonly full: boolean
  /** What the server is told of the user's wishes; the default if absent. */
  readonly choice?: BackupChoice
  /** Compares with the copy where it stands, if the server refuses a Delta; without it the whole file is sent. */
  readonly reconcile?: () => Promise<Reconciled>
  readonly login: {
    readonly server: string
    readonly user: string
    readonly secret: string
    readonly deviceId: string
    readonly serverLogin?: ServerLogin
    readonly installation?: Installation
  }
  readonly devInf: DevInf
  /** When the next run of this database may be; told to the server (DC-120). */
  readonly window?: RunWindow
  /** What the server advised, also if the backup was refused. */
  readonly onAdvice?: (advice: Advice) => void
  /** Octets of the compressed item that the server has, and how many there are. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void
}

/** A Delta is small and sent over slow links; a whole file is large, and its octets are many of them packed already. */
const DELTA_LEVEL = 9
const FILE_LEVEL = 1

/** Tries for an image between two schema changes of the application. */
const IMAGE_TRIES = 3

/** The one Item of a database. */
const LUID = 'database'

/**
 * Backs up now.
 * @throws {CodedError} `database.locked`, `database.unknown`, `database.untrackable`; `network.unreachable`; `auth.*`
 *   if the server refuses the device; `session.busy`, `storage.full` as the server says.
 */
export async function backupDatabase(ports: BackupPorts, request: BackupRequest): Promise<BackupReport> {
  const startedAt = ports.clock.now()
  const traffic: Traffic = noTraffic()
  const done = (part: Pick<BackupReport, 'mode' | 'from' | 'to' | 'reason'>, counts: DeltaCounts): BackupReport => ({
    database: request.database,
    ...part,
    ...counts,
    ...traffic,
    durationMs: ports.clock.now() - startedAt,
  })
  const nothing: DeltaCounts = { puts: 0, deletes: 0, schemaChanges: 0 }
  const prepared = request.full ? 'full' : prepareDelta(request)
  if (prepared === 'none') {
    const { acknowledged } = request.tracker.summary()
    return done({ mode: 'none', from: acknowledged, to: acknowledged }, nothing)
  }
  const sent = prepared === 'full' ? undefined : await sendDelta(ports, request, prepared, traffic)
  if (typeof sent === 'object') return done({ mode: 'delta', from: sent.from, to: sent.to }, sent.counts)
  const repaired = prepared !== 'full' && sent === undefined ? await sendDifference(ports, request, traffic) : undefined
  if (repaired) return done({ mode: 'delta', from: repaired.from, to: repaired.to, reason: ELSEWHERE }, repaired.counts)
  const to = await sendFull(ports, request, traffic)
  return done({ mode: 'full', from: null, to, ...(sent !== undefined && { reason: sent }) }, nothing)
}

function prepareDelta({ tracker }: BackupRequest): PreparedDelta | 'none' | 'full' {
  step('seal')
  const prepared = tracker.prepareDelta()
  step('sealed')
  return prepared
}

/** Why a comparison came before a Delta. */
const ELSEWHERE = 'the copy stood elsewhere: compared, and sent what differs'

/** Why a whole file goes in place of a Delta. */
const TOO_LARGE = 'the changes are too large for a Delta'

/** Undefined if the server wants the whole file; with a reason if it takes no Delta of this size (DC-19). */
async function sendDelta(
  ports: BackupPorts,
  request: BackupRequest,
  prepared: PreparedDelta,
  traffic: Traffic,
): Promise<{ from: number; to: number; counts: DeltaCounts } | typeof TOO_LARGE | undefined> {
  step('extract')
  const content = await fillFromDelta(ports, prepared)
  if (content === undefined) return TOO_LARGE
  step('extracted')
  try {
    const backup = prepared.finish()
    step('scratch')
    const result = await send(ports, request, backup, { type: 202, contentType: DELTA_TYPE, content }, traffic)
    if (result.outcome === 'refresh-required') return undefined
    if (result.outcome === 'refused') return TOO_LARGE
    const { positions } = backup.chain
    return { from: positions[0]?.number ?? 0, to: positions[positions.length - 1]?.number ?? 0, counts: backup.counts }
  } finally {
    await content.dispose()
  }
}

/**
 * The server refused a Delta: what differs from its copy goes from where that stands (DC-104). Undefined if that cannot
 * be: the whole file then.
 */
async function sendDifference(
  ports: BackupPorts,
  request: BackupRequest,
  traffic: Traffic,
): Promise<{ from: number; to: number; counts: DeltaCounts } | undefined> {
  const compared = await request.reconcile?.()
  if (compared === undefined) return undefined
  traffic.exchanges += compared.traffic.exchanges
  traffic.bytesSent += compared.traffic.bytesSent
  traffic.bytesReceived += compared.traffic.bytesReceived
  if (compared.outcome === 'full') return undefined
  const prepared = prepareDelta(request)
  if (prepared === 'full') return undefined
  if (prepared === 'none') {
    const { acknowledged } = request.tracker.summary()
    return { from: acknowledged, to: acknowledged, counts: { puts: 0, deletes: 0, schemaChanges: 0 } }
  }
  const sent = await sendDelta(ports, request, prepared, traffic)
  return typeof sent === 'object' ? sent : undefined
}

/** Undefined if a row is longer than any server reads. */
async function fillFromDelta(ports: BackupPorts, prepared: PreparedDelta): Promise<ScratchContent | undefined> {
  try {
    return await ports.scratch.fill(ports.gzip.compress(octets(prepared.pieces()), DELTA_LEVEL))
  } catch (cause) {
    prepared.discard()
    if (cause instanceof CodedError && cause.code === 'protocol.too-large') return undefined
    throw cause
  }
}

async function* octets(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    // A piece this long is one row and little else.
    if (piece.length > MAX_DELTA_LINE_CHARS) throw new CodedError('protocol.too-large', 'a row too long for a Delta')
    yield encodeUtf8(piece)
  }
}

/** Returns the number the copy stands at. */
async function sendFull(ports: BackupPorts, request: BackupRequest, traffic: Traffic): Promise<number> {
  for (let attempt = 0; attempt < IMAGE_TRIES; attempt++) {
    const { position, lineage } = request.tracker.prepareFull()
    const image = await ports.imager.take(request.path)
    step('image')
    try {
      const database = image.open()
      let backup: PreparedBackup | undefined
      try {
        backup = request.tracker.describeImage({ database, journalMode: image.journalMode }, lineage, position)
      } finally {
        database.close()
      }
      if (!backup) continue
      step('image-described')
      const { contentType, compress } = fileCodingOf(ports)
      const content = await ports.scratch.fill(compress(image.read()))
      try {
        const result = await send(ports, request, backup, { type: 203, contentType, content }, traffic)
        if (result.outcome !== 'accepted') throw refusalOf(result.status)
        return position.number
      } finally {
        await content.dispose()
      }
    } finally {
      await image.dispose()
    }
  }
  throw new CodedError('database.locked', 'the application changes its schema while it is read', {
    next: 'Try again later.',
  })
}

function fileCodingOf({ fileCoding, gzip }: BackupPorts): FileCoding {
  return fileCoding ?? { contentType: FILE_GZIP_TYPE, compress: (source) => gzip.compress(source, FILE_LEVEL) }
}

interface Parcel {
  readonly type: 202 | 203
  readonly contentType: string
  readonly content: ScratchContent
}

async function send(
  ports: BackupPorts,
  request: BackupRequest,
  backup: PreparedBackup,
  parcel: Parcel,
  traffic: Traffic,
): Promise<SessionResult> {
  const { positions } = backup.chain
  const [first] = positions
  const last = positions[positions.length - 1]
  const { login, onProgress } = request
  const { content, type } = parcel
  step('mark-sent')
  backup.markSent()
  step('marked-sent')
  const advised = listenToAdvice(ports.fetch, request.window)
  const result = await runSession(
    { ...ports, fetch: advised.fetch },
    {
      serverUrl: `${login.server}/omads`,
      userName: login.user,
      secret: login.secret,
      deviceId: login.deviceId,
      ...(login.serverLogin && { serverLogin: login.serverLogin }),
      ...(login.installation && { installation: login.installation }),
      devInf: request.devInf,
      datastore: databaseUri(request.database),
      localUri: `./${encodeURIComponent(request.database)}`,
      ...(type === 202 && first ? { last: String(first.number) } : {}),
      next: String(last?.number ?? 0),
      position: backup.chain,
      ...(request.choice && { choice: request.choice }),
      transfer: {
        kind: 'send',
        type,
        item: { luid: LUID, type: parcel.contentType, sizeBytes: content.sizeBytes, open: content.open },
      },
    },
    (progress) => onProgress?.(progress.bytesDone, content.sizeBytes),
  ).finally(() => advised.tell(request.onAdvice))
  traffic.exchanges += result.exchanges
  traffic.bytesSent += result.bytesSent
  traffic.bytesReceived += result.bytesReceived
  if (result.outcome === 'refused') {
    const statuses = [result.status, result.alertStatus, result.itemStatus]
    const quota = quotaError(advised.advice(), { statuses, sizeBytes: content.sizeBytes })
    if (quota) throw quota
  }
  if (result.outcome === 'refused' && !(type === 202 && isTooLarge(result)))
    throw refusalOf(result.status, { 406: 'method.forbidden' })
  if (result.outcome !== 'accepted') return result
  step('acknowledge')
  backup.acknowledge()
  step('acknowledged')
  return result
}

function isTooLarge({ status, itemStatus }: SessionResult): boolean {
  return [status, itemStatus].some((each) => each === 413 || each === 416)
}
