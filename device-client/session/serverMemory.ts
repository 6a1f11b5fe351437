/**
 * What the device remembers of a server between sessions: the nonce for the next one, how large its messages may be,
 * and which device information it was told (DC-11).
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../schemas/hex.ts'
import { fromBase64, toBase64 } from '../../schemas/syncml/base64.ts'
import type { DevInf } from '../../schemas/syncml/message.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import type { KeyStore } from '../ports.ts'
import type { PeerRequest } from './sessionRequest.ts'

export interface ServerMemory {
  /** Undefined before the first challenge. */
  readonly nonce: Uint8Array | undefined
  /** What the server must make its next proof with; undefined before we gave one (DC-52). */
  readonly serverNonce: Uint8Array | undefined
  readonly maxMsgSize: number | undefined
  readonly devInfDigest: string | undefined
  /** Value of this installation that the server took last (DC-110). */
  readonly taken: string | undefined
}

/** What is remembered; damage is the same as nothing, it only costs a challenge. */
export async function readServerMemory(keyStore: KeyStore, request: PeerRequest): Promise<ServerMemory> {
  const octets = await keyStore.get(keyOf(request))
  const record = octets && parse(decodeUtf8(octets))
  const { nonce, serverNonce, maxMsgSize, devInfDigest, taken } = record ?? {}
  return {
    nonce: typeof nonce === 'string' ? fromBase64(nonce) : undefined,
    serverNonce: typeof serverNonce === 'string' ? fromBase64(serverNonce) : undefined,
    maxMsgSize: typeof maxMsgSize === 'number' && maxMsgSize > 0 ? maxMsgSize : undefined,
    devInfDigest: typeof devInfDigest === 'string' ? devInfDigest : undefined,
    taken: typeof taken === 'string' ? taken : undefined,
  }
}

export async function writeServerMemory(keyStore: KeyStore, request: PeerRequest, memory: ServerMemory): Promise<void> {
  const nonce = memory.nonce && toBase64(memory.nonce)
  const serverNonce = memory.serverNonce && toBase64(memory.serverNonce)
  await keyStore.set(keyOf(request), encodeUtf8(JSON.stringify({ ...memory, nonce, serverNonce })))
}

/** Tells device information apart. */
export function devInfDigest(devInf: DevInf): string {
  return toBase64(sha256(encodeUtf8(JSON.stringify(devInf))))
}

function keyOf({ serverUrl, userName, deviceId }: PeerRequest): string {
  const digest = sha256(encodeUtf8(JSON.stringify([serverUrl, userName, deviceId])))
  return `session-${toHex(digest.subarray(0, 16))}`
}

function parse(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
