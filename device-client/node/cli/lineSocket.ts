/** A socket of the agent as lines: what arrives is cut at line ends, and nobody makes us keep more than a bound. */

import type { Socket } from 'node:net'
import { CodedError } from '../../../schemas/errors.ts'

const LINE_END = 0x0a

/**
 * The lines that arrive, without their ends; an unfinished last one is dropped. The socket stays open when the reader stops.
 * @throws {CodedError} `protocol.too-large` for a line of more than `maxBytes`.
 */
export async function* readLines(socket: Socket, maxBytes: number): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(LINE_END); end >= 0; end = rest.indexOf(LINE_END)) {
      yield rest.toString('utf8', 0, end)
      rest = rest.subarray(end + 1)
    }
    if (rest.length > maxBytes) throw new CodedError('protocol.too-large', `a line of more than ${maxBytes} bytes`)
  }
}
