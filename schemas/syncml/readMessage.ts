/**
 * Element tree -> Message: the one grammar for both encodings (rule WF-1). Tolerant as phones demand (reference 10.5):
 * any order, unknown elements ignored, versions as they came.
 */

import { MAX_COMMANDS } from '../limits.ts'
import type { Element } from './element.ts'
import { child, childrenOf, flagOf, identifier, missing, present, requiredIdentifier, text } from './fields.ts'
import { malformed } from './malformed.ts'
import type { Message, SyncHdr } from './message.ts'
import { readCommands } from './readCommand.ts'
import { type ParseXml, requiredLocation } from './readItem.ts'
import { readCred, readMeta } from './readMeta.ts'

/**
 * The Message of a `SyncML` element; `parseXml` reads device information that is embedded as XML.
 * @throws {CodedError} `protocol.malformed` if header, body or what answers need is missing; `protocol.too-large`
 */
export function readMessage(root: Element, parseXml?: ParseXml): Message {
  if (root.name !== 'SyncML') throw malformed(`the root element is ${root.name}, not SyncML`)
  const header = only(root, 'SyncHdr')
  const body = only(root, 'SyncBody')
  const budget = { commands: MAX_COMMANDS }
  return {
    header: readHeader(header),
    commands: readCommands(body, { budget, format: undefined, parseXml }),
    final: flagOf(body, 'Final') === true,
  }
}

function only(root: Element, name: string): Element {
  const found = child(root, name)
  if (found === undefined) throw missing(root, name)
  if (childrenOf(root, name).length > 1) throw malformed(`${root.name} has more than one ${name}`)
  return found
}

/** A missing version is empty, so that it is answered like any other we do not speak. */
function readHeader(header: Element): SyncHdr {
  return present<SyncHdr>({
    verDtd: text(header, 'VerDTD') ?? '',
    verProto: text(header, 'VerProto') ?? '',
    sessionId: requiredIdentifier(header, 'SessionID'),
    msgId: requiredIdentifier(header, 'MsgID'),
    target: requiredLocation(header, 'Target'),
    source: requiredLocation(header, 'Source'),
    respUri: identifier(header, 'RespURI'),
    noResp: flagOf(header, 'NoResp'),
    cred: readCred(header),
    meta: readMeta(header),
  })
}
