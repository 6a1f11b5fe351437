/**
 * Bounds the sessions that are kept of one device id (OM-25): each message looks through them, and anybody may begin one
 * under any id.
 */

import type { SessionRecord, SessionStore } from './sessionStore.ts'

/** Sessions that wait for credentials: many more than a device begins at once, so that a stranger does not push it out. */
const KEPT_CHALLENGED = 64
/** Ended ones, kept for a message that is sent again (OM-3); only who logged in has any. */
const KEPT_ENDED = 16

/** Removes the oldest sessions beyond the bounds; open ones and that of `token` stay. Returns those that are kept. */
export async function forgetSessions(
  store: SessionStore,
  deviceId: string,
  token: string,
): Promise<readonly SessionRecord[]> {
  const room = { challenged: KEPT_CHALLENGED, ended: KEPT_ENDED }
  const kept: SessionRecord[] = []
  for (const record of await store.findByDevice(deviceId)) {
    const { phase, identity } = record.state
    const isBounded = identity.token !== token && (phase === 'challenged' || phase === 'ended')
    if (isBounded && room[phase]-- <= 0) await store.remove(identity.token)
    else kept.push(record)
  }
  return kept
}
