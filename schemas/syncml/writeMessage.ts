/** Message -> element tree: the writing half of the one grammar (rules WF-1, WF-2). */

import { type Element, flag, leaf, optionalLeaf, parent } from './element.ts'
import type { Message, SyncHdr } from './message.ts'
import { writeCommand } from './writeCommand.ts'
import { writeCred, writeLocation, writeMeta } from './writeItem.ts'

/** The `SyncML` element of a message. */
export function writeMessage(message: Message): Element {
  return parent('SyncML', [
    writeHeader(message.header),
    parent('SyncBody', [...message.commands.map(writeCommand), flag('Final', message.final)]),
  ])
}

function writeHeader(header: SyncHdr): Element {
  return parent('SyncHdr', [
    leaf('VerDTD', header.verDtd),
    leaf('VerProto', header.verProto),
    leaf('SessionID', header.sessionId),
    leaf('MsgID', header.msgId),
    writeLocation('Target', header.target),
    writeLocation('Source', header.source),
    optionalLeaf('RespURI', header.respUri),
    flag('NoResp', header.noResp),
    writeCred(header.cred),
    writeMeta(header.meta),
  ])
}
