/**
 * The way for our own agent: requests that wait until a notification is issued (PU-5). Nothing is lost between two of
 * them, since each begins and ends by looking at what is kept (PU-2).
 */

import { CodedError } from '../../schemas/errors.ts'
import { MAX_WAITING_POLLS } from '../../schemas/limits.ts'
import type { DeviceKey, IssuedNotification, Notifications } from './notifications.ts'
import type { PushPort } from './pushPort.ts'

/** One request that waits. */
export interface Poll extends DeviceKey {
  /** What the device has: it is given what was issued later. */
  readonly after: number
  readonly waitMs: number
  /** Calls `listener` when the caller goes away. */
  onGone(listener: () => void): void
}

export interface LongPoll extends PushPort {
  /**
   * The device's notification, now or when it is issued; undefined if there is none in time.
   *
   * @throws {CodedError} `push.busy` if too many wait.
   */
  wait(poll: Poll): Promise<IssuedNotification | undefined>
  /** Sends all home. */
  close(): void
}

/** Requests of this process. `maxWaiting` is for tests. */
export function createLongPoll(notifications: Notifications, maxWaiting = MAX_WAITING_POLLS): LongPoll {
  const waiting = new Map<string, () => void>()
  let closed = false
  const look = async (poll: Poll): Promise<IssuedNotification | undefined> => {
    const kept = await notifications.get(poll)
    return kept !== undefined && kept.takenAt === undefined && kept.issuedAt > poll.after ? kept : undefined
  }
  return {
    push: async (notification) => waiting.get(keyOf(notification))?.(),
    wait: async (poll) => {
      const key = keyOf(poll)
      waiting.get(key)?.()
      if (waiting.size >= maxWaiting) throw new CodedError('push.busy', `${waiting.size} devices wait already`)
      const { promise, resolve } = Promise.withResolvers<void>()
      // Before the look: what is issued meanwhile ends the wait.
      waiting.set(key, resolve)
      try {
        const kept = await look(poll)
        if (kept !== undefined || closed) return kept
        const timer = setTimeout(resolve, poll.waitMs)
        poll.onGone(resolve)
        await promise
        clearTimeout(timer)
        return await look(poll)
      } finally {
        if (waiting.get(key) === resolve) waiting.delete(key)
      }
    },
    close: () => {
      closed = true
      for (const release of waiting.values()) release()
    },
  }
}

function keyOf({ accountId, deviceId }: DeviceKey): string {
  return JSON.stringify([accountId, deviceId])
}
