/**
 * The content models of SyncML 1.2 and MetInf (reference sections 1.2 to 1.4 and 2.1) as ordered lists, and a judge:
 * which elements of an XML message stand where the DTD does not have them.
 */

import { XMLParser } from 'fast-xml-parser'

const COMMANDS = 'Alert Atomic Copy Exec Get Map Move Put Results Search Sequence Status Sync Add Replace Delete'.split(
  ' ',
)
const ITEM_COMMAND = ['CmdID', 'NoResp', 'Cred', 'Meta', 'Item']

/**
 * Children in their order; a nested list is a group whose members may mix. NoResp, Cred and Meta stand where most
 * commands have them also in those that have none in the DTD: what is read is written back, our engine never sets them.
 */
const MODELS: Readonly<Record<string, readonly (string | readonly string[])[]>> = {
  SyncML: ['SyncHdr', 'SyncBody'],
  SyncHdr: 'VerDTD VerProto SessionID MsgID Target Source RespURI NoResp Cred Meta'.split(' '),
  SyncBody: [COMMANDS, 'Final'],
  Target: ['LocURI', 'LocName', 'Filter'],
  Source: ['LocURI', 'LocName'],
  SourceParent: ['LocURI'],
  TargetParent: ['LocURI'],
  Filter: ['Meta', 'Field', 'Record', 'FilterType'],
  Field: ['Item'],
  Record: ['Item'],
  Cred: ['Meta', 'Data'],
  Chal: ['Meta'],
  Item: ['Target', 'Source', 'SourceParent', 'TargetParent', 'Meta', 'Data', 'MoreData'],
  Add: ITEM_COMMAND,
  Replace: ITEM_COMMAND,
  Copy: ITEM_COMMAND,
  Move: ITEM_COMMAND,
  Delete: ['CmdID', 'NoResp', 'Archive', 'SftDel', 'Cred', 'Meta', 'Item'],
  Alert: ['CmdID', 'NoResp', 'Cred', 'Meta', 'Data', 'Correlator', 'Item'],
  Sync: ['CmdID', 'NoResp', 'Cred', 'Target', 'Source', 'Meta', 'NumberOfChanges', COMMANDS],
  Map: ['CmdID', 'NoResp', 'Target', 'Source', 'Cred', 'Meta', 'MapItem'],
  MapItem: ['Target', 'Source'],
  Put: ['CmdID', 'NoResp', 'Lang', 'Cred', 'Meta', 'Item'],
  Get: ['CmdID', 'NoResp', 'Lang', 'Cred', 'Meta', 'Item'],
  Results: ['CmdID', 'NoResp', 'MsgRef', 'CmdRef', 'Cred', 'Meta', 'TargetRef', 'SourceRef', 'Item'],
  Status: ['CmdID', 'MsgRef', 'CmdRef', 'Cmd', 'TargetRef', 'SourceRef', 'Cred', 'Chal', 'Data', 'Item'],
  Atomic: ['CmdID', 'NoResp', 'Cred', 'Meta', COMMANDS],
  Sequence: ['CmdID', 'NoResp', 'Cred', 'Meta', COMMANDS],
  Exec: ['CmdID', 'NoResp', 'Cred', 'Meta', 'Correlator', 'Item'],
  Search: ['CmdID', 'NoResp', 'NoResults', 'Cred', 'Target', 'Source', 'Lang', 'Meta', 'Data'],
  Meta: 'FieldLevel Format Type Mark Size Anchor Version NextNonce MaxMsgSize MaxObjSize EMI Mem'.split(' '),
  Anchor: ['Last', 'Next'],
  Mem: ['SharedMem', 'FreeMem', 'FreeID'],
}

/** Elements whose content is text, or something with models of its own (device information). */
const OPEN = new Set(['Data', 'DevInf'])

type Node = Readonly<Record<string, unknown>>

/** One line for each element that stands out of order or does not belong; empty if all is well. */
export function orderErrors(xml: string): string[] {
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: true,
    ignoreDeclaration: true,
    htmlEntities: true,
  })
  return (parser.parse(xml) as Node[]).flatMap((node) => judge(node))
}

function judge(node: Node): string[] {
  const [name] = Object.keys(node)
  if (name === undefined || name === '#text' || OPEN.has(name)) return []
  const children = node[name] as Node[]
  const names = children.flatMap((child) => Object.keys(child)).filter((child) => child !== '#text' && child !== ':@')
  const model = MODELS[name]
  if (!model) return names.length === 0 ? [] : [`${name} has elements and no model`]
  let at = 0
  const errors: string[] = []
  for (const child of names) {
    const place = model.findIndex(
      (part, i) => i >= at && (typeof part === 'string' ? part === child : part.includes(child)),
    )
    if (place < 0) errors.push(`${child} in ${name} after ${String(model[at])}`)
    else at = place
  }
  return [...errors, ...children.flatMap((child) => judge(child))]
}
