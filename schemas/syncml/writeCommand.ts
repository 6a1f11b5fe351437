/** Command -> element, in the order of the content models of 1.2 (rule WF-2); some clients read in strict order. */

import { type Element, flag, leaf, optionalLeaf, parent } from './element.ts'
import type * as m from './message.ts'
import { writeChal, writeCred, writeData, writeItem, writeLocation, writeMeta } from './writeItem.ts'

/** The element of a command, those it contains included. */
export function writeCommand(command: m.Command): Element {
  const { name, cmdId } = command
  return parent(name, [leaf('CmdID', cmdId), ...writeContent(command)])
}

type Content = readonly (Element | undefined)[]

function writeContent(command: m.Command): Content {
  switch (command.name) {
    case 'Add':
    case 'Replace':
    case 'Copy':
    case 'Move':
      return [noResp(command), ...credAndMeta(command), ...command.items.map(writeItem)]
    case 'Delete':
      return [
        noResp(command),
        flag('Archive', command.archive),
        flag('SftDel', command.sftDel),
        ...credAndMeta(command),
        ...command.items.map(writeItem),
      ]
    case 'Alert':
      return writeAlert(command)
    case 'Sync':
      return writeSync(command)
    case 'Map':
      return writeMap(command)
    case 'Get':
    case 'Put':
      return [
        noResp(command),
        optionalLeaf('Lang', command.lang),
        ...credAndMeta(command),
        ...command.items.map(writeItem),
      ]
    case 'Results':
      return writeResults(command)
    case 'Status':
      return writeStatus(command)
    case 'Atomic':
    case 'Sequence':
      return [noResp(command), ...credAndMeta(command), ...command.commands.map(writeCommand)]
    case 'Exec':
      return [
        noResp(command),
        ...credAndMeta(command),
        optionalLeaf('Correlator', command.correlator),
        ...command.items.map(writeItem),
      ]
    case 'Search':
      return writeSearch(command)
  }
}

function noResp(command: { readonly noResp?: boolean }): Element | undefined {
  return flag('NoResp', command.noResp)
}

function credAndMeta(command: { readonly cred?: m.Cred; readonly meta?: m.Meta }): Content {
  return [writeCred(command.cred), writeMeta(command.meta)]
}

/** The model of Alert has no Meta; one that came along stands where other commands have it. */
function writeAlert(command: m.AlertCommand): Content {
  return [
    noResp(command),
    ...credAndMeta(command),
    optionalLeaf('Data', command.data),
    optionalLeaf('Correlator', command.correlator),
    ...command.items.map(writeItem),
  ]
}

function writeSync(command: m.SyncCommand): Content {
  return [
    noResp(command),
    writeCred(command.cred),
    writeLocation('Target', command.target),
    writeLocation('Source', command.source),
    writeMeta(command.meta),
    optionalLeaf('NumberOfChanges', command.numberOfChanges),
    ...command.commands.map(writeCommand),
  ]
}

function writeMap(command: m.MapCommand): Content {
  return [
    noResp(command),
    writeLocation('Target', command.target),
    writeLocation('Source', command.source),
    ...credAndMeta(command),
    ...command.mapItems.map((item) =>
      parent('MapItem', [writeLocation('Target', item.target), writeLocation('Source', item.source)]),
    ),
  ]
}

function writeResults(command: m.ResultsCommand): Content {
  return [
    noResp(command),
    optionalLeaf('MsgRef', command.msgRef),
    leaf('CmdRef', command.cmdRef),
    ...credAndMeta(command),
    optionalLeaf('TargetRef', command.targetRef),
    optionalLeaf('SourceRef', command.sourceRef),
    ...command.items.map(writeItem),
  ]
}

function writeStatus(command: m.StatusCommand): Content {
  return [
    leaf('MsgRef', command.msgRef),
    leaf('CmdRef', command.cmdRef),
    leaf('Cmd', command.cmd),
    ...command.targetRefs.map((ref) => leaf('TargetRef', ref)),
    ...command.sourceRefs.map((ref) => leaf('SourceRef', ref)),
    writeCred(command.cred),
    writeChal(command.chal),
    leaf('Data', String(command.data)),
    ...command.items.map(writeItem),
  ]
}

function writeSearch(command: m.SearchCommand): Content {
  return [
    noResp(command),
    flag('NoResults', command.noResults),
    writeCred(command.cred),
    writeLocation('Target', command.target),
    ...command.sources.map((source) => writeLocation('Source', source)),
    optionalLeaf('Lang', command.lang),
    writeMeta(command.meta),
    command.data && writeData(command.data),
  ]
}
