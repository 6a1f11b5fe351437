/**
 * Package 0: the notification by which a server asks a client to synchronize, binary as OMA DS 1.2 has it.
 * Octets in, value out, and the reverse; the digest proves who sent it. Rule WF-15.
 * Reference: OMA-TS-SyncML_SAN-V1_2 sections 6 and 7.
 */

import { MAX_NOTIFICATION_BYTES } from '../limits.ts'
import { decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { ha1, macOf, sameOctets } from './credential.ts'
import { malformed, tooLarge } from './malformed.ts'
import { OctetReader } from './octetReader.ts'
import { OctetWriter } from './octetWriter.ts'

/** Media type of a binary notification. */
export const NOTIFICATION_TYPE = 'application/vnd.syncml.ds.notification'

/** Whether the client bothers its user. */
export type UiMode = 'not-specified' | 'background' | 'informative' | 'user-interaction'

/** Sync types a server may ask for (Alert codes, reference 3.4). */
export type AlertedSyncType = 206 | 207 | 208 | 209 | 210

/** Their names for people, in the order of the codes. */
export const ALERTED_SYNC_NAMES = [
  'two-way',
  'from-device',
  'refresh-from-device',
  'from-server',
  'refresh-from-server',
] as const

export type AlertedSyncName = (typeof ALERTED_SYNC_NAMES)[number]

/** The sync type of a name. */
export function alertedSyncType(name: AlertedSyncName): AlertedSyncType {
  return (206 + ALERTED_SYNC_NAMES.indexOf(name)) as AlertedSyncType
}

/** One datastore that shall be synchronized. */
export interface AlertedSync {
  readonly type: AlertedSyncType
  /** Number of the content type as WSP has it; 0 for any. */
  readonly contentType: number
  /** The server's datastore as the client's profile spells it. */
  readonly serverUri: string
}

/** What a notification says. */
export interface Notification {
  /** Ten times the version; 12 for 1.2. */
  readonly version: number
  readonly uiMode: UiMode
  readonly initiator: 'user' | 'server'
  /** Session the client shall use; 0 leaves it to the client. */
  readonly sessionId: number
  readonly serverId: string
  /** Empty: all datastores of the client's profile. */
  readonly syncs: readonly AlertedSync[]
  /** What follows the last datastore: the server's own, covered by the digest, nothing to other clients. */
  readonly vendor?: Uint8Array
}

/** What both sides know: the server's password at the client, and the last nonce, empty before any. */
export interface NotificationSecret {
  readonly password: string
  readonly nonce: Uint8Array
}

const UI_MODES: readonly UiMode[] = ['not-specified', 'background', 'informative', 'user-interaction']
const DIGEST_BYTES = 16
const SYNC_TYPE_BASE = 200

/** WSP numbers of the content types that we name (reference 8.3); 0 for any other. */
const CONTENT_TYPE_NUMBERS: Readonly<Record<string, number>> = {
  'text/plain': 0x03,
  'text/x-vcalendar': 0x06,
  'text/x-vcard': 0x07,
  'text/calendar': 0x0305,
  'application/vnd.omads-email+xml': 0x0306,
  'application/vnd.omads-file+xml': 0x0307,
  'application/vnd.omads-folder+xml': 0x0308,
}

/** The WSP number of a media type, or 0, which stands for any. */
export function contentTypeNumber(type: string): number {
  return CONTENT_TYPE_NUMBERS[type.toLowerCase()] ?? 0
}

/** The media type of a WSP number; undefined for any. */
export function contentTypeOfNumber(number: number): string | undefined {
  return Object.entries(CONTENT_TYPE_NUMBERS).find(([, known]) => known === number)?.[0]
}

/**
 * Octets of a notification; without `secret` its digest is zero, which says that nobody vouches for it.
 *
 * @throws {CodedError} `protocol.malformed` for a field that does not fit its bits.
 */
export function encodeNotification(notification: Notification, secret?: NotificationSecret): Uint8Array {
  const body = encodeBody(notification)
  const digest = secret ? digestOf(notification.serverId, body, secret) : new Uint8Array(DIGEST_BYTES)
  const whole = new Uint8Array(DIGEST_BYTES + body.length)
  whole.set(digest)
  whole.set(body, DIGEST_BYTES)
  return whole
}

/**
 * Reads a notification.
 *
 * @throws {CodedError} `protocol.malformed`, `protocol.too-large`.
 */
export function decodeNotification(octets: Uint8Array): Notification {
  if (octets.length > MAX_NOTIFICATION_BYTES) {
    throw tooLarge(`a notification of ${octets.length} octets`, MAX_NOTIFICATION_BYTES)
  }
  const reader = new OctetReader(octets)
  reader.take(DIGEST_BYTES)
  const head = reader.octet() * 256 + reader.octet()
  reader.take(3)
  const sessionId = reader.octet() * 256 + reader.octet()
  const serverId = readText(reader)
  const count = reader.octet() >> 4
  const syncs: AlertedSync[] = []
  for (let index = 0; index < count; index++) syncs.push(readSync(reader))
  const vendor = reader.take(reader.left)
  return {
    version: head >> 6,
    uiMode: UI_MODES[(head >> 4) & 3] ?? 'not-specified',
    initiator: (head & 8) === 0 ? 'user' : 'server',
    sessionId,
    serverId,
    syncs,
    ...(vendor.length > 0 && { vendor }),
  }
}

/** True if the digest of `octets` was made with this secret. @throws {CodedError} as `decodeNotification`. */
export function verifyNotification(octets: Uint8Array, secret: NotificationSecret): boolean {
  const { serverId } = decodeNotification(octets)
  const [digest, body] = [octets.subarray(0, DIGEST_BYTES), octets.subarray(DIGEST_BYTES)]
  return sameOctets(digest, digestOf(serverId, body, secret))
}

/** The digest has the form of the MAC of a message, with the server in the place of the user. */
function digestOf(serverId: string, body: Uint8Array, { password, nonce }: NotificationSecret): Uint8Array {
  return macOf(ha1(serverId, password), nonce, body)
}

function encodeBody({ version, uiMode, initiator, sessionId, serverId, syncs, vendor }: Notification): Uint8Array {
  const writer = new OctetWriter()
  const head = (bits(version, 10, 'version') << 6) | (UI_MODES.indexOf(uiMode) << 4) | (initiator === 'server' ? 8 : 0)
  writeNumber(writer, head, 2)
  writeNumber(writer, 0, 3)
  writeNumber(writer, bits(sessionId, 16, 'session'), 2)
  writeText(writer, serverId)
  writer.octet(bits(syncs.length, 4, 'number of datastores') << 4)
  for (const { type, contentType, serverUri } of syncs) {
    writer.octet((type - SYNC_TYPE_BASE) << 4)
    writeNumber(writer, bits(contentType, 24, 'content type'), 3)
    writeText(writer, serverUri)
  }
  if (vendor !== undefined) writer.octets(vendor)
  return writer.finish().slice()
}

function readSync(reader: OctetReader): AlertedSync {
  const type = SYNC_TYPE_BASE + (reader.octet() >> 4)
  const contentType = reader.octet() * 65536 + reader.octet() * 256 + reader.octet()
  const serverUri = readText(reader)
  if (type < 206 || type > 210) throw malformed(`a notification asks for sync type ${type}`)
  return { type: type as AlertedSyncType, contentType, serverUri }
}

function readText(reader: OctetReader): string {
  const text = decodeUtf8(reader.take(reader.octet()))
  if (text === undefined) throw malformed('a name in a notification is not UTF-8')
  return text
}

function writeText(writer: OctetWriter, text: string): void {
  const octets = encodeUtf8(text)
  writer.octet(bits(octets.length, 8, 'length of a name'))
  writer.octets(octets)
}

function writeNumber(writer: OctetWriter, value: number, octets: number): void {
  for (let shift = (octets - 1) * 8; shift >= 0; shift -= 8) writer.octet((value >> shift) & 0xff)
}

function bits(value: number, width: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** width) return value
  throw malformed(`the ${what} ${value} does not fit ${width} bits of a notification`)
}
