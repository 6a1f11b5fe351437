/**
 * How messages become octets. Our own device speaks WBXML; a session with a foreign server may be given XML, whose
 * parser is then loaded for it alone.
 */

import { wbxmlSize } from '../../schemas/syncml/encodeWbxml.ts'
import type { Command, Encoding, Message } from '../../schemas/syncml/message.ts'
import { decodeWbxmlMessage, encodeWbxmlMessage } from '../../schemas/syncml/wbxmlCodec.ts'
import { writeCommand } from '../../schemas/syncml/writeCommand.ts'

export interface MessageCodec {
  readonly encoding: Encoding
  encode(message: Message): Uint8Array
  /** @throws {CodedError} `protocol.malformed`, `protocol.too-large` */
  decode(octets: Uint8Array): Message
  /** Octets `command` adds to a message, or at most 2 more. */
  sizeOf(command: Command): number
}

export const wbxmlCodec: MessageCodec = {
  encoding: 'wbxml',
  encode: encodeWbxmlMessage,
  decode: decodeWbxmlMessage,
  sizeOf: (command) => wbxmlSize(writeCommand(command)),
}
