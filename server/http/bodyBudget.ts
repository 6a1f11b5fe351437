/**
 * Bounds the octets of messages that are being received or worked on: each may be of 4 MiB, and thousands of
 * connections that begin one would fill the memory. One address gets a part of it only, so that others find room.
 */

import type { RequestHandler } from 'express'
import { CodedError } from '../../schemas/errors.ts'
import { MAX_BODIES_BYTES, MAX_BODIES_BYTES_OF_ADDRESS, MAX_MESSAGE_BYTES } from '../../schemas/limits.ts'

/** Refuses a body, before it is read, for which there is no room now (503, come again). */
export function bodyBudget(): RequestHandler {
  const held = new Map<string, number>()
  let total = 0
  return (request, response, next) => {
    const address = request.ip ?? ''
    const announced = Number(request.headers['content-length'])
    const sizeBytes = Math.min(Number.isSafeInteger(announced) ? announced : MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
    const ofAddress = held.get(address) ?? 0
    if (total + sizeBytes > MAX_BODIES_BYTES || ofAddress + sizeBytes > MAX_BODIES_BYTES_OF_ADDRESS) {
      // What is still to come is not read.
      response.setHeader('Connection', 'close')
      return next(new CodedError('session.busy', 'too many messages at once'))
    }
    total += sizeBytes
    held.set(address, ofAddress + sizeBytes)
    response.once('close', () => {
      total -= sizeBytes
      const left = (held.get(address) ?? 0) - sizeBytes
      if (left > 0) held.set(address, left)
      else held.delete(address)
    })
    next()
  }
}
