/**
 * Packs one answer (OM-6): the SyncHdr Status, then Statuses, Results and Alerts that are owed, then Items of
 * package 4, as much as the client's MaxMsgSize takes. What does not fit waits in the session.
 */

import { hash } from 'node:crypto'
import { MAX_STATUS_BYTES } from '../../schemas/limits.ts'
import { encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, ResultsCommand, StatusCommand, SyncHdr } from '../../schemas/syncml/message.ts'
import type { ItemForClient } from '../datastore/syncDatastore.ts'
import { dropOwed, type OwedStatuses, owedStatuses } from './owedStatuses.ts'
import { nextItemCommand } from './packItem.ts'
import { messageLimit, type Packing, sizeOf } from './packing.ts'
import type { ActiveState, DatastoreLink, Outbox, SentItem, SentItems } from './sessionState.ts'
import { smallerDevInfs } from './smallerDevInf.ts'

/** Octets kept free: encoded sizes of parts do not add up exactly (code pages, lengths). */
const MARGIN = 48

/** Of the ever smaller descriptions of ourselves, how many say all about what the client opened. */
const WHOLE_DESCRIPTIONS = 2

/** Octets of an Item below which it goes out whole: the least message has room for them. */
const LEAST_OBJECT = 512

/** Items in one message, and all that wait for their Statuses: they are stored with the session. */
const MAX_SENT_ITEMS = 500
const MAX_WAITING_ITEMS = 2000

export interface PackInput {
  readonly state: ActiveState
  readonly header: SyncHdr
  /** Absent when the client wants no Statuses. */
  readonly headerStatus: StatusCommand | undefined
  readonly peekItem: PeekItem
  /** The client suspended the session: what it is owed now is the last it hears. */
  readonly suspended: boolean
  /** The answer may be said again behind two Statuses more: room for them is left. */
  readonly repeatable: boolean
}

export interface PackedReply {
  readonly commands: readonly Command[]
  readonly final: boolean
  readonly outbox: Outbox
  readonly links: readonly DatastoreLink[]
  readonly sent: readonly SentItems[]
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
  if (input.headerStatus) {
    if (input.repeatable) packing.room -= 2 * sizeOf(packing, input.headerStatus)
    place(packing, input.headerStatus)
  }
  const statuses = fillStatuses(packing, state.outbox.statuses)
  const outgoing = statuses.length === 0 ? fill(packing, state.outbox.commands) : state.outbox.commands
  const empty = statuses.length === 0 && outgoing.length === 0
  const slices =
    state.phase === 'sending' && empty && !input.suspended
      ? await packSyncs(packing, input.peekItem)
      : { links: state.links, sent: [], done: state.phase !== 'sending' }
  const complete = empty && slices.done && state.peerClosed
  if (!complete && !input.suspended && packing.commands.every((c) => c.name === 'Status'))
    place(packing, nextMessageAlert(header))
  return {
    commands: packing.commands,
    final: complete || input.suspended,
    outbox: { statuses, commands: outgoing },
    links: slices.links,
    sent: waiting(state.sent, slices.sent),
    complete,
  }
}

/** Places Statuses while they fit, and as many as make a moment's work; the rest is returned. */
function fillStatuses(packing: Packing, owed: OwedStatuses): OwedStatuses {
  const least = packing.room - MAX_STATUS_BYTES
  let placed = 0
  for (const status of owedStatuses(owed)) {
    const size = sizeOf(packing, status) + 4
    const first = placed === 0 && packing.commands.every((c) => c.name === 'Status' && c.cmd === 'SyncHdr')
    if (!first && (size > packing.room || packing.room < least)) break
    place(packing, status)
    placed += 1
  }
  return dropOwed(owed, placed)
}

/** Places commands while they fit; the rest is returned. */
function fill(packing: Packing, queue: readonly Command[]): readonly Command[] {
  for (const [index, command] of queue.entries()) {
    // After the Statuses of a message that only asks for the next: no later one has more room.
    const alone = packing.commands.length <= 2 && packing.commands.every((c) => c.name === 'Status')
    const fitting = command.name === 'Results' ? shrink(packing, command, alone) : command
    // A single command that no message can hold goes out all the same: waiting would never end.
    if (!alone && sizeOf(packing, fitting) + 4 > packing.room) return queue.slice(index)
    place(packing, fitting)
  }
  return []
}

/** Device information as full as the message has room for; what the session is about only where it must be. */
function shrink(packing: Packing, command: ResultsCommand, isLast: boolean): ResultsCommand {
  const [item] = command.items
  if (item?.data?.kind !== 'devInf') return command
  const uris = packing.state.links.map(({ uri }) => uri)
  let results = command
  let tries = 0
  for (const devInf of smallerDevInfs(item.data.devInf, uris)) {
    results = { ...command, items: [{ ...item, data: { kind: 'devInf', devInf } }] }
    tries += 1
    if (sizeOf(packing, results) + 4 <= packing.room || (!isLast && tries === WHOLE_DESCRIPTIONS)) break
  }
  return results
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

/** The Item that waits at a position of a datastore's list; undefined at its end. */
export type PeekItem = (link: DatastoreLink, position: number) => Promise<ItemForClient | undefined>

interface PackedSyncs {
  readonly links: readonly DatastoreLink[]
  readonly sent: readonly SentItems[]
  readonly done: boolean
}

async function packSyncs(packing: Packing, peekItem: PeekItem): Promise<PackedSyncs> {
  const links = [...packing.state.links]
  const sent: SentItems[] = []
  for (const [index, start] of links.entries()) {
    if (!start.sendsSync || start.syncSent) continue
    const packed = await packSync(packing, start, peekItem)
    links[index] = packed.link
    if (packed.sent.items.length > 0) sent.push(packed.sent)
    if (!packed.link.syncSent) return { links, sent, done: false }
  }
  return { links, sent, done: true }
}

/** One Sync with as many Items of the link as fit; chunks end the message (reference 3.11). */
async function packSync(
  packing: Packing,
  start: DatastoreLink,
  peekItem: PeekItem,
): Promise<{ readonly link: DatastoreLink; readonly sent: SentItems }> {
  const { state } = packing
  const sync = syncOf(packing, start)
  const wrapper = sizeOf(packing, sync)
  const fresh = packing.commands.every((c) => c.name === 'Status' && c.cmd === 'SyncHdr')
  const sent = { msgId: state.ownMsgId + 1, uri: start.uri, firstCmdId: packing.nextCmdId + 1, more: false }
  if (wrapper > packing.room && !fresh) return { link: start, sent: { ...sent, items: [] } }
  packing.room -= wrapper
  packing.nextCmdId += 1
  const inner: Command[] = []
  const items: SentItem[] = []
  let link = start
  let more = false
  while (!more && items.length < MAX_SENT_ITEMS) {
    const item = await peekItem(link, link.cursor)
    // What the datastore has no more of is not waited for.
    if (!item) link = { ...link, cursor: link.total }
    if (!item) break
    link = beginItem(link, item)
    const packed = await nextItemCommand(packing, link, item, fresh && inner.length === 0)
    if (packed.kind === 'later') break
    if (packed.kind === 'skipped') link = { ...link, cursor: link.cursor + 1, offset: 0, restarts: 0 }
    if (packed.kind !== 'placed') continue
    inner.push(packed.command)
    items.push({ command: item.command, id: item.id })
    more = packed.more
    link = more
      ? { ...link, chunkFrom: link.offset, offset: link.offset + packed.octets }
      : { ...link, cursor: link.cursor + 1, offset: 0, restarts: 0 }
  }
  const syncSent = link.cursor >= link.total
  if (inner.length > 0 || syncSent) packing.commands.push({ ...sync, commands: inner })
  return { link: { ...link, syncSent }, sent: { ...sent, items, more } }
}

/** The link with what must be known of the Item under its cursor while it goes out in chunks (OM-31). */
function beginItem(link: DatastoreLink, item: ItemForClient): DatastoreLink {
  if (link.kind !== 'items' || link.offset > 0) return link
  const { interrupted } = link
  const named = { ...link, objectId: item.id, digest: '' }
  // Only what may be cut is worth a digest.
  if (item.octets.length < LEAST_OBJECT && interrupted?.id !== item.id) return named
  const digest = hash('sha256', item.octets, 'hex')
  if (interrupted?.id !== item.id) return { ...named, digest }
  const offset = interrupted.digest === digest ? interrupted.offset : 0
  return { ...named, digest, offset, chunkFrom: offset, interrupted: null }
}

/** The frame of a Sync; the first one of a package says how many Items come. */
function syncOf(packing: Packing, { cursor, offset, restarts, total, clientSource, clientTarget }: DatastoreLink) {
  const first = cursor === 0 && offset === 0 && restarts === 0
  const sync: Extract<Command, { name: 'Sync' }> = {
    name: 'Sync',
    cmdId: String(packing.nextCmdId),
    target: { locUri: clientSource },
    source: { locUri: clientTarget },
    ...(first && packing.state.peerNumberOfChanges ? { numberOfChanges: total } : {}),
    commands: [],
  }
  return sync
}

/** What waits for its Status with what is sent now; what a client never answers is not kept for ever. */
function waiting(before: readonly SentItems[], sent: readonly SentItems[]): readonly SentItems[] {
  const all = [...before, ...sent]
  let items = all.reduce((sum, group) => sum + group.items.length, 0)
  while (items > MAX_WAITING_ITEMS) items -= all.shift()?.items.length ?? 0
  return all
}
