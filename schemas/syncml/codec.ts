/**
 * SyncML messages as octets and back: the one entry to both encodings.
 * Whatever the input, only `protocol.malformed` and `protocol.too-large` are thrown. Rules WF-1 to WF-5.
 */

import { MAX_MESSAGE_BYTES } from '../limits.ts'
import { decodeWbxml } from './decodeWbxml.ts'
import { encodeWbxml, wbxmlSize } from './encodeWbxml.ts'
import { tooLarge } from './malformed.ts'
import type { Command, Encoding, Message, SyncmlVersion } from './message.ts'
import { readMessage } from './readMessage.ts'
import { writeCommand } from './writeCommand.ts'
import { writeMessage } from './writeMessage.ts'
import { decodeXml, encodeXml, parseXml, xmlSize } from './xml.ts'

export { contentTypeOf, encodingOf } from './contentType.ts'

/**
 * Reads a message; in WBXML `maxTokens` bounds the time it takes. Octets of Items are views of `octets`, so keep those unchanged as long as the message lives.
 * @throws {CodedError} `protocol.malformed`, `protocol.too-large`
 */
export function decodeMessage(octets: Uint8Array, encoding: Encoding, maxTokens?: number): Message {
  if (octets.length > MAX_MESSAGE_BYTES) throw tooLarge(`a message of ${octets.length} octets`, MAX_MESSAGE_BYTES)
  return readMessage(encoding === 'xml' ? decodeXml(octets) : decodeWbxml(octets, 'syncml', maxTokens), parseXml)
}

/**
 * Writes a message in the version its header names; the namespace and public identifier of 1.2 stand for any other.
 * @throws {CodedError} `protocol.malformed` if a text cannot be written in that encoding (control characters)
 */
export function encodeMessage(message: Message, encoding: Encoding): Uint8Array {
  const { verDtd } = message.header
  const root = writeMessage(message)
  if (encoding === 'wbxml') return encodeWbxml(root, 'syncml', verDtd)
  return encodeXml(root, namespaceOf(verDtd))
}

/** The namespace of a version's messages. */
export function namespaceOf(verDtd: string): string {
  return `SYNCML:SYNCML${/^1\.[0-9]$/.test(verDtd) ? verDtd : '1.2'}`
}

/**
 * Octets `command` adds to a message: what it really takes, in WBXML at most 2 more (a page switch at its end).
 * Octets of Items are counted, not encoded. A message is no larger than the same one with `final` and no commands, plus
 * the sum over its commands; likewise a Sync, Atomic or Sequence and what it contains. The version makes no difference.
 */
export function encodedCommandSize(command: Command, encoding: Encoding, _version: SyncmlVersion): number {
  const element = writeCommand(command)
  return encoding === 'xml' ? xmlSize(element) : wbxmlSize(element)
}
