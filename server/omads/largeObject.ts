/**
 * Puts chunks of a large object together (OM-7, reference 3.11). Pure: it says what to append and what to answer.
 * `Size` counts octets as transferred; base64 is decoded on the way, so the spool holds the plain octets.
 */

import type { Item, ItemData, Meta } from '../../schemas/syncml/message.ts'

/** An object whose chunks are arriving, or one that was refused and whose remaining chunks must not be taken. */
export type IncomingObject =
  | {
      readonly kind: 'receiving'
      readonly uri: string
      readonly command: 'Add' | 'Replace'
      readonly luid: string
      readonly type: string
      readonly format: string
      /** As announced. */
      readonly sizeBytes: number
      /** Octets as transferred, and as decoded. */
      readonly received: number
      readonly stored: number
      /** Base64 characters that do not make a whole group yet. */
      readonly carry: string
      readonly spoolId: string
      /** It was interrupted in an earlier session: its next chunk must say where it goes on (OM-31). */
      readonly interrupted?: boolean
    }
  | { readonly kind: 'skipping'; readonly uri: string; readonly luid: string; readonly status: number }

export type Receiving = Extract<IncomingObject, { kind: 'receiving' }>

/** The object whose last chunk came last: if our answer is lost, that chunk comes again in the next session (OM-31). */
export interface CompletedObject {
  readonly uri: string
  readonly luid: string
  readonly status: number
}

/** The Status of a chunk of an object that is complete already; undefined if `chunk` is none. */
export function repeatedChunk(completed: CompletedObject | null, chunk: Chunk): number | undefined {
  if (completed === null || chunk.sizeBytes !== undefined || (chunk.position ?? 0) === 0) return undefined
  if (completed.uri !== chunk.uri || completed.luid !== chunk.luid) return undefined
  return chunk.more ? 213 : completed.status
}

/** What becomes of one Item of an Add or Replace. */
export type ChunkOutcome =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'append'
      readonly object: Receiving
      readonly offset: number
      readonly bytes: Uint8Array
      readonly last: boolean
    }
  | { readonly kind: 'refused'; readonly status: number }

/** The Item with what its command says about it. */
export interface Chunk {
  readonly uri: string
  readonly command: 'Add' | 'Replace'
  readonly luid: string
  readonly type: string
  readonly format: string
  readonly sizeBytes: number | undefined
  /** Octets of the object before this chunk, as its sender counts them. */
  readonly position: number | undefined
  readonly data: ItemData | undefined
  readonly more: boolean
}

/** True if `chunk` goes on with `object`. */
export function continues(
  object: IncomingObject | null,
  chunk: { uri: string; luid: string },
): object is IncomingObject {
  return object !== null && object.uri === chunk.uri && object.luid === chunk.luid
}

/**
 * Judges one chunk. `held` is the one it continues or null; `spoolId` names the spool of a new object.
 */
export function acceptChunk(
  held: IncomingObject | null,
  chunk: Chunk,
  maxBytes: number,
  spoolId: string,
): ChunkOutcome {
  const object = goesOnFrom(held, chunk)
  if (typeof object === 'number') return { kind: 'refused', status: object }
  // The rest of a refused object: its last chunk looks like a whole Item and must not be taken for one.
  if (object?.kind === 'skipping' && chunk.sizeBytes === undefined) return { kind: 'refused', status: object.status }
  const format = object?.kind === 'receiving' ? object.format : chunk.format
  if (!['', 'chr', 'bin', 'b64', 'xml'].includes(format)) return { kind: 'refused', status: 415 }
  const decoded = decodeData(chunk.data, format, object?.kind === 'receiving' ? object.carry : '', !chunk.more)
  if (!decoded) return { kind: 'refused', status: 400 }
  if (object?.kind !== 'receiving') {
    if (!chunk.more) {
      return decoded.bytes.length > maxBytes
        ? { kind: 'refused', status: 416 }
        : { kind: 'whole', bytes: decoded.bytes }
    }
    if (chunk.sizeBytes === undefined) return { kind: 'refused', status: 411 }
    if (chunk.sizeBytes > maxBytes) return { kind: 'refused', status: 416 }
  }
  const before = object?.kind === 'receiving' ? object : firstState(chunk, spoolId)
  const after: Receiving = {
    ...before,
    received: before.received + decoded.transferred,
    stored: before.stored + decoded.bytes.length,
    carry: decoded.carry,
  }
  // Some count before and some after base64: both are right, a third count is not.
  const least = Math.min(after.received, after.stored)
  if (least > after.sizeBytes) return { kind: 'refused', status: 424 }
  if (!chunk.more && after.received !== after.sizeBytes && after.stored !== after.sizeBytes) {
    return { kind: 'refused', status: 424 }
  }
  return { kind: 'append', object: after, offset: before.stored, bytes: decoded.bytes, last: !chunk.more }
}

/**
 * The object as it is before this chunk: null if it begins anew, a Status if it cannot be gone on with. Inside a session
 * MsgIDs tell what comes next; only after an interruption the position does (reference 3.14).
 */
function goesOnFrom(object: IncomingObject | null, chunk: Chunk): IncomingObject | null | 412 {
  if (object?.kind !== 'receiving') return object
  const { sizeBytes, position } = chunk
  if (sizeBytes !== undefined && (position === 0 || (object.interrupted && position === undefined))) return null
  if (!object.interrupted) return object
  if (position === undefined) return 412
  const { interrupted: _, ...rest } = object
  if (position === object.received) return rest
  // Some of what we have comes again. Base64 can be cut only between its groups.
  const isBase64 = object.format === 'b64'
  if (position > object.received || (isBase64 && position % 4 !== 0)) return 412
  return { ...rest, received: position, stored: isBase64 ? (position / 4) * 3 : position, carry: '' }
}

/** The `datapos` that Synthesis clients write into `EMI` (reference 3.14). */
export function positionIn(meta: Meta | undefined): number | undefined {
  for (const emi of meta?.emi ?? []) {
    const match = /^datapos=(\d{1,15})$/.exec(emi.trim())
    if (match) return Number(match[1])
  }
  return undefined
}

function firstState(chunk: Chunk, spoolId: string): Receiving {
  const { uri, command, luid, type, format } = chunk
  return {
    kind: 'receiving',
    uri,
    command,
    luid,
    type,
    format,
    sizeBytes: chunk.sizeBytes ?? 0,
    received: 0,
    stored: 0,
    carry: '',
    spoolId,
  }
}

/** Octets of an Item's Data under its `Format`, or undefined if it is no base64 where base64 was said. */
function decodeData(
  data: ItemData | undefined,
  format: string,
  carry: string,
  last: boolean,
): { transferred: number; bytes: Uint8Array; carry: string } | undefined {
  const raw = data === undefined ? Buffer.alloc(0) : rawOctets(data)
  if (raw === undefined) return undefined
  if (format !== 'b64') return { transferred: raw.length, bytes: raw, carry: '' }
  const text = (carry + raw.toString('latin1')).replace(/[ \t\r\n]/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  const whole = last ? text.length : text.length - (text.length % 4)
  if (last && text.length % 4 === 1) return undefined
  return { transferred: raw.length, bytes: Buffer.from(text.slice(0, whole), 'base64'), carry: text.slice(whole) }
}

function rawOctets(data: ItemData): Buffer | undefined {
  if (data.kind === 'text') return Buffer.from(data.text, 'utf8')
  return data.kind === 'bytes'
    ? Buffer.from(data.bytes.buffer, data.bytes.byteOffset, data.bytes.byteLength)
    : undefined
}

/** LUID of an Item from the client: its Source; some clients write only a Target. */
export function luidOf(item: Item): string | undefined {
  const luid = item.source?.locUri || item.target?.locUri
  return luid === undefined || luid === '' ? undefined : luid
}
