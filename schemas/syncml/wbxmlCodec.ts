/**
 * Messages in WBXML alone: all that our own device speaks. The parser of XML stays out, which is a tenth of the time a
 * nightly backup takes to start.
 */

import { MAX_MESSAGE_BYTES } from '../limits.ts'
import { decodeWbxml } from './decodeWbxml.ts'
import { encodeWbxml } from './encodeWbxml.ts'
import { tooLarge } from './malformed.ts'
import type { Message } from './message.ts'
import { readMessage } from './readMessage.ts'
import { writeMessage } from './writeMessage.ts'

/**
 * Reads a message as `decodeMessage` does, but leaves device information that is embedded as XML the text it is.
 * @throws {CodedError} `protocol.malformed`, `protocol.too-large`
 */
export function decodeWbxmlMessage(octets: Uint8Array): Message {
  if (octets.length > MAX_MESSAGE_BYTES) throw tooLarge(`a message of ${octets.length} octets`, MAX_MESSAGE_BYTES)
  return readMessage(decodeWbxml(octets, 'syncml'))
}

/** Writes a message as `encodeMessage` does. @throws {CodedError} `protocol.malformed` for control characters. */
export function encodeWbxmlMessage(message: Message): Uint8Array {
  return encodeWbxml(writeMessage(message), 'syncml', message.header.verDtd)
}
