/**
 * Ends a session that did not end regularly: its datastores are told, and what came of an object is kept for the next
 * session, if that can go on with it (OM-2, OM-31).
 */

import { type CommandDeps, datastoreOf } from './commands/commandContext.ts'
import type { HeldKey, SentObject } from './heldObjects.ts'
import { transition } from './session.ts'
import type { ActiveState, DatastoreLink, EndReason, SentItems, SessionState } from './sessionState.ts'

/** Suspends what `state` left half done; the state after it. Failures are logged: the session ends in any case. */
export async function endSession(deps: CommandDeps, state: SessionState, reason: EndReason): Promise<SessionState> {
  if (state.phase !== 'fresh' && state.phase !== 'ended') {
    for (const link of state.links.filter((l) => !l.finished)) {
      await attempt(deps, state, async () => {
        const { datastore, client } = await datastoreOf({ deps, peer: state.peer }, link)
        await datastore.suspend(client, link.state)
      })
    }
    await attempt(deps, state, () => holdObjects(deps, state))
    deps.log.info('session left work undone', {
      sessionId: state.identity.sessionId,
      deviceId: state.identity.deviceId,
      reason,
    })
  }
  return transition(state, { kind: 'ended', reason })
}

async function holdObjects(deps: CommandDeps, state: ActiveState): Promise<void> {
  const { peer, links, incoming, completed, sent } = state
  const receiving = incoming?.kind === 'receiving' ? incoming : null
  const open = links.filter(({ kind, finished }) => kind === 'items' && !finished)
  if (receiving && !open.some(({ uri }) => uri === receiving.uri)) await deps.spool.remove(receiving.spoolId)
  for (const link of open) {
    const key = { accountId: peer.accountId, deviceId: peer.deviceId, uri: link.uri }
    const held = {
      receiving: receiving?.uri === link.uri ? { ...receiving, interrupted: true } : null,
      completed: completed?.uri === link.uri ? completed : null,
      sent: sentObject(link, sent),
    }
    const isNothing = held.receiving === null && held.completed === null && held.sent === null
    if (isNothing && !link.resumed) continue
    await dropHeld(deps, key, held.receiving?.spoolId)
    if (!isNothing) await deps.heldObjects.keep({ ...key, ...held, heldAt: deps.clock() })
  }
}

/** The object that was being sent, and how much of it the client confirmed. */
function sentObject(link: DatastoreLink, sent: readonly SentItems[]): SentObject | null {
  const last = sent.findLast(({ uri, more }) => uri === link.uri && more)?.items.at(-1)
  if (link.offset === 0 || link.digest === '') return link.interrupted
  return { id: link.objectId, digest: link.digest, offset: last ? link.chunkFrom : link.offset }
}

/** Drops what is held for a datastore; octets in `exceptSpool` stay. */
export async function dropHeld(deps: CommandDeps, key: HeldKey, exceptSpool?: string): Promise<void> {
  const held = await deps.heldObjects.find(key)
  if (held === undefined) return
  const spoolId = held.receiving?.spoolId
  if (spoolId !== undefined && spoolId !== exceptSpool) await deps.spool.remove(spoolId)
  await deps.heldObjects.remove(key)
}

async function attempt(deps: CommandDeps, state: SessionState, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    deps.log.error('a session could not be cleared away', { sessionId: state.identity.sessionId, error })
  }
}
