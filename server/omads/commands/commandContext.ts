/**
 * What a command needs while one message is worked through, and how it owes Statuses (OM-5).
 */

import { setImmediate } from 'node:timers/promises'
import { CodedError, errorEntry } from '../../../schemas/errors.ts'
import { MAX_OWED_COMMANDS } from '../../../schemas/limits.ts'
import { sameUri } from '../../../schemas/syncml/datastoreUri.ts'
import type { Chal, Command, DevInf, Item, StatusCommand, SyncHdr } from '../../../schemas/syncml/message.ts'
import type { DatastoreRegistry, Peer } from '../../datastore/datastore.ts'
import type { ItemClient, SyncDatastore } from '../../datastore/syncDatastore.ts'
import type { Spool } from '../../storage/spool.ts'
import type { AuthenticateDeps } from '../authenticate.ts'
import type { DatastoreVerifier } from '../authenticateDatastore.ts'
import { type ClientDescriptions, describedStore } from '../clientDescriptions.ts'
import type { HeldObjects } from '../heldObjects.ts'
import type { OwnLogins } from '../proveServer.ts'
import { transition } from '../session.ts'
import type { ActiveState, DatastoreLink, SessionEvent } from '../sessionState.ts'
import type { ItemAnswer } from '../settleAnswers.ts'

/** Log of the engine: a constant phrase and fields; never content, never credentials. */
export interface OmadsLog {
  info(message: string, fields: Readonly<Record<string, unknown>>): void
  warn(message: string, fields: Readonly<Record<string, unknown>>): void
  error(message: string, fields: Readonly<Record<string, unknown>>): void
}

export interface CommandDeps extends AuthenticateDeps {
  readonly datastoreLogins: DatastoreVerifier
  readonly ownLogins: OwnLogins
  readonly registry: DatastoreRegistry
  readonly spool: Spool
  readonly descriptions: ClientDescriptions
  readonly heldObjects: HeldObjects
  /** DevID of our device information. */
  readonly serverId: string
  readonly log: OmadsLog
}

export interface CommandContext {
  readonly deps: CommandDeps
  readonly header: SyncHdr
  readonly peer: Peer
  state: ActiveState
  readonly statuses: StatusCommand[]
  readonly commands: Command[]
  /** Spools to drop once the answer is stored; not before, or a repeat could not be served. */
  readonly discardedSpools: string[]
  /** Statuses for our Items, in order. */
  readonly itemAnswers: ItemAnswer[]
  /** The client's device information, once it was looked for in this message. */
  description: Promise<DevInf | undefined> | undefined
  /** Nonces that were accepted: made durable with the answer (OM-11). */
  readonly confirmations: (() => Promise<void>)[]
  /** The client suspended the session: what comes after is not executed. */
  suspended: boolean
  /** Commands and Items worked through since the message came. */
  worked: number
}

/** A command that can be answered with a Status. */
export type Answerable = Exclude<Command, StatusCommand>

/** Takes the session one event further. */
export function advance(context: CommandContext, event: SessionEvent): void {
  const next = transition(context.state, event)
  if (next.phase === 'fresh' || next.phase === 'ended') {
    throw new CodedError('internal', `session event ${event.kind} left the active phases`)
  }
  context.state = next
}

/** The datastore of a link, and who talks to it. @throws {CodedError} `datastore.unknown` if it is gone. */
export async function datastoreOf(
  { deps, peer }: Pick<CommandContext, 'deps' | 'peer'>,
  link: Pick<DatastoreLink, 'uri' | 'clientSource'>,
): Promise<{ readonly datastore: SyncDatastore; readonly client: ItemClient }> {
  const datastore = await deps.registry.find(peer, link.uri)
  if (!datastore) throw new CodedError('datastore.unknown', `there is no datastore ${link.uri}`)
  return { datastore, client: { ...peer, sourceUri: link.clientSource } }
}

/** The client as it described itself; a datastore of one object needs no description. */
export async function describedClient(
  context: CommandContext,
  kind: SyncDatastore['kind'],
  sourceUri: string,
): Promise<ItemClient> {
  if (kind === 'object') return { ...context.peer, sourceUri }
  return { ...context.peer, sourceUri, ...describedStore(await descriptionOf(context), sourceUri) }
}

/** The client's device information, of this session or an earlier one; read once a message. */
export function descriptionOf(context: CommandContext): Promise<DevInf | undefined> {
  const { accountId, deviceId } = context.peer
  context.description ??= context.deps.descriptions.read(accountId, deviceId)
  return context.description
}

/** Commands and Items between two turns of the event loop. */
const WORKED_PER_TURN = 100

/** To be called for each command and Item: thousands are not worked through before others had their turn (OM-24). */
export async function takeTurns(context: CommandContext): Promise<void> {
  context.worked += 1
  if (context.worked % WORKED_PER_TURN === 0) await setImmediate()
}

/** True if one more Result or Alert can be owed (OM-26). */
export function canOweCommand({ commands, state }: CommandContext): boolean {
  return commands.length + state.outbox.commands.length < MAX_OWED_COMMANDS
}

/** Details of a Status beside its code. */
export interface StatusDetails {
  readonly targetRef?: string | undefined
  readonly sourceRef?: string | undefined
  readonly items?: readonly Item[]
  readonly chal?: Chal | undefined
}

/** The Status of `command`, without CmdID. */
export function statusOf(
  header: SyncHdr,
  command: Answerable,
  data: number,
  details: StatusDetails = {},
): StatusCommand {
  return {
    name: 'Status',
    cmdId: '',
    msgRef: header.msgId,
    cmdRef: command.cmdId,
    cmd: command.name,
    targetRefs: details.targetRef === undefined ? [] : [details.targetRef],
    sourceRefs: details.sourceRef === undefined ? [] : [details.sourceRef],
    ...(details.chal && { chal: details.chal }),
    data,
    items: details.items ?? [],
  }
}

/** Owes a Status, unless the client wants none. */
export function owe(context: CommandContext, command: Answerable, data: number, details: StatusDetails = {}): void {
  if (command.noResp || context.header.noResp) return
  context.statuses.push(statusOf(context.header, command, data, details))
}

/** Refs of one Item. */
export function refsOf(item: Item | undefined): StatusDetails {
  return { targetRef: item?.target?.locUri, sourceRef: item?.source?.locUri }
}

/** One Status if all Items fared alike, else one for each (reference 3.7, rule 2). */
export function oweItems(
  context: CommandContext,
  command: Answerable,
  outcomes: readonly { readonly item: Item; readonly status: number }[],
): void {
  const [first, ...others] = outcomes
  if (!first) owe(context, command, 412)
  else if (others.length === 0) owe(context, command, first.status, refsOf(first.item))
  else if (others.every((o) => o.status === first.status)) owe(context, command, first.status)
  else for (const { item, status } of outcomes) owe(context, command, status, refsOf(item))
}

/** The link a Sync or Map means; some clients leave out the Target (reference 10.2). */
export function findLink(
  context: CommandContext,
  target: string | undefined,
  source: string | undefined,
): DatastoreLink | undefined {
  const { links } = context.state
  if (target !== undefined && target !== '') {
    return links.find((l) => sameUri(l.clientTarget, target)) ?? links.find((l) => sameUri(l.uri, target))
  }
  return links.find((l) => l.clientSource === source)
}

/** Runs something that may fail; a failure becomes its Status (OM-9), ours 500, and is logged without content. */
export async function statusOnError<T>(
  context: CommandContext,
  what: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly status: number }> {
  try {
    return { value: await work() }
  } catch (error) {
    const coded = error instanceof CodedError && error.code !== 'internal'
    const { sessionId } = context.state.identity
    const fields = { sessionId, accountId: context.peer.accountId, deviceId: context.peer.deviceId, what }
    if (coded) context.deps.log.warn('command failed', { ...fields, code: error.code })
    else context.deps.log.error('command failed by our mistake', { ...fields, error })
    return { status: coded ? errorEntry(error.code).status : 500 }
  }
}
