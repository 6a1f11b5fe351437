/**
 * The copies of all devices: takes Deltas and whole files, keeps the catalogue in step, and lets one session at a
 * time write a copy. The work itself runs in the worker pool. Rules BK-3, BK-4, BK-6, BK-9, BK-13.
 */

import { randomUUID } from 'node:crypto'
import { type BackupChoice, DEFAULT_CHOICE } from '../../schemas/backupChoice.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { Position, PositionChain } from '../../schemas/syncml/position.ts'
import type { DatabaseKey, DatabaseRow, Databases } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import { step } from '../steps.ts'
import type { ApplyOutcome } from './applyDelta.ts'
import type { Arrivals } from './arrivals.ts'
import { type CopyGate, createCopyGate } from './copyGate.ts'
import { copyKeyContext, placeOfCopy } from './copyKey.ts'
import type { GuardMark } from './guardMark.ts'
import { type ImportResult, removeCopy } from './importFile.ts'
import type { AppliedDelta, ApplyInput, ContentSource, ImportFileInput, SnapshotNeeded } from './jobs.ts'
import { placeDelta } from './placeDelta.ts'

/** The jobs this needs, by whatever pool; `owner` is the device they are for. */
export interface CopyJobs {
  applyDelta(input: ApplyInput, owner: DatabaseKey): Promise<AppliedDelta | SnapshotNeeded>
  importFile(input: ImportFileInput, owner: DatabaseKey): Promise<ImportResult>
}

/** What keeps older states, if anything does (TM). */
export interface PastKeeping {
  /** Names of all states of a database that can be restored; none if there is no database yet. */
  listTokens(key: DatabaseKey): Promise<readonly string[]>
  /** The copy of `row` is about to be replaced: it is kept as it is. Durable when it resolves. */
  putAside(row: DatabaseRow): Promise<void>
  /** Keeps the copy of `row` as it stands, which goes on. Durable when it resolves. @throws {CodedError} `storage.*`. */
  takeSnapshot(row: DatabaseRow): Promise<void>
  /** A Delta took most rows of a table: the state before it stays. Durable when it resolves; it may come again. */
  guard(key: DatabaseKey, mark: GuardMark): Promise<void>
}

/** One finished backup, for log and metrics. */
export interface BackupEvent extends DatabaseKey {
  readonly mode: 'full' | 'delta'
  readonly outcome: ApplyOutcome['outcome'] | ImportResult['kind']
  readonly puts: number
  readonly deletes: number
  readonly durationMs: number
  /** Compressed octets as they came. */
  readonly receivedBytes: number
  /** Tables that lost more than half of their rows. */
  readonly emptied: readonly string[]
}

export interface CopiesParts {
  readonly databases: Databases
  readonly keyRing: KeyRing
  readonly jobs: CopyJobs
  /** Takes files in while they arrive; without it each is read when it is whole. */
  readonly arrivals?: Arrivals
  /** Without it only the newest state is there. */
  readonly past?: PastKeeping
  /** Keeps others from the file that is written; one of its own without it. */
  readonly gate?: CopyGate
  /** Whether a file that was built may be put in place. @throws {CodedError} `quota.exceeded`. */
  admit?(built: DatabaseRow, old: DatabaseRow | undefined): Promise<void>
  copyPath(copyId: string): string
  now(): number
  onBackup(event: BackupEvent): void
}

/** Octets of a finished Item, and how many there are. */
export interface ReceivedContent {
  readonly source: ContentSource
  readonly sizeBytes: number
  /** The spool they came through. */
  readonly spoolId?: string
}

/** Whether a Delta with this chain would be taken, as far as the catalogue knows; the copy itself has the last word. */
export type ChainVerdict = 'welcome' | 'full-needed'

export interface Copies {
  find(key: DatabaseKey): Promise<DatabaseRow | undefined>
  list(accountId: string): Promise<readonly DatabaseRow[]>
  judgeChain(row: DatabaseRow, chain: PositionChain): ChainVerdict
  /**
   * Applies a Delta; durable when it resolves.
   * @throws {CodedError} as `applyDelta`; `session.busy` while another session writes this copy; `anchor.mismatch` if
   *   there is no copy or it takes whole files only.
   */
  applyDelta(key: DatabaseKey, content: ReceivedContent, choice?: BackupChoice): Promise<ApplyOutcome>
  /**
   * Makes a received file the copy; durable when it resolves. The old copy stays whole until then. A file that repeats
   * what the copy stands at changes nothing.
   * @throws {CodedError} as `importFile`; `session.busy`; `anchor.mismatch` for the name of an older state (ID-3).
   */
  replaceByFile(
    key: DatabaseKey,
    begin: { lineage: string } & Position,
    content: ReceivedContent,
    choice?: BackupChoice,
  ): Promise<void>
}

export function createCopies(parts: CopiesParts): Copies {
  const writing = new Set<string>()
  const gate = parts.gate ?? createCopyGate()
  const exclusively = async <T>(key: DatabaseKey, work: () => Promise<T>): Promise<T> => {
    const name = JSON.stringify([key.accountId, key.deviceId, key.name])
    if (writing.has(name)) throw new CodedError('session.busy', `another session writes ${key.name}`)
    writing.add(name)
    try {
      return await gate.write(key, work)
    } finally {
      writing.delete(name)
    }
  }
  return {
    find: (key) => parts.databases.get(key),
    list: (accountId) => parts.databases.list(accountId),
    judgeChain,
    applyDelta: (key, content, choice = DEFAULT_CHOICE) =>
      exclusively(key, () => applyDelta(parts, key, content, choice)),
    replaceByFile: (key, begin, content, choice = DEFAULT_CHOICE) =>
      exclusively(key, () => replaceByFile(parts, key, begin, content, choice)),
  }
}

function judgeChain(row: DatabaseRow, chain: PositionChain): ChainVerdict {
  if (row.kind === 'file') return 'full-needed'
  const last = chain.positions[chain.positions.length - 1]
  // The catalogue has no history: whether an older chain is a repeat is seen in the copy.
  if (chain.lineage === row.lineage && last && last.number <= row.number) return 'welcome'
  try {
    placeDelta({ ...row, history: new Map([[row.number, row.token]]) }, chain)
    return 'welcome'
  } catch (cause) {
    if (cause instanceof CodedError) return 'full-needed'
    throw cause
  }
}

async function applyDelta(
  parts: CopiesParts,
  key: DatabaseKey,
  content: ReceivedContent,
  choice: BackupChoice,
): Promise<ApplyOutcome> {
  const startedAt = parts.now()
  const row = await parts.databases.get(key)
  if (!row || row.kind === 'file')
    throw new CodedError('anchor.mismatch', `there is no copy of ${key.name} for a Delta`)
  const input = { ...placeOfCopy(parts, row), content: content.source }
  const outcome = await applyOrKeepWhole(parts, row, input, choice)
  // Before the device is told: a kill in between makes it send again, and the copy still says so.
  const isKept = choice.timeMachine === 'on' || row.timeMachine !== 'off'
  if (outcome.guarded && isKept) await parts.past?.guard(key, outcome.guarded)
  step('catalogue')
  const { number, token, sizeBytes } = outcome
  const taken = { lastBackupAt: parts.now(), lastMode: 'delta' as const, ...choice }
  const applied = { ...row, number, token, sizeBytes, ...taken }
  // If another copy took its place meanwhile (a restore was confirmed), this Delta went into one that is gone.
  if (!(await parts.databases.switchCopy(applied, row.copyId))) {
    throw new CodedError('anchor.mismatch', `the copy of ${key.name} was replaced meanwhile`)
  }
  step('catalogue-written')
  parts.onBackup({
    ...key,
    mode: 'delta',
    outcome: outcome.outcome,
    puts: outcome.counts.puts,
    deletes: outcome.counts.deletes,
    durationMs: parts.now() - startedAt,
    receivedBytes: content.sizeBytes,
    emptied: outcome.emptied.map((table) => table.table),
  })
  return outcome
}

async function applyOrKeepWhole(
  parts: CopiesParts,
  row: DatabaseRow,
  input: Omit<ApplyInput, 'past'>,
  choice: BackupChoice,
): Promise<AppliedDelta> {
  const time = { takenAt: row.lastBackupAt, sizeBytes: row.sizeBytes }
  const keeps = choice.timeMachine === 'on'
  // What was kept until now is not the device's to throw away: it goes by the policy (BK-28).
  if (!keeps && row.timeMachine !== 'off') await parts.past?.takeSnapshot(row)
  const past = parts.past && keeps ? ({ kind: 'keep', time } as const) : ({ kind: 'forget' } as const)
  let outcome = await parts.jobs.applyDelta({ ...input, past }, row)
  if (outcome.outcome === 'snapshot-needed') {
    await parts.past?.takeSnapshot(row)
    outcome = await parts.jobs.applyDelta({ ...input, past: { kind: 'forget' } }, row)
  }
  if (outcome.outcome === 'snapshot-needed') throw new CodedError('internal', 'a snapshot was taken already')
  return outcome
}

async function replaceByFile(
  parts: CopiesParts,
  key: DatabaseKey,
  begin: { lineage: string } & Position,
  content: ReceivedContent,
  choice: BackupChoice,
): Promise<void> {
  const startedAt = parts.now()
  const old = await parts.databases.get(key)
  // The answer was lost: by its name it is the same state.
  if (old?.lineage === begin.lineage && old.token === begin.token) return
  const tokens = (await parts.past?.listTokens(key)) ?? []
  if (tokens.includes(begin.token))
    throw new CodedError('anchor.mismatch', 'the file has the name of a state that is there already')
  const taken =
    content.spoolId === undefined ? undefined : await parts.arrivals?.take(content.spoolId, content.sizeBytes)
  const copyId = taken?.copyId ?? randomUUID()
  const copyKey = taken?.copyKey ?? parts.keyRing.newKey(copyKeyContext(copyId))
  const input = {
    copyPath: parts.copyPath(copyId),
    copyKey: Buffer.from(copyKey.key).toString('hex'),
    position: begin,
    content: content.source,
    ...(taken && { received: taken.facts }),
    taken: tokens,
  }
  const result = await parts.jobs.importFile(input, key).catch(async (cause: unknown) => {
    // A process that was killed at its limits could not clear away behind itself.
    await removeCopy(parts.copyPath(copyId))
    throw cause
  })
  const row: DatabaseRow = {
    ...key,
    copyId,
    kind: result.kind,
    // Now, not before the work: the master key may have changed since (KY-5).
    wrappedKey: parts.keyRing.wrap(copyKey.key, copyKeyContext(copyId)),
    ...begin,
    sizeBytes: result.sizeBytes,
    lastBackupAt: parts.now(),
    lastMode: 'full',
    ...choice,
    ...(result.reason === undefined ? {} : { reason: result.reason }),
    createdAt: old?.createdAt ?? parts.now(),
  }
  await parts.admit?.(row, old).catch(async (cause: unknown) => {
    await removeCopy(parts.copyPath(copyId))
    throw cause
  })
  step('put-aside')
  const keepsOld = parts.past !== undefined && (choice.timeMachine === 'on' || old?.timeMachine !== 'off')
  if (old && keepsOld) await parts.past.putAside(old)
  step('copy-switch')
  if (!(await parts.databases.switchCopy(row, old?.copyId))) {
    await removeCopy(parts.copyPath(copyId))
    throw new CodedError('session.busy', `the copy of ${key.name} was replaced meanwhile`)
  }
  step('copy-switched')
  if (old && !keepsOld) await removeCopy(parts.copyPath(old.copyId))
  step('copy-removed')
  parts.onBackup({
    ...key,
    mode: 'full',
    outcome: result.kind,
    puts: result.rows,
    deletes: 0,
    durationMs: parts.now() - startedAt,
    receivedBytes: content.sizeBytes,
    emptied: [],
  })
}
