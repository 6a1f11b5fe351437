/**
 * The restore points of a database: those its copy remembers, and the copies that were put aside. What is kept, found and
 * given back of them. Rules TM-1, TM-4, TM-7, TM-8.
 */

import { randomUUID } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import type { PastKeeping } from '../backup/copies.ts'
import { type CopyGate, createCopyGate } from '../backup/copyGate.ts'
import { type CopyPlace, copyKeyContext, placeOfCopy } from '../backup/copyKey.ts'
import { removeCopy } from '../backup/importFile.ts'
import type { PastPoint } from '../backup/pastLayout.ts'
import type { DatabaseKey, DatabaseRow, Databases, PastCopies, PastCopyRow } from '../catalogue/catalogue.ts'
import type { PinRow, Pins } from '../catalogue/pins.ts'
import type { KeyRing } from '../keys/keyRing.ts'
import type { CopyPast } from './pastJobs.ts'
import { type GuardOutcome, pinByGuard } from './pinning.ts'

/** The work on copies, by whatever pool; `owner` is whose it is. */
export interface PastJobs {
  listPast(input: CopyPlace, owner: DatabaseKey): Promise<CopyPast>
  copyCopy(input: CopyPlace & { readonly to: string }, owner: DatabaseKey): Promise<void>
  dropPast(
    input: CopyPlace & { readonly tokens: readonly string[] },
    owner: DatabaseKey,
  ): Promise<{ readonly freedBytes: number }>
}

export interface TimeMachineParts {
  readonly databases: Databases
  readonly pastCopies: PastCopies
  readonly pins: Pins
  readonly keyRing: KeyRing
  readonly jobs: PastJobs
  /** Keeps others from the file that points are dropped of; one of its own without it. */
  readonly gate?: CopyGate
  copyPath(copyId: string): string
  now(): number
  /** A copy cannot say what it remembers: it is damaged or gone. */
  onDamage(key: DatabaseKey, copyId: string, cause: unknown): void
  /** So many copies of a database were put aside that the policy should look at once (TM-14). */
  onCrowd(key: DatabaseKey): void
  /** A Delta took most rows of a table, and this became of the state before it (TM-18). */
  onGuard(key: DatabaseKey, outcome: Exclude<GuardOutcome, 'known'>): void
}

/** Copies put aside of one database, beyond which the policy does not wait for the night. */
export const CROWD = 20

/** A copy that holds a point, and which one it is. */
export interface PlacedPoint extends PastPoint {
  readonly copy: Pick<DatabaseRow, 'copyId' | 'kind' | 'wrappedKey'>
  /** The copy stands there; else it remembers it. */
  readonly isHead: boolean
  /** The newest state of the database. */
  readonly isLatest: boolean
  readonly isPinned: boolean
  /** Why it is. */
  readonly pin?: PinRow
}

export interface TimeMachine extends PastKeeping {
  /** All points of a database, newest first. @throws {CodedError} `database.unknown`. */
  listPoints(key: DatabaseKey): Promise<readonly PlacedPoint[]>
  /**
   * Drops points, named by {@link momentOf}; a copy that has none left goes.
   * @returns octets that were given back or can be used again.
   */
  dropPoints(key: DatabaseKey, moments: ReadonlySet<string>): Promise<number>
}

/** Codes of a copy that cannot be read. */
const DAMAGE: readonly string[] = ['storage.corrupt', 'storage.unavailable', 'key.wrong']

export function createTimeMachine(parts: TimeMachineParts): TimeMachine {
  const gate = parts.gate ?? createCopyGate()
  return {
    listTokens: async (key) =>
      (await parts.databases.get(key)) === undefined ? [] : (await listPoints(parts, key)).map(({ token }) => token),
    putAside: (row) => putAside(parts, row),
    takeSnapshot: (row) => takeSnapshot(parts, row),
    guard: async (key, mark) => {
      const outcome = await pinByGuard(parts, key, mark)
      if (outcome !== 'known') parts.onGuard(key, outcome)
    },
    listPoints: (key) => listPoints(parts, key),
    dropPoints: (key, moments) => gate.write(key, () => dropPoints(parts, key, moments)),
  }
}

/** Lists a file that stands where `row` does; by default the copy of `row` itself. */
async function putAside(
  parts: TimeMachineParts,
  row: DatabaseRow,
  { copyId, wrappedKey }: Pick<DatabaseRow, 'copyId' | 'wrappedKey'> = row,
): Promise<void> {
  const { accountId, deviceId, name, kind, lineage, number, token, sizeBytes, lastBackupAt: takenAt } = row
  const position = { lineage, number, token, takenAt, sizeBytes }
  const key = { accountId, deviceId, name }
  await parts.pastCopies.put({ ...key, kind, ...position, copyId, wrappedKey, endedAt: parts.now() })
  if ((await parts.pastCopies.list(key)).length > CROWD) parts.onCrowd(key)
}

/** A second file with everything the copy remembers; if a killed server took it already, that one serves. */
async function takeSnapshot(parts: TimeMachineParts, row: DatabaseRow): Promise<void> {
  const listed = await parts.pastCopies.list(row)
  // The copy itself may be listed, too: it was going to be replaced. That is no second file.
  const [newest] = listed.filter(({ copyId }) => copyId !== row.copyId)
  if (newest?.token === row.token && newest.lineage === row.lineage) return
  const copyId = randomUUID()
  const place = placeOfCopy(parts, row)
  const to = parts.copyPath(copyId)
  await parts.jobs.copyCopy({ ...place, to }, row).catch(async (cause: unknown) => {
    await removeCopy(parts.copyPath(copyId))
    throw cause
  })
  const wrappedKey = parts.keyRing.wrap(Buffer.from(place.copyKey, 'hex'), copyKeyContext(copyId))
  await putAside(parts, row, { copyId, wrappedKey })
}

/**
 * What tells points apart: a restored state is there with the time it was first taken and with that of its restore.
 * The first must not go with the second, or a device could age its history by restoring it (ID-3).
 */
export function momentOf({ token, takenAt }: Pick<PastPoint, 'token' | 'takenAt'>): string {
  return `${token} ${takenAt}`
}

/** Each moment once, where it is found first: a Snapshot lets it stand in two copies. */
async function listPoints(parts: TimeMachineParts, key: DatabaseKey): Promise<readonly PlacedPoint[]> {
  const seen = new Set<string>()
  const found = await listPlaces(parts, key)
  const pins = (await parts.pins.list(key)).filter(({ releasedAt }) => releasedAt === undefined)
  const pinned = new Map(pins.map((pin) => [pin.token, pin]))
  return found
    .filter((place) => !seen.has(momentOf(place)) && seen.add(momentOf(place)))
    .map((point) => {
      const pin = pinned.get(point.token)
      return pin === undefined ? point : { ...point, isPinned: true, pin }
    })
}

/** All states of all copies, those of the newest first. */
async function listPlaces(parts: TimeMachineParts, key: DatabaseKey): Promise<readonly PlacedPoint[]> {
  const row = await parts.databases.get(key)
  if (row === undefined) throw new CodedError('database.unknown', `device ${key.deviceId} has no database ${key.name}`)
  const latest = headOf(row, row.lastBackupAt, true)
  const found: PlacedPoint[] = [...((await pointsOf(parts, key, latest)) ?? [latest])]
  for (const copy of await parts.pastCopies.list(key)) {
    // It was to be put aside, and is in use still: the server was killed before another took its place.
    if (copy.copyId === row.copyId) continue
    found.push(...((await pointsOf(parts, key, headOf(copy, copy.takenAt, false))) ?? []))
  }
  return found
}

/** What a copy stands at, as the catalogue has it. */
function headOf(copy: DatabaseRow | PastCopyRow, takenAt: number, isLatest: boolean): PlacedPoint {
  const { lineage, number, token, sizeBytes } = copy
  return { lineage, number, token, sizeBytes, takenAt, copy, isHead: true, isLatest, isPinned: false }
}

/**
 * All points of one copy. Where it stands it knows best: the catalogue is behind if the server ended between the two.
 * @returns undefined if it is damaged or gone: what other copies hold is there all the same (TM-12).
 */
async function pointsOf(
  parts: TimeMachineParts,
  key: DatabaseKey,
  head: PlacedPoint,
): Promise<readonly PlacedPoint[] | undefined> {
  const { copy } = head
  if (copy.kind === 'file') return [head]
  const past = await parts.jobs.listPast(placeOfCopy(parts, copy), key).catch((cause: unknown) => {
    if (!(cause instanceof CodedError) || !DAMAGE.includes(cause.code)) throw cause
    parts.onDamage(key, copy.copyId, cause)
  })
  if (past === undefined) return undefined
  return [
    { ...head, ...past.head },
    ...past.points.map((point) => ({ ...point, copy, isHead: false, isLatest: false, isPinned: false })),
  ]
}

async function dropPoints(parts: TimeMachineParts, key: DatabaseKey, moments: ReadonlySet<string>): Promise<number> {
  const places = await listPlaces(parts, key)
  // A moment that stands in two copies is kept for the first; the other need not keep it.
  const keeper = new Map(places.toReversed().map((place) => [momentOf(place), place.copy.copyId]))
  let freedBytes = 0
  for (const { copy, isLatest } of places.filter(({ isHead }) => isHead)) {
    const own = places.filter((place) => place.copy.copyId === copy.copyId)
    const gone = own.filter((place) => moments.has(momentOf(place)) || keeper.get(momentOf(place)) !== copy.copyId)
    if (gone.length === own.length && !isLatest) {
      freedBytes += own[0]?.sizeBytes ?? 0
      // The row first: what a kill leaves then is a file that belongs to nobody.
      await parts.pastCopies.remove(copy.copyId)
      await removeCopy(parts.copyPath(copy.copyId))
      continue
    }
    const inside = gone.filter(({ isHead }) => !isHead).map(({ token }) => token)
    if (inside.length === 0) continue
    const result = await parts.jobs.dropPast({ ...placeOfCopy(parts, copy), tokens: inside }, key)
    freedBytes += result.freedBytes
  }
  return freedBytes
}
