/**
 * One sync of one source with one datastore of any SyncML server, from the first Alert to the anchors that are kept.
 * Whatever breaks on the way, the next sync finds out what is missing from the picture and from what was noted before
 * each step. Rules DC-60 to DC-67.
 */

import { wouldEmpty } from '../../schemas/suddenlyEmpty.ts'
import { ALERT, isSuccess } from '../../schemas/syncml/codes.ts'
import type { Answer } from '../session/conversation.ts'
import { Dialogue } from './dialogue.ts'
import { suddenlyEmpty } from './emptyGuard.ts'
import { openSync } from './openSync.ts'
import { type LocalChange, planChanges } from './planChanges.ts'
import { recoverSync } from './recoverSync.ts'
import { addMaps, sendChanges } from './sendChanges.ts'
import { type AskedAlert, chooseAlert, modeOf, onlyTakes, SYNC_MODES, type SyncType, sendsAll } from './syncMode.ts'
import { newTally, noteFailure, type SyncReport } from './syncReport.ts'
import type { SyncNote, SyncPorts, SyncRequest, SyncRun } from './syncRun.ts'
import { takeAnswer } from './takeAnswer.ts'

/**
 * Runs the sync to its end.
 * @throws {CodedError} `network.unreachable`, `auth.*`, `session.busy`, `datastore.unknown`, `protocol.*` as the server
 *   gives reason; `sync.emptied` if a side is suddenly empty; what source and state throw. What was acknowledged until
 *   then stays so.
 */
export async function runSync(ports: SyncPorts, request: SyncRequest): Promise<SyncReport> {
  const startedAt = ports.clock.now()
  await recoverSync(ports, request.allowEmpty)
  const run = await prepare(ports, request)
  const past = ports.state.link()
  let asked = chooseAlert(request.mode, past)
  guardOurs(run, asked.type)
  const next = nextAnchor(ports.clock.now(), past.last)
  if (!(await openSync(run, asked, next))) {
    asked = { code: SYNC_MODES.slow, type: SYNC_MODES.slow }
    begin(run)
    await openSync(run, asked, next)
  }
  const resumed = wasResumed(run, asked)
  await exchangeChanges(run, { resumed, broke: past.interrupted !== undefined })
  ports.state.finish(next)
  const { exchanges, bytesSent, bytesReceived } = run.dialogue.conversation.traffic
  return {
    ...{ name: request.name, mode: modeOf(run.type), resumed },
    ...run.tally,
    ...{ exchanges, bytesSent, bytesReceived, durationMs: ports.clock.now() - startedAt },
  }
}

async function prepare(ports: SyncPorts, request: SyncRequest): Promise<SyncRun> {
  const scan = await ports.source.scan()
  const tally = newTally()
  for (const { luid, reason } of scan.unreadable) noteFailure(tally, { luid, status: 0, reason })
  return {
    ports,
    request,
    dialogue: await Dialogue.start<SyncNote>(ports, request.peer, request.stores),
    scan,
    tally,
    type: SYNC_MODES[request.mode],
    ...{ alertStatus: undefined, offered: undefined, serverMaxObjSize: undefined, chunkRefused: undefined },
    ...{ arriving: undefined, deleted: 0, putTaken: false },
    ...{ doubtful: [], twins: undefined, mapped: new Map<string, string>() },
  }
}

/** The session begins anew: what the server said of the one before does not count. */
function begin(run: SyncRun): void {
  run.dialogue.restart()
  run.alertStatus = undefined
  run.offered = undefined
}

/** Anchors only have to differ; this one tells the time as well. */
function nextAnchor(now: number, last: string | undefined): string {
  return String(now) === last ? String(now + 1) : String(now)
}

function wasResumed(run: SyncRun, asked: AskedAlert): boolean {
  return asked.code === ALERT.resume && isSuccess(run.alertStatus ?? 0) && run.type === asked.type
}

function planned(run: SyncRun, type: SyncType): readonly LocalChange[] {
  if (onlyTakes(type)) return []
  const unreadable = new Set(run.scan.unreadable.map(({ luid }) => luid))
  return planChanges(type, run.ports.state.picture(), run.scan.digests, unreadable)
}

/** Refuses to empty the server because this side is suddenly empty. */
function guardOurs({ ports, request, scan }: SyncRun, type: SyncType): void {
  if (request.allowEmpty || onlyTakes(type) || type === SYNC_MODES.slow) return
  const before = ports.state.picture().size
  const after = scan.digests.size + scan.unreadable.length
  if (wouldEmpty(before, after)) throw suddenlyEmpty('the source', before, after)
}

interface Beginning {
  readonly resumed: boolean
  /** The session before this one broke. */
  readonly broke: boolean
}

async function exchangeChanges(run: SyncRun, { resumed, broke }: Beginning): Promise<void> {
  const { state } = run.ports
  const { type, scan } = run
  guardOurs(run, type)
  state.setLink({ ...state.link(), interrupted: type })
  const refresh = type === SYNC_MODES['refresh-from-server']
  if (!resumed && (sendsAll(type) || refresh)) {
    const there = new Set([...scan.digests.keys(), ...scan.unreadable.map(({ luid }) => luid)])
    state.beginWhole((luid) => there.has(luid))
  }
  const changes = planned(run, type)
  if (refresh) run.doubtful = [...scan.digests.keys()]
  // A server that begins by the old anchors may send back as new what it took of us before the line broke.
  else if (broke && !resumed) {
    const adds = changes.filter(({ command }) => command === 'Add').map(({ luid }) => luid)
    run.doubtful = [...new Set([...state.fresh(), ...adds])]
  }
  const answer = await sendChanges(run, changes)
  await receiveChanges(run, answer)
  if (refresh) await removeUnnamed(run)
  await closeSession(run)
}

/** Package 4 to its end; `answer` is the first message of it and has been taken. */
async function receiveChanges(run: SyncRun, first: Answer): Promise<void> {
  let answer = first
  let brought = true
  while (!answer.message.final) {
    answer = await run.dialogue.next(brought)
    brought = await takeAnswer(run, answer)
  }
}

/** A refresh is complete: what the server did not name is not there, unless it came or changed meanwhile. */
async function removeUnnamed(run: SyncRun): Promise<void> {
  const { scan, ports, request, tally } = run
  const unnamed = [...scan.digests].filter(([luid]) => !ports.state.isSettled(luid))
  const after = scan.digests.size - unnamed.length + tally.received.added
  if (!request.allowEmpty && wouldEmpty(scan.digests.size, after)) {
    throw suddenlyEmpty('the server', scan.digests.size, after)
  }
  for (const [luid, digest] of unnamed) {
    const outcome = await ports.source.remove(luid, digest)
    ports.state.forget(luid)
    if (outcome === 'removed') tally.received.deleted += 1
  }
}

/** Package 5 with what is owed and the Maps, and package 6. Nothing to say: nothing is said. */
async function closeSession(run: SyncRun): Promise<void> {
  const { dialogue, ports } = run
  let maps = ports.state.pendingMaps()
  let closed = !dialogue.owes && maps.length === 0
  while (!closed) {
    const plan = dialogue.plan()
    maps = addMaps(run, plan, maps)
    closed = !dialogue.owes && maps.length === 0
    let answer = await dialogue.say(plan, closed)
    let brought = await takeAnswer(run, answer)
    while (closed && !answer.message.final) {
      answer = await dialogue.next(brought)
      brought = await takeAnswer(run, answer)
    }
  }
}
