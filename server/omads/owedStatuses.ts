/**
 * Statuses that wait for room in an answer, written short (OM-26): a message may owe thousands, and they are stored with
 * the session. Those of one message, command and code are one group of references.
 */

import type { Command, Message, StatusCommand } from '../../schemas/syncml/message.ts'

/** A reference to one command: its CmdID, or CmdID, TargetRef and SourceRef. */
type OwedRef = string | readonly [cmdRef: string, target: string | null, source: string | null]

/** Statuses alike but for what they refer to, in order; or one that says more. */
export type OwedGroup =
  | { readonly msgRef: string; readonly cmd: string; readonly data: number; readonly refs: readonly OwedRef[] }
  | StatusCommand

/** Statuses without CmdID, in order. */
export type OwedStatuses = readonly OwedGroup[]

/** Writes `statuses` short, behind `owed`. */
export function addOwed(owed: OwedStatuses, statuses: readonly StatusCommand[]): OwedStatuses {
  const groups = [...owed]
  let open: { msgRef: string; cmd: string; data: number; refs: OwedRef[] } | undefined
  for (const status of statuses) {
    const { msgRef, cmd, data } = status
    if (!isPlain(status)) {
      groups.push(status)
      open = undefined
      continue
    }
    if (open?.msgRef !== msgRef || open.cmd !== cmd || open.data !== data) {
      open = { msgRef, cmd, data, refs: [] }
      groups.push(open)
    }
    const [target, source] = [status.targetRefs[0] ?? null, status.sourceRefs[0] ?? null]
    open.refs.push(target === null && source === null ? status.cmdRef : [status.cmdRef, target, source])
  }
  return groups
}

/** The Statuses as commands. */
export function* owedStatuses(owed: OwedStatuses): Generator<StatusCommand> {
  for (const group of owed) {
    if ('name' in group) yield group
    else for (const ref of group.refs) yield statusFor(group, ref)
  }
}

function statusFor({ msgRef, cmd, data }: Exclude<OwedGroup, StatusCommand>, ref: OwedRef): StatusCommand {
  const [cmdRef, target, source] = typeof ref === 'string' ? [ref, null, null] : ref
  const targetRefs = target === null ? [] : [target]
  return {
    name: 'Status',
    cmdId: '',
    msgRef,
    cmdRef,
    cmd,
    targetRefs,
    sourceRefs: source === null ? [] : [source],
    data,
    items: [],
  }
}

function isPlain({ cred, chal, items, targetRefs, sourceRefs }: StatusCommand): boolean {
  return !cred && !chal && items.length === 0 && targetRefs.length <= 1 && sourceRefs.length <= 1
}

/** Without the first `count`. */
export function dropOwed(owed: OwedStatuses, count: number): OwedStatuses {
  const left: OwedGroup[] = []
  let drop = count
  for (const group of owed) {
    const size = 'name' in group ? 1 : group.refs.length
    if (drop <= 0) left.push(group)
    else if (!('name' in group) && size > drop) left.push({ ...group, refs: group.refs.slice(drop) })
    drop -= size
  }
  return left
}

/** How many are owed. */
export function countOwed(owed: OwedStatuses): number {
  return owed.reduce((sum, group) => sum + ('name' in group ? 1 : group.refs.length), 0)
}

/** The most Statuses that `message` can make us owe: one for each command and each Item. */
export function countAnswers({ commands }: Pick<Message, 'commands'>): number {
  return commands.reduce((sum, command) => sum + 1 + itemsOf(command) + withinOf(command), 0)
}

function withinOf(command: Command): number {
  return 'commands' in command ? countAnswers(command) : 0
}

function itemsOf(command: Command): number {
  return 'items' in command ? command.items.length : 0
}
