/**
 * Clears away what nobody will come back for: silent sessions are abandoned, ended ones forgotten after they were
 * kept for a resend (OM-3), spools without a session removed, but for objects that can be gone on with (OM-31).
 */

import { endSession } from './endSession.ts'
import type { OmadsDeps } from './handleMessage.ts'
import { HELD_LIFE_MS } from './heldObjects.ts'
import type { KeyedLock } from './keyedLock.ts'

const IDLE_TIMEOUT_MS = 15 * 60 * 1000

/** Sessions looked at in one go. */
const BATCH = 200

const SPOOL_ID = /^omads-([0-9a-f]{32})-\d+$/

/** The sweep; it takes the session's lock, so that it never meets a message of the same device. */
export function createExpiry(deps: OmadsDeps, lock: KeyedLock): () => Promise<number> {
  return async () => {
    const before = deps.clock() - (deps.idleTimeoutMs ?? IDLE_TIMEOUT_MS)
    let expired = 0
    for (const { state } of await deps.sessions.listIdle(before, BATCH)) {
      const { token, deviceId } = state.identity
      await lock(deviceId, async () => {
        const record = await deps.sessions.findByToken(token)
        if (!record || record.touchedAt >= before) return
        await endSession(deps, record.state, 'expired')
        await deps.sessions.remove(token)
        expired += 1
      })
    }
    await dropOrphans(deps, before)
    return expired
  }
}

async function dropOrphans(deps: OmadsDeps, before: number): Promise<void> {
  const held = new Set<string>()
  for (const { heldAt, ...row } of await deps.heldObjects.list()) {
    if (heldAt > deps.clock() - HELD_LIFE_MS) held.add(row.receiving?.spoolId ?? '')
    else await deps.heldObjects.remove(row)
  }
  for (const { spoolId, changedAt } of await deps.spool.list()) {
    const token = SPOOL_ID.exec(spoolId)?.[1]
    if (token === undefined || changedAt >= before || held.has(spoolId)) continue
    const record = await deps.sessions.findByToken(token)
    if (!record || record.state.phase === 'ended') await deps.spool.remove(spoolId)
  }
}
