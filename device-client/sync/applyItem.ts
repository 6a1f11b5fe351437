/**
 * One change of the server on this side. What is about to be written is noted first, so that a kill leaves no item of
 * unknown origin; what somebody changed here meanwhile is never overwritten (reference 3.8, 3.13). Rules DC-64, DC-65.
 */

import { CodedError } from '../../schemas/errors.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import { contentDigest } from './contentDigest.ts'
import { meaningOf, toRest, type WireContent } from './syncApp.ts'
import { noteChange, noteFailure } from './syncReport.ts'
import type { SyncRun } from './syncRun.ts'

/** An item that is new here. @returns its Status. @throws {CodedError} what the source throws. */
export async function applyAdd(run: SyncRun, guid: string, content: WireContent): Promise<number> {
  const { state, source } = run.ports
  const known = state.luidOf(guid) ?? run.mapped.get(guid)
  // The server repeats what it got no Map for.
  if (known !== undefined && (await source.read(known)) !== undefined) return applyReplace(run, known, content, guid)
  const octets = source.asKept(toRest(run.request.app, content))
  const digest = contentDigest(octets)
  const twin = await findTwin(run, octets)
  if (twin !== undefined) {
    state.arrived({ ...twin, guid })
    return run.type === 205 ? STATUS.itemAdded : STATUS.alreadyExists
  }
  const luid = await source.chooseLuid(octets)
  state.expect({ luid, digest, guid })
  try {
    await source.add(luid, octets)
  } catch (cause) {
    // Any other failure may have left the item there: the next sync looks.
    if (cause instanceof CodedError && cause.code === 'content.invalid') state.missed(luid)
    throw cause
  }
  state.arrived({ luid, digest, guid })
  noteChange(run.tally.received, 'Add')
  return STATUS.itemAdded
}

/** An item here that says the same and has no counterpart at the server yet, as far as we know. */
async function findTwin(
  run: SyncRun,
  octets: Uint8Array,
): Promise<{ readonly luid: string; readonly digest: string } | undefined> {
  const { source } = run.ports
  const { app } = run.request
  if (run.doubtful.length === 0) return undefined
  run.twins ??= await listTwins(run)
  const luid = run.twins.get(meaningOf(app, octets))?.shift()
  const held = luid === undefined ? undefined : await source.read(luid)
  // What is there now may be an edit of a moment ago.
  if (luid === undefined || held === undefined || meaningOf(app, held) !== meaningOf(app, octets)) return undefined
  return { luid, digest: contentDigest(held) }
}

async function listTwins({ ports, request, doubtful }: SyncRun): Promise<Map<string, string[]>> {
  const twins = new Map<string, string[]>()
  for (const luid of doubtful) {
    const octets = await ports.source.read(luid)
    if (octets === undefined) continue
    const meaning = meaningOf(request.app, octets)
    twins.set(meaning, [...(twins.get(meaning) ?? []), luid])
  }
  return twins
}

/** An item that is here with other content. @returns its Status. @throws {CodedError} what the source throws. */
export async function applyReplace(run: SyncRun, luid: string, content: WireContent, guid?: string): Promise<number> {
  const { state, source } = run.ports
  const octets = source.asKept(toRest(run.request.app, content))
  const digest = contentDigest(octets)
  const expected = state.digestOf(luid)
  if (expected === undefined && (await source.read(luid)) === undefined) return STATUS.notFound
  const arriving = { luid, digest, guid }
  state.expect(arriving)
  const outcome = await source.replace(luid, octets, expected)
  if (outcome.kind === 'refused') {
    state.missed(luid)
    run.tally.conflicts += 1
    noteFailure(run.tally, { luid, status: STATUS.conflict, reason: 'it was changed here and cannot be kept twice' })
    return STATUS.conflict
  }
  state.arrived(arriving)
  if (outcome.kind === 'kept-both') run.tally.conflicts += 1
  noteChange(run.tally.received, 'Replace')
  return STATUS.ok
}

/** An item that the server has no more. @returns its Status. */
export async function applyDelete(run: SyncRun, luid: string): Promise<number> {
  const { state, source } = run.ports
  const expected = state.digestOf(luid)
  if (expected === undefined) return STATUS.itemNotDeleted
  const outcome = await source.remove(luid, expected)
  // A change beats a deletion: without its row it is new, and goes to the server again.
  state.forget(luid)
  if (outcome === 'changed') run.tally.conflicts += 1
  if (outcome === 'removed') {
    run.deleted += 1
    noteChange(run.tally.received, 'Delete')
  }
  return STATUS.ok
}
