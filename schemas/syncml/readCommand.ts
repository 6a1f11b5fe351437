/**
 * Element tree -> Command. Fields are read in any order; an unknown command is ignored (rule WF-5), a command without
 * a part that no answer can do without is malformed.
 */

import { MAX_COMMANDS, MAX_ITEMS } from '../limits.ts'
import type { Element } from './element.ts'
import {
  child,
  childrenOf,
  flagOf,
  identifier,
  missing,
  present,
  requiredIdentifier,
  text,
  wholeNumber,
} from './fields.ts'
import { malformed, tooLarge } from './malformed.ts'
import type * as m from './message.ts'
import { type ParseXml, readData, readItems, readLocation, requiredLocation, toLocation } from './readItem.ts'
import { readChal, readCred, readMeta } from './readMeta.ts'

/** What a command inherits: the budget and the XML parser of its message, and the Format of what it stands in. */
export interface CommandContext {
  readonly budget: { commands: number }
  readonly format: string | undefined
  readonly parseXml: ParseXml | undefined
}

/** The commands among the children of a SyncBody, Sync, Atomic or Sequence, in order. */
export function readCommands(holder: Element, context: CommandContext): readonly m.Command[] {
  const commands: m.Command[] = []
  for (const element of holder.children) {
    const command = readCommand(element, context)
    if (command === undefined) continue
    if (--context.budget.commands < 0) throw tooLarge('commands of one message', MAX_COMMANDS)
    commands.push(command)
  }
  return commands
}

function readCommand(element: Element, context: CommandContext): m.Command | undefined {
  const { name } = element
  switch (name) {
    case 'Add':
    case 'Replace':
    case 'Copy':
    case 'Move':
      return present<m.ItemCommand>({ name, ...base(element), items: items(element, context) })
    case 'Delete':
      return readDelete(element, context)
    case 'Alert':
      return readAlert(element, context)
    case 'Sync':
      return readSync(element, context)
    case 'Map':
      return readMap(element)
    case 'Get':
    case 'Put':
      return present<m.GetPutCommand>({
        name,
        ...base(element),
        lang: text(element, 'Lang'),
        items: items(element, context, name === 'Put'),
      })
    case 'Results':
      return readResults(element, context)
    case 'Status':
      return readStatus(element, context)
    case 'Atomic':
    case 'Sequence':
      return present<m.GroupCommand>({
        name,
        ...base(element),
        commands: readCommands(element, inner(element, context)),
      })
    case 'Exec':
      return readExec(element, context)
    case 'Search':
      return readSearch(element)
    default:
      return undefined
  }
}

function base(element: Element) {
  return {
    cmdId: requiredIdentifier(element, 'CmdID'),
    noResp: flagOf(element, 'NoResp'),
    cred: readCred(element),
    meta: readMeta(element),
  }
}

/** The context of what stands in this command. */
function inner(element: Element, context: CommandContext): CommandContext {
  return { ...context, format: readMeta(element)?.format ?? context.format }
}

function items(element: Element, context: CommandContext, mayBeDevInf = false): readonly m.Item[] {
  return readItems(element, { ...inner(element, context), mayBeDevInf })
}

function readDelete(element: Element, context: CommandContext): m.DeleteCommand {
  return present<m.DeleteCommand>({
    name: 'Delete',
    ...base(element),
    archive: flagOf(element, 'Archive'),
    sftDel: flagOf(element, 'SftDel'),
    items: items(element, context),
  })
}

function readAlert(element: Element, context: CommandContext): m.AlertCommand {
  return present<m.AlertCommand>({
    name: 'Alert',
    ...base(element),
    data: text(element, 'Data'),
    correlator: text(element, 'Correlator'),
    items: items(element, context),
  })
}

function readSync(element: Element, context: CommandContext): m.SyncCommand {
  return present<m.SyncCommand>({
    name: 'Sync',
    ...base(element),
    target: readLocation(element, 'Target'),
    source: readLocation(element, 'Source'),
    numberOfChanges: wholeNumber(element, 'NumberOfChanges'),
    commands: readCommands(element, inner(element, context)),
  })
}

function readMap(element: Element): m.MapCommand {
  const mapItems = childrenOf(element, 'MapItem')
  if (mapItems.length > MAX_ITEMS) throw tooLarge('items of one command', MAX_ITEMS)
  return present<m.MapCommand>({
    name: 'Map',
    ...base(element),
    target: requiredLocation(element, 'Target'),
    source: requiredLocation(element, 'Source'),
    mapItems: mapItems.map((item) => ({
      target: requiredLocation(item, 'Target'),
      source: requiredLocation(item, 'Source'),
    })),
  })
}

function readResults(element: Element, context: CommandContext): m.ResultsCommand {
  return present<m.ResultsCommand>({
    name: 'Results',
    ...base(element),
    msgRef: identifier(element, 'MsgRef'),
    cmdRef: requiredIdentifier(element, 'CmdRef'),
    targetRef: identifier(element, 'TargetRef'),
    sourceRef: identifier(element, 'SourceRef'),
    items: items(element, context, true),
  })
}

function readStatus(element: Element, context: CommandContext): m.StatusCommand {
  const cmd = requiredIdentifier(element, 'Cmd')
  const cmdRef = identifier(element, 'CmdRef') ?? (cmd === 'SyncHdr' ? '0' : undefined)
  if (cmdRef === undefined) throw missing(element, 'CmdRef')
  const data = wholeNumber(element, 'Data')
  if (data === undefined) throw malformed(`Status has no code: ${JSON.stringify(text(element, 'Data')?.slice(0, 40))}`)
  return present<m.StatusCommand>({
    name: 'Status',
    cmdId: requiredIdentifier(element, 'CmdID'),
    msgRef: requiredIdentifier(element, 'MsgRef'),
    cmdRef,
    cmd,
    targetRefs: refs(element, 'TargetRef'),
    sourceRefs: refs(element, 'SourceRef'),
    cred: readCred(element),
    chal: readChal(element),
    data,
    items: items(element, context),
  })
}

function refs(element: Element, name: string): readonly string[] {
  const found = childrenOf(element, name)
  if (found.length > MAX_ITEMS) throw tooLarge(`${name} of one command`, MAX_ITEMS)
  return found.map((ref) => requiredIdentifier({ name: 'Status', children: [ref] }, name))
}

function readExec(element: Element, context: CommandContext): m.ExecCommand {
  return present<m.ExecCommand>({
    name: 'Exec',
    ...base(element),
    correlator: text(element, 'Correlator'),
    items: items(element, context),
  })
}

function readSearch(element: Element): m.SearchCommand {
  const data = child(element, 'Data')
  return present<m.SearchCommand>({
    name: 'Search',
    ...base(element),
    noResults: flagOf(element, 'NoResults'),
    target: readLocation(element, 'Target'),
    sources: childrenOf(element, 'Source').map(toLocation),
    lang: text(element, 'Lang'),
    data: data && readData(data),
  })
}
