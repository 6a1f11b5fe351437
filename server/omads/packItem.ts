/**
 * One Item for the client as a command: whole if it fits, else a chunk for a client that takes large objects,
 * else not now, or never (OM-6).
 */

import type { Command, Item, ItemData, Meta } from '../../schemas/syncml/message.ts'
import type { ItemForClient } from '../datastore/syncDatastore.ts'
import { type Packing, sizeOf } from './packing.ts'
import type { DatastoreLink } from './sessionState.ts'

export type PackedItem =
  | { readonly kind: 'placed'; readonly command: Command; readonly octets: number; readonly more: boolean }
  /** It goes into the next message. */
  | { readonly kind: 'later' }
  /** It can never go to this client. */
  | { readonly kind: 'skipped' }

/** A chunk smaller than this waits for the next message. */
const LEAST_CHUNK = 64

/** Octets that are gone back over for a good place to cut. */
const MAX_BLANKS = 1024

/** Makes the next command of `link` and takes its room. `alone`: the message holds nothing that could make way. */
export async function nextItemCommand(
  packing: Packing,
  link: DatastoreLink,
  item: ItemForClient,
  alone: boolean,
): Promise<PackedItem> {
  const rest = sizeOfItem(item) - link.offset
  if (tooLarge(packing, link, item)) return { kind: 'skipped' }
  const carrier = carrierOf(packing, item)
  const empty = commandOf(packing, link, item, carrier, new Uint8Array(), true)
  // Tag, length and end of an opaque; the elements of a CDATA or base64 text need no more.
  const room = packing.room - sizeOf(packing, empty) - 16
  if (carrier.sizeFor(rest) <= room) {
    const octets = await readOctets(item, link.offset, rest)
    const whole = commandOf(packing, link, item, carrier, octets, false)
    if (sizeOf(packing, whole) <= packing.room) return take(packing, whole, rest, false)
  }
  if (!takesLargeObjects(packing, link)) return alone ? { kind: 'skipped' } : { kind: 'later' }
  for (let length = Math.min(carrier.octetsFor(room), rest - 1); length >= LEAST_CHUNK; length = length >> 1) {
    const octets = carrier.cut(await readOctets(item, link.offset, length))
    const chunk = commandOf(packing, link, item, carrier, octets, true)
    if (sizeOf(packing, chunk) <= packing.room) return take(packing, chunk, octets.length, true)
  }
  return alone ? { kind: 'skipped' } : { kind: 'later' }
}

function take(packing: Packing, command: Command, octets: number, more: boolean): PackedItem {
  packing.room -= sizeOf(packing, command)
  packing.nextCmdId += 1
  return { kind: 'placed', command, octets, more }
}

function sizeOfItem({ octets, large }: ItemForClient): number {
  return large?.sizeBytes ?? octets.length
}

async function readOctets({ octets, large }: ItemForClient, offset: number, length: number): Promise<Uint8Array> {
  return large ? large.read(offset, length) : octets.subarray(offset, offset + length)
}

function tooLarge(packing: Packing, link: DatastoreLink, item: ItemForClient): boolean {
  const limits = [link.peerMaxObjSize, packing.state.peerMaxObjSize].filter((limit) => limit > 0)
  return sizeOfItem(item) > Math.min(...limits, Number.MAX_SAFE_INTEGER)
}

function takesLargeObjects(packing: Packing, link: DatastoreLink): boolean {
  const { state } = packing
  if (state.identity.version === '1.0') return false
  return state.peerLargeObjects || state.peerMaxObjSize > 0 || link.peerMaxObjSize > 0
}

/** How an Item's octets travel in this encoding (reference 11). */
interface Carrier {
  readonly format: string | undefined
  /** Octets on the wire for `n` octets of content. */
  sizeFor(n: number): number
  /** Octets of content that take at most `room` on the wire. */
  octetsFor(room: number): number
  /** The longest part of `octets` that may end a chunk. */
  cut(octets: Uint8Array): Uint8Array
  data(octets: Uint8Array): ItemData
}

const asBytes = (octets: Uint8Array): ItemData => ({ kind: 'bytes', bytes: octets })

const OPAQUE: Carrier = {
  format: 'bin',
  sizeFor: (n) => n,
  octetsFor: (room) => room,
  cut: (octets) => octets,
  data: asBytes,
}

const BASE64: Carrier = {
  format: 'b64',
  sizeFor: (n) => Math.ceil(n / 3) * 4,
  octetsFor: (room) => Math.floor(room / 4) * 3,
  // Groups stay whole, so that the parts joined are the base64 of the whole.
  cut: (octets) => octets.subarray(0, octets.length - (octets.length % 3)),
  data: asBytes,
}

const TEXT: Carrier = {
  format: undefined,
  sizeFor: (n) => n,
  octetsFor: (room) => room,
  cut: amidWords,
  data: (octets) => ({ kind: 'text', text: Buffer.from(octets).toString('utf8') }),
}

function carrierOf(packing: Packing, item: ItemForClient): Carrier {
  if (item.type.startsWith('text/') || item.type.endsWith('+xml')) return TEXT
  return packing.state.identity.encoding === 'wbxml' ? OPAQUE : BASE64
}

/**
 * Text of XML is cut where no blank or line break is on either side: readers trim what they get of each chunk, and count
 * the octets afterwards. Nor is a character cut.
 */
function amidWords(octets: Uint8Array): Uint8Array {
  for (let end = octets.length - 1; end > octets.length - MAX_BLANKS && end > 0; end -= 1) {
    const after = octets[end] ?? 0
    const isBoundary = (after & 0xc0) !== 0x80
    if (isBoundary && after > 0x20 && (octets[end - 1] ?? 0) > 0x20) return octets.subarray(0, end)
  }
  return wholeCharacters(octets)
}

function wholeCharacters(octets: Uint8Array): Uint8Array {
  let end = octets.length
  while (end > 0 && ((octets[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1
  const lead = octets[end - 1] ?? 0
  const width = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return end - 1 + width === octets.length ? octets : octets.subarray(0, Math.max(end - 1, 0))
}

function commandOf(
  packing: Packing,
  link: DatastoreLink,
  item: ItemForClient,
  carrier: Carrier,
  octets: Uint8Array,
  more: boolean,
): Command {
  const cmdId = String(packing.nextCmdId)
  if (item.command === 'Delete') {
    return { name: 'Delete', cmdId, ...(item.soft && { sftDel: true }), items: [{ target: { locUri: item.id } }] }
  }
  const size = more && link.offset === 0 ? { size: carrier.sizeFor(sizeOfItem(item)) } : {}
  const format = carrier.format === undefined ? {} : { format: carrier.format }
  // Synthesis clients go on in the middle of an object if they are told where that is. They may hold the beginning of any
  // Item that the broken session sent, and put what comes without a position behind it, be it the whole Item.
  const position = link.resumed ? { emi: [`datapos=${link.offset}`] } : {}
  const meta: Meta = { ...format, type: item.type, ...size, ...position }
  const at = item.command === 'Add' ? { source: { locUri: item.id } } : { target: { locUri: item.id } }
  const parent = packing.state.identity.version === '1.2' ? parentOf(item) : {}
  const entry: Item = { ...at, ...parent, meta, data: carrier.data(octets), ...(more ? { moreData: true } : {}) }
  // 1.2 wants the type beside the Data, older clients on the command (reference 2.1): both are legal.
  return { name: item.command, cmdId, meta: { type: item.type }, items: [entry] }
}

/** A folder of this session has no LUID yet: it is named by its temporary GUID (reference 3.16). */
function parentOf({ parent }: ItemForClient): Pick<Item, 'sourceParent' | 'targetParent'> {
  if (parent === undefined) return {}
  return 'luid' in parent ? { targetParent: parent.luid } : { sourceParent: parent.guid }
}
