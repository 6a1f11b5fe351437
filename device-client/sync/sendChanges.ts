/**
 * Package 3: Maps that an earlier session owes, then the changes of this side, in as many messages as they need
 * (reference 3.8 to 3.11). An item counts as sent when its Status says so, not before. Rules DC-61, DC-63.
 */

import { CodedError, errorEntry } from '../../schemas/errors.ts'
import { STATUS } from '../../schemas/syncml/codes.ts'
import type { Command, SyncCommand } from '../../schemas/syncml/message.ts'
import { type Answer, malformed } from '../session/conversation.ts'
import { contentDigest } from './contentDigest.ts'
import type { MessagePlan } from './messagePlan.ts'
import type { LocalChange } from './planChanges.ts'
import { toWire } from './syncApp.ts'
import { noteFailure } from './syncReport.ts'
import type { SyncNote, SyncRun } from './syncRun.ts'
import type { PendingMap } from './syncState.ts'
import { takeAnswer } from './takeAnswer.ts'
import { type Carrier, carrierFor } from './wireItem.ts'

/** Pairs of one Map. */
const MAX_PAIRS = 100

/** A chunk smaller than this waits for the next message. */
const LEAST_CHUNK = 200

/** An item, or what of it is still to be sent. */
interface Outgoing {
  readonly change: LocalChange
  readonly digest: string
  readonly type: string
  readonly octets: Uint8Array
  readonly carrier: Carrier
  offset: number
}

/** Sends everything and gives the answer to the last message. */
export async function sendChanges(run: SyncRun, changes: readonly LocalChange[]): Promise<Answer> {
  const { dialogue } = run
  const queue = [...changes].reverse()
  let maps = run.ports.state.pendingMaps()
  let item: Outgoing | Deletion | undefined
  let first = true
  for (;;) {
    const plan = dialogue.plan()
    maps = addMaps(run, plan, maps)
    if (maps.length === 0 && plan.openSync(syncOf(run, first ? changes.length : undefined))) {
      first = false
      const before = plan.notes.length
      for (item ??= await nextItem(run, queue); item !== undefined; item = await nextItem(run, queue)) {
        if (!place(run, plan, item, plan.notes.length === before)) break
      }
    }
    const answer = await dialogue.say(plan, !first && item === undefined)
    const done = !first && item === undefined && !dialogue.owes
    await takeAnswer(run, answer)
    if (run.chunkRefused !== undefined) {
      run.chunkRefused = undefined
      item = undefined
    }
    if (done) return answer
  }
}

/** Adds Maps as far as there is room, and gives the rest. */
export function addMaps(
  run: SyncRun,
  plan: MessagePlan<SyncNote>,
  pairs: readonly PendingMap[],
): readonly PendingMap[] {
  let at = 0
  for (let count = MAX_PAIRS; at < pairs.length && count >= 1; ) {
    const some = pairs.slice(at, at + count)
    if (plan.add(mapOf(run, some), { kind: 'map', pairs: some })) at += some.length
    else count = Math.floor(count / 2)
  }
  return pairs.slice(at)
}

function mapOf({ request: { stores } }: SyncRun, pairs: readonly PendingMap[]): Command {
  return {
    name: 'Map',
    cmdId: '',
    target: { locUri: stores.remote },
    source: { locUri: stores.local },
    mapItems: pairs.map(({ guid, luid }) => ({ target: { locUri: guid }, source: { locUri: luid } })),
  }
}

function syncOf({ request: { stores } }: SyncRun, numberOfChanges: number | undefined): SyncCommand {
  return {
    name: 'Sync',
    cmdId: '',
    target: { locUri: stores.remote },
    source: { locUri: stores.local },
    ...(numberOfChanges === undefined ? {} : { numberOfChanges }),
    commands: [],
  }
}

interface Deletion {
  readonly change: LocalChange
  readonly octets?: undefined
}

/** The next change that can be sent; what cannot is noted and tried again with the next sync. */
async function nextItem(run: SyncRun, queue: LocalChange[]): Promise<Outgoing | Deletion | undefined> {
  for (let change = queue.pop(); change !== undefined; change = queue.pop()) {
    if (change.command === 'Delete') return { change }
    const octets = await run.ports.source.read(change.luid)
    // It went while the session ran: the next one will say so.
    if (octets === undefined) continue
    const made = makeItem(run, change, octets)
    if (made !== undefined) return made
  }
  return undefined
}

function makeItem(run: SyncRun, change: LocalChange, octets: Uint8Array): Outgoing | undefined {
  const { luid } = change
  try {
    const wire = toWire(run.request.app, octets, run.ports.state.link().takes)
    const limit = run.serverMaxObjSize
    if (limit !== undefined && wire.octets.length > limit) {
      noteFailure(run.tally, { luid, status: STATUS.requestedSizeTooBig, reason: `the server takes ${limit} octets` })
      return undefined
    }
    const carrier = carrierFor(run.dialogue.conversation.codec, wire.octets)
    return { change, digest: contentDigest(octets), ...wire, carrier, offset: 0 }
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    noteFailure(run.tally, { luid, status: errorEntry(cause.code).status, reason: cause.message })
    return undefined
  }
}

/** Puts a change, or the next part of it, into the message; false if nothing more goes in. */
function place(run: SyncRun, plan: MessagePlan<SyncNote>, item: Outgoing | Deletion, alone: boolean): boolean {
  const { change } = item
  if (item.octets === undefined) {
    const command: Command = { name: 'Delete', cmdId: '', items: [{ source: { locUri: change.luid } }] }
    return plan.addItem(command, { kind: 'change', change })
  }
  const rest = item.octets.length - item.offset
  const note: SyncNote = { kind: 'change', change, digest: item.digest }
  if (plan.addItem(putOf(item, item.octets.subarray(item.offset), false), note)) return true
  // What has begun, or would not fit an empty message either, goes in parts.
  if (!alone) return false
  const free = plan.room - plan.sizeOf(putOf(item, new Uint8Array(), true))
  for (let length = Math.min(item.carrier.lengthFor(free), rest - 1); length >= LEAST_CHUNK; length >>= 1) {
    const end = item.carrier.cut(item.octets, item.offset + length)
    const part = item.octets.subarray(item.offset, end)
    if (!plan.addItem(putOf(item, part, true), { kind: 'change', change, more: true })) continue
    item.offset = end
    return false
  }
  if (run.dialogue.owes || plan.commands.length > 1) return false
  throw malformed(`messages of ${run.dialogue.conversation.maxMsgSize} octets, which hold no item`)
}

function putOf({ change, type, octets, carrier, offset }: Outgoing, part: Uint8Array, more: boolean): Command {
  const meta = {
    ...(carrier.format === undefined ? {} : { format: carrier.format }),
    type,
    ...(more && offset === 0 ? { size: sizeOf(carrier, octets) } : {}),
  }
  const item = { source: { locUri: change.luid }, meta, data: carrier.data(part), ...(more ? { moreData: true } : {}) }
  return { name: change.command === 'Replace' ? 'Replace' : 'Add', cmdId: '', items: [item] }
}

/** `Size` counts octets as they travel (OM-17). */
function sizeOf({ format }: Carrier, { length }: Uint8Array): number {
  return format === undefined ? length : Math.ceil(length / 3) * 4
}
