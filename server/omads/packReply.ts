/**
 * Packs one answer (OM-6): the SyncHdr Status, then Statuses, Results and Alerts that are owed, then Items of
 * package 4, as much as the client's MaxMsgSize takes. What does not fit waits in the session.
 */

import { encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, ResultsCommand, StatusCommand, SyncHdr } from '../../schemas/syncml/message.ts'
import { nextItemCommand, type ReadItem } from './packItem.ts'
import { messageLimit, type Packing, sizeOf } from './packing.ts'
import type { ActiveState, DatastoreLink, Outbox, SentItem } from './sessionState.ts'

/** Octets kept free: encoded sizes of parts do not add up exactly (code pages, lengths). */
const MARGIN = 48

export interface PackInput {
  readonly state: ActiveState
  readonly header: SyncHdr
  /** Absent when the client wants no Statuses. */
  readonly headerStatus: StatusCommand | undefined
  readonly readItem: ReadItem
}

export interface PackedReply {
  readonly commands: readonly Command[]
  readonly final: boolean
  readonly outbox: Outbox
  readonly links: readonly DatastoreLink[]
  readonly sent: readonly SentItem[]
  readonly complete: boolean
}

/** Packs the next answer of the session. */
export async function packReply(input: PackInput): Promise<PackedReply> {
  const { state, header } = input
  const { encoding } = state.identity
  const frame = encodeMessage({ header, commands: [], final: true }, encoding).length
  const packing: Packing = {
    state,
    commands: [],
    room: messageLimit(state.peerMaxMsgSize) - frame - MARGIN,
    nextCmdId: 1,
  }
  packing.room -= sizeOf(packing, nextMessageAlert(header))
  if (input.headerStatus) place(packing, input.headerStatus)
  const statuses = fill(packing, state.outbox.statuses)
  const outgoing = statuses.length === 0 ? fill(packing, state.outbox.commands) : state.outbox.commands
  const empty = statuses.length === 0 && outgoing.length === 0
  const slices =
    state.phase === 'sending' && empty
      ? await packSyncs(packing, input.readItem)
      : { links: state.links, sent: [], done: state.phase !== 'sending' }
  const complete = empty && slices.done && state.peerClosed
  if (!complete && packing.commands.every((c) => c.name === 'Status')) place(packing, nextMessageAlert(header))
  return {
    commands: packing.commands,
    final: complete,
    outbox: { statuses, commands: outgoing },
    links: slices.links,
    sent: [...state.sent.filter((s) => !s.more), ...slices.sent],
    complete,
  }
}

/** Places commands while they fit; the rest is returned. */
function fill(packing: Packing, queue: readonly Command[]): readonly Command[] {
  for (const [index, command] of queue.entries()) {
    const alone = packing.commands.every((c) => c.name === 'Status' && c.cmd === 'SyncHdr')
    const fitting = alone && command.name === 'Results' ? shrink(packing, command) : command
    // A single command that no message can hold goes out all the same: waiting would never end.
    if (!alone && sizeOf(packing, fitting) + 4 > packing.room) return queue.slice(index)
    place(packing, fitting)
  }
  return []
}

/** Device information with as many datastores as one message holds. */
function shrink(packing: Packing, command: ResultsCommand): ResultsCommand {
  let results = command
  for (;;) {
    const [item] = results.items
    if (item?.data?.kind !== 'devInf' || sizeOf(packing, results) + 4 <= packing.room) return results
    const { devInf } = item.data
    if (devInf.dataStores.length === 0) return results
    const dataStores = devInf.dataStores.slice(0, Math.floor(devInf.dataStores.length / 2))
    results = { ...results, items: [{ ...item, data: { kind: 'devInf', devInf: { ...devInf, dataStores } } }] }
  }
}

function place(packing: Packing, command: Command): void {
  const numbered = { ...command, cmdId: String(packing.nextCmdId++) }
  packing.room -= sizeOf(packing, numbered)
  packing.commands.push(numbered)
}

/** Alert 222: "your next message, please"; the client's package or ours is not complete. */
function nextMessageAlert(header: SyncHdr): Command {
  return {
    name: 'Alert',
    cmdId: '99999',
    data: '222',
    items: [{ target: { locUri: header.target.locUri }, source: { locUri: header.source.locUri } }],
  }
}

async function packSyncs(
  packing: Packing,
  readItem: ReadItem,
): Promise<{ links: readonly DatastoreLink[]; sent: SentItem[]; done: boolean }> {
  const links = [...packing.state.links]
  const sent: SentItem[] = []
  for (const [index, start] of links.entries()) {
    if (!start.sendsSync || start.syncSent) continue
    const packed = await packSync(packing, start, readItem)
    links[index] = packed.link
    sent.push(...packed.sent)
    if (!packed.link.syncSent) return { links, sent, done: false }
  }
  return { links, sent, done: true }
}

/** One Sync with as many Items of the link as fit; chunks end the message (reference 3.11). */
async function packSync(
  packing: Packing,
  start: DatastoreLink,
  readItem: ReadItem,
): Promise<{ link: DatastoreLink; sent: SentItem[] }> {
  const { state } = packing
  const first = start.cursor === 0 && start.offset === 0 && start.restarts === 0
  const sync: Extract<Command, { name: 'Sync' }> = {
    name: 'Sync',
    cmdId: String(packing.nextCmdId),
    target: { locUri: start.clientSource },
    source: { locUri: start.clientTarget },
    ...(first && state.peerNumberOfChanges ? { numberOfChanges: start.items.length } : {}),
    commands: [],
  }
  const wrapper = sizeOf(packing, sync)
  const fresh = packing.commands.every((c) => c.name === 'Status' && c.cmd === 'SyncHdr')
  if (wrapper > packing.room && !fresh) return { link: start, sent: [] }
  packing.room -= wrapper
  packing.nextCmdId += 1
  const inner: Command[] = []
  const sent: SentItem[] = []
  let link = start
  let open = true
  while (open) {
    const item = link.items[link.cursor]
    if (!item) break
    const packed = await nextItemCommand(packing, link, item, fresh && inner.length === 0, readItem)
    if (packed.kind === 'later') open = false
    if (packed.kind === 'skipped') link = { ...link, cursor: link.cursor + 1, offset: 0, restarts: 0 }
    if (packed.kind !== 'placed') continue
    inner.push(packed.command)
    const { uri, offset, cursor } = link
    sent.push({ msgId: state.ownMsgId + 1, cmdId: packed.command.cmdId, uri, id: item.id, more: packed.more })
    link = packed.more
      ? { ...link, offset: offset + packed.octets }
      : { ...link, cursor: cursor + 1, offset: 0, restarts: 0 }
    open = !packed.more
  }
  const syncSent = link.cursor >= link.items.length
  if (inner.length > 0 || syncSent) packing.commands.push({ ...sync, commands: inner })
  return { link: { ...link, syncSent }, sent }
}
