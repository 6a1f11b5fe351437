/**
 * Our own notification: which server issued it, when, and what it wants, under a digest by a secret that only the device
 * and its server can derive. Rules WF-25, WF-26.
 * Reference: OMA-TS-SyncML_SAN-V1_2 section 6; oma-ds.md 8.1, 8.2.
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { CodedError } from '../errors.ts'
import { encodeUtf8 } from '../utf8.ts'
import { toBase64 } from './base64.ts'
import { malformed } from './malformed.ts'
import {
  type AlertedSync,
  decodeNotification,
  encodeNotification,
  type NotificationSecret,
  verifyNotification,
} from './notification.ts'

/** What the server wants of a device. */
export interface WakeUp {
  /** Whose word it is. */
  readonly serverId: string
  /** 1 to 65535. */
  readonly sessionId: number
  /** Server's time in milliseconds since 1970; grows from one to the next of a device. */
  readonly issuedAt: number
  /** Empty: everything the device keeps here. */
  readonly syncs: readonly AlertedSync[]
}

const MARK = [0x4e, 0x46] as const
const VERSION = 1
const TIME_OCTETS = 6
const VENDOR_OCTETS = MARK.length + 1 + TIME_OCTETS

/**
 * Octets of a notification. `ha1` is `H(user:secret)` of the device in base64; without it the digest is zeros.
 *
 * @throws {CodedError} `protocol.malformed` for more datastores or longer names than a notification can hold.
 */
export function encodeWakeUp({ serverId, sessionId, issuedAt, syncs }: WakeUp, ha1?: string): Uint8Array {
  return encodeNotification(
    {
      version: 12,
      uiMode: 'background',
      initiator: 'server',
      sessionId,
      serverId,
      syncs,
      vendor: Uint8Array.of(...MARK, VERSION, ...timeOctets(issuedAt)),
    },
    ha1 === undefined ? undefined : secretOf(ha1, serverId),
  )
}

/**
 * Reads a notification that somebody vouches for.
 *
 * @throws {CodedError} `auth.invalid` if its digest was not made with this device's secret, `protocol.malformed`,
 *   `protocol.too-large`, `protocol.unsupported-version`.
 */
export function openWakeUp(octets: Uint8Array, ha1: string): WakeUp {
  const { serverId, sessionId, syncs, vendor } = decodeNotification(octets)
  if (!verifyNotification(octets, secretOf(ha1, serverId))) {
    throw new CodedError('auth.invalid', 'the digest of the notification is wrong', { fields: { serverId } })
  }
  return { serverId, sessionId, syncs, issuedAt: readTime(vendor ?? new Uint8Array()) }
}

/** What stands for the server's password at this device. */
function secretOf(ha1: string, serverId: string): NotificationSecret {
  const derived = hmac(sha256, encodeUtf8(ha1), encodeUtf8(`nightferry notification ${serverId}`))
  return { password: toBase64(derived), nonce: new Uint8Array() }
}

function readTime(vendor: Uint8Array): number {
  const [first, second, version, ...rest] = vendor
  if (first !== MARK[0] || second !== MARK[1] || vendor.length < VENDOR_OCTETS) {
    throw malformed('the notification does not say when it was issued')
  }
  if (version !== VERSION) {
    throw new CodedError('protocol.unsupported-version', `a notification of version ${version ?? 0}`)
  }
  return rest.slice(0, TIME_OCTETS).reduce((time, octet) => time * 256 + octet, 0)
}

function timeOctets(time: number): number[] {
  return Array.from({ length: TIME_OCTETS }, (_, index) => Math.floor(time / 256 ** (TIME_OCTETS - 1 - index)) % 256)
}
