/**
 * The pure transition of a session.
 *
 *   fresh -> open -> sending -> closing -> ended
 *
 * `open` takes packages 1 and 3, `sending` gives package 4 slice by slice, `closing` waits for package 5.
 */

import { CodedError } from '../../schemas/errors.ts'
import { addOwed } from './owedStatuses.ts'
import type {
  ActiveState,
  DatastoreLink,
  Ended,
  EndReason,
  Fresh,
  SendPlan,
  SessionEvent,
  SessionIdentity,
  SessionState,
} from './sessionState.ts'

/** Times an object is begun again when the client reports it broken. */
const MAX_RESTARTS = 1

/** A session that was never seen before; nobody is authenticated yet. `msgId` is that of its last message, if any. */
export function newSession(identity: SessionIdentity, msgId = 0): Fresh {
  return {
    phase: 'fresh',
    identity,
    lastMsgId: msgId,
    ownMsgId: msgId,
    peerMaxMsgSize: 0,
    peerMaxObjSize: 0,
    awaited: false,
  }
}

/**
 * The state after `event`.
 *
 * @throws {CodedError} `internal` for an event that cannot happen in this phase: the engine's mistake, never the peer's.
 */
export function transition(state: SessionState, event: SessionEvent): SessionState {
  if (event.kind === 'ended') return state.phase === 'ended' ? state : end(state, event.reason)
  if (event.kind === 'awaited') return state.phase === 'fresh' ? impossible(state, event) : { ...state, awaited: true }
  if (event.kind === 'repeated') return repeated(state, event)
  if (state.phase === 'ended') return impossible(state, event)
  if (event.kind === 'message') {
    return {
      ...state,
      lastMsgId: event.msgId,
      awaited: false,
      peerMaxMsgSize: event.maxMsgSize ?? state.peerMaxMsgSize,
      peerMaxObjSize: event.maxObjSize ?? state.peerMaxObjSize,
    }
  }
  return state.phase === 'fresh' ? freshTransition(state, event) : activeTransition(state, event)
}

function freshTransition(state: Fresh, event: SessionEvent): SessionState {
  if (event.kind !== 'authenticated') return impossible(state, event)
  return {
    ...state,
    phase: 'open',
    peer: event.peer,
    peerLargeObjects: false,
    peerNumberOfChanges: false,
    links: [],
    challenged: [],
    incoming: null,
    completed: null,
    spoolCount: 0,
    outbox: { statuses: [], commands: [] },
    sent: [],
    peerClosed: false,
    proof: event.proof,
  }
}

function activeTransition(state: ActiveState, event: SessionEvent): SessionState {
  switch (event.kind) {
    case 'described':
      return { ...state, peerLargeObjects: event.largeObjects, peerNumberOfChanges: event.numberOfChanges }
    case 'linked':
      if (state.phase !== 'open') return impossible(state, event)
      return {
        ...state,
        links: [...state.links.filter((l) => l.uri !== event.link.uri), event.link],
        challenged: state.challenged.filter(({ uri }) => uri !== event.link.uri),
      }
    case 'proof':
      return { ...state, proof: event.proof }
    case 'challenged': {
      const others = state.challenged.filter(({ uri }) => uri !== event.challenged.uri)
      return { ...state, challenged: [...others, event.challenged] }
    }
    case 'syncing':
      if (state.phase !== 'open') return impossible(state, event)
      return withLink(state, event.uri, () => ({ synced: true }))
    case 'object': {
      const opened = spoolOf(event.incoming) !== undefined && spoolOf(event.incoming) !== spoolOf(state.incoming)
      return { ...state, incoming: event.incoming, spoolCount: state.spoolCount + (opened ? 1 : 0) }
    }
    case 'resumed': {
      const { receiving, completed, sent } = event.held
      const next = { ...state, incoming: state.incoming ?? receiving, completed: completed ?? state.completed }
      return withLink(next, event.uri, () => ({ interrupted: sent }))
    }
    case 'object-completed':
      return { ...state, completed: event.completed }
    case 'applied':
      return withLink(state, event.uri, () => ({ state: event.state }))
    case 'owing':
      return {
        ...state,
        outbox: {
          statuses: addOwed(state.outbox.statuses, event.statuses),
          commands: [...state.outbox.commands, ...event.commands],
        },
      }
    case 'items-answered': {
      const next = { ...state, sent: event.sent }
      // A refused chunk ends its object; the others go on (reference 3.11, "too large").
      return event.refused.reduce((after, uri) => withLink(after, uri, nextItem), next)
    }
    case 'object-broken':
      return withLink(state, event.uri, objectBroken)
    case 'package-closed':
      return packageClosed(state, event.plans)
    case 'answered':
      return answered(state, event)
    default:
      return impossible(state, event)
  }
}

function spoolOf(incoming: ActiveState['incoming']): string | undefined {
  return incoming?.kind === 'receiving' ? incoming.spoolId : undefined
}

function packageClosed(state: ActiveState, plans: readonly SendPlan[]): SessionState {
  const closed = { ...state, peerClosed: true }
  if (state.phase !== 'open') return closed
  const links = state.links.map((link): DatastoreLink => {
    const { uri: _, ...plan } = plans.find((p) => p.uri === link.uri) ?? { uri: link.uri }
    return { ...link, ...plan, blocked: false, synced: false, syncSent: false, cursor: 0, offset: 0 }
  })
  return plans.length > 0 ? { ...closed, links, phase: 'sending' } : { ...closed, links }
}

function answered(state: ActiveState, event: Extract<SessionEvent, { kind: 'answered' }>): SessionState {
  const { msgId: ownMsgId, outbox, links, sent } = event
  const next: ActiveState = { ...state, ownMsgId, outbox, links, sent }
  if (!event.complete) return next
  switch (next.phase) {
    case 'open':
      return { ...next, peerClosed: false }
    case 'sending':
      // Without a Sync of ours the client has nothing to answer: package 4 is the end.
      return links.some((l) => l.sendsSync) ? { ...next, phase: 'closing', peerClosed: false } : end(next, 'complete')
    case 'closing':
      return end(next, 'complete')
  }
}

/** What waits for Statuses is known by the message and the CmdIDs it was sent under last. */
function repeated(state: SessionState, event: Extract<SessionEvent, { kind: 'repeated' }>): SessionState {
  const { msgId: lastMsgId, ownMsgId, shift } = event
  if (state.phase === 'fresh') return impossible(state, event)
  const next = { ...state, lastMsgId, ownMsgId, awaited: false }
  if (next.phase === 'ended') return next
  const sent = next.sent.map((group) =>
    group.msgId === state.ownMsgId ? { ...group, msgId: ownMsgId, firstCmdId: group.firstCmdId + shift } : group,
  )
  return { ...next, sent }
}

function nextItem(link: DatastoreLink): Partial<DatastoreLink> {
  return { cursor: link.cursor + 1, offset: 0, restarts: 0 }
}

function objectBroken(link: DatastoreLink): Partial<DatastoreLink> {
  if (link.offset === 0) return {}
  return link.restarts < MAX_RESTARTS ? { offset: 0, restarts: link.restarts + 1 } : nextItem(link)
}

function withLink(
  state: ActiveState,
  uri: string,
  change: (link: DatastoreLink) => Partial<DatastoreLink>,
): ActiveState {
  return { ...state, links: state.links.map((l) => (l.uri === uri ? { ...l, ...change(l) } : l)) }
}

function end(state: SessionState, reason: EndReason): Ended {
  const { identity, lastMsgId, ownMsgId, peerMaxMsgSize, peerMaxObjSize, awaited } = state
  return { phase: 'ended', identity, lastMsgId, ownMsgId, peerMaxMsgSize, peerMaxObjSize, awaited, reason }
}

function impossible(state: SessionState, event: SessionEvent): never {
  throw new CodedError('internal', `session event ${event.kind} cannot happen in phase ${state.phase}`)
}
