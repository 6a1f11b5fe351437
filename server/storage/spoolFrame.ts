/**
 * One sealed frame of a spool file: length of the plain octets (4, big-endian), nonce (12), ciphertext, tag (16).
 * Length and plain offset are authenticated.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'

export const FRAME_PLAIN_BYTES = 64 * 1024
const HEADER_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What a frame is longer than its plain octets. */
export const FRAME_OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES

/** Seals `plain` as the frame at plain `offset`. `nonce` must be random and new. */
export function sealFrame(key: Uint8Array, offset: number, plain: Uint8Array, nonce: Uint8Array): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(plain.length)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additional(header, offset))
  return Buffer.concat([header, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** @throws {CodedError} `storage.corrupt` if the frame was changed or belongs elsewhere. */
export function openFrame(key: Uint8Array, offset: number, frame: Uint8Array): Uint8Array {
  const nonce = frame.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
      .setAAD(additional(frame.subarray(0, HEADER_BYTES), offset))
      .setAuthTag(frame.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(frame.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new CodedError('storage.corrupt', `the spool is damaged at ${offset}`, { cause, fields: { offset } })
  }
}

/** Plain length of a frame. @throws {CodedError} `storage.corrupt` if no frame is that long. */
export function readFrameHeader(header: Uint8Array): number {
  const plainBytes = new DataView(header.buffer, header.byteOffset, HEADER_BYTES).getUint32(0)
  if (plainBytes === 0 || plainBytes > FRAME_PLAIN_BYTES)
    throw new CodedError('storage.corrupt', `a spool frame claims ${plainBytes} octets`)
  return plainBytes
}

function additional(header: Uint8Array, offset: number): Uint8Array {
  const text = Buffer.alloc(HEADER_BYTES + 8)
  text.set(header)
  text.writeBigUInt64BE(BigInt(offset), HEADER_BYTES)
  return text
}
