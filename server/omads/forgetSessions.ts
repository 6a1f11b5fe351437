/** Bounds the ended sessions that are kept of one device id for a message that is sent again (OM-3, OM-25). */

import type { SessionStore, SessionSummary } from './sessionStore.ts'

const KEPT_ENDED = 16

/** Removes the oldest ended sessions beyond the bound. Returns those that are kept. */
export async function forgetSessions(store: SessionStore, deviceId: string): Promise<readonly SessionSummary[]> {
  let room = KEPT_ENDED
  const kept: SessionSummary[] = []
  for (const record of await store.findByDevice(deviceId)) {
    const { phase, identity } = record.state
    if (phase === 'ended' && room-- <= 0) await store.remove(identity.token)
    else kept.push(record)
  }
  return kept
}
