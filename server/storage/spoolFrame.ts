/**
 * One sealed frame of a spool file: length of the plain octets (4, big-endian), nonce (12), ciphertext, tag (16).
 * Length and plain offset are authenticated.
 */

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'

export const FRAME_PLAIN_BYTES = 64 * 1024
const HEADER_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const BODY_OFFSET = HEADER_BYTES + NONCE_BYTES

/** What a frame is longer than its plain octets. */
export const FRAME_OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES

/** Seals `plain` as the frame at plain `offset` into `target` at `at`; returns where it ends there. */
function sealFrame(key: KeyObject, offset: number, plain: Uint8Array, target: Buffer, at: number): number {
  const header = target.subarray(at, at + HEADER_BYTES)
  header.writeUInt32BE(plain.length)
  const nonce = randomFillSync(target, at + HEADER_BYTES, NONCE_BYTES).subarray(at + HEADER_BYTES, at + BODY_OFFSET)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additional(header, offset))
  target.set(cipher.update(plain), at + BODY_OFFSET)
  cipher.final()
  target.set(cipher.getAuthTag(), at + BODY_OFFSET + plain.length)
  return at + BODY_OFFSET + plain.length + TAG_BYTES
}

/** Octets that `plainBytes` take as frames. */
function sealedBytes(plainBytes: number): number {
  return plainBytes + Math.ceil(plainBytes / FRAME_PLAIN_BYTES) * FRAME_OVERHEAD_BYTES
}

/**
 * Seals `plain`, which begins at plain `offset`, as frames one after the other, each with a new nonce; in the memory of
 * `room` if that suffices.
 */
export function sealFrames(key: Uint8Array, offset: number, plain: Uint8Array, room?: Buffer): Buffer {
  const wanted = sealedBytes(plain.length)
  const sealed = room && room.length >= wanted ? room.subarray(0, wanted) : Buffer.allocUnsafe(wanted)
  // An object: octets cost Node two errors with their stacks for each frame.
  const sealingKey = createSecretKey(key)
  let at = 0
  for (let done = 0; done < plain.length; done += FRAME_PLAIN_BYTES)
    at = sealFrame(sealingKey, offset + done, plain.subarray(done, done + FRAME_PLAIN_BYTES), sealed, at)
  return sealed
}

/** @throws {CodedError} `storage.corrupt` if the frame was changed or belongs elsewhere. */
export function openFrame(key: Uint8Array, offset: number, frame: Uint8Array): Uint8Array {
  const nonce = frame.subarray(HEADER_BYTES, BODY_OFFSET)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
      .setAAD(additional(frame.subarray(0, HEADER_BYTES), offset))
      .setAuthTag(frame.subarray(-TAG_BYTES))
    const plain = decipher.update(frame.subarray(BODY_OFFSET, -TAG_BYTES))
    decipher.final()
    return plain
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
