/** Messages in XML, for servers that speak nothing else; its parser is loaded for them alone. */

import { decodeMessage, encodedCommandSize, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { MessageCodec } from '../session/messageCodec.ts'

export const xmlCodec: MessageCodec = {
  encoding: 'xml',
  encode: (message) => encodeMessage(message, 'xml'),
  decode: (octets) => decodeMessage(octets, 'xml'),
  sizeOf: (command) => encodedCommandSize(command, 'xml', '1.2'),
}
