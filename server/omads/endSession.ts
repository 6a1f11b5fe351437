/**
 * Ends a session that did not end regularly: its datastores are told, its spools dropped (OM-2).
 */

import type { Datastore } from '../datastore/datastore.ts'
import type { CommandDeps } from './commands/commandContext.ts'
import { transition } from './session.ts'
import type { EndReason, SessionState } from './sessionState.ts'

/** Abandons what `state` left half done; the state after it. Failures are logged: the session ends in any case. */
export async function endSession(deps: CommandDeps, state: SessionState, reason: EndReason): Promise<SessionState> {
  if (state.phase !== 'challenged' && state.phase !== 'ended') {
    for (const link of state.links.filter((l) => !l.finished)) {
      await attempt(deps, state, async () => {
        const datastore: Datastore | undefined = await deps.registry.find(state.peer, link.uri)
        await datastore?.abandon(state.peer, link.state)
      })
    }
    const { incoming } = state
    if (incoming?.kind === 'receiving') await attempt(deps, state, () => deps.spool.remove(incoming.spoolId))
    deps.log.info('session left work undone', {
      sessionId: state.identity.sessionId,
      deviceId: state.identity.deviceId,
      reason,
    })
  }
  return transition(state, { kind: 'ended', reason })
}

async function attempt(deps: CommandDeps, state: SessionState, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    deps.log.error('a session could not be cleared away', { sessionId: state.identity.sessionId, error })
  }
}
