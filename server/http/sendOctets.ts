/**
 * Sends an immutable object, whole or the one range that was asked for (RFC 9110, section 14).
 */

import type { Request, Response } from 'express'
import { CodedError } from '../../schemas/errors.ts'

/**
 * Answers with `bytes` or the part that `Range` names; several ranges, or one that cannot be read, get the whole.
 *
 * @throws {CodedError} `protocol.range-not-satisfiable` if the range lies outside.
 */
export function sendOctets(request: Request, response: Response, bytes: Uint8Array): void {
  response.setHeader('Accept-Ranges', 'bytes')
  response.type('application/octet-stream')
  const ranges = request.range(bytes.length)
  if (ranges === -1) {
    response.setHeader('Content-Range', `bytes */${bytes.length}`)
    throw new CodedError('protocol.range-not-satisfiable', `the object has ${bytes.length} octets`)
  }
  const [range] = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges : []
  if (range !== undefined) {
    response.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${bytes.length}`)
    send(response, bytes.subarray(range.start, range.end + 1))
  } else send(response, bytes)
}

function send(response: Response, bytes: Uint8Array): void {
  response.setHeader('Content-Length', bytes.length)
  response.end(bytes)
}
