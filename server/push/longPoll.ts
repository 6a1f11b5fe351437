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

interface WaitingPoll {
  readonly accountId: string
  /** Sends it home. */
  release(): void
}

/** Requests of this process. `maxWaiting` is for tests. */
export function createLongPoll(notifications: Notifications, maxWaiting = MAX_WAITING_POLLS): LongPoll {
  const waiting = new Map<string, WaitingPoll>()
  let closed = false
  const look = async (poll: Poll): Promise<IssuedNotification | undefined> => {
    const kept = await notifications.get(poll)
    return kept !== undefined && kept.takenAt === undefined && kept.issuedAt > poll.after ? kept : undefined
  }
  return {
    push: async (notification) => waiting.get(keyOf(notification))?.release(),
    wait: async (poll) => {
      const key = keyOf(poll)
      waiting.get(key)?.release()
      waiting.delete(key)
      if (waiting.size >= maxWaiting) makeRoom(waiting, poll.accountId)
      const { promise, resolve } = Promise.withResolvers<void>()
      const own: WaitingPoll = { accountId: poll.accountId, release: resolve }
      // Before the look: what is issued meanwhile ends the wait.
      waiting.set(key, own)
      try {
        const kept = await look(poll)
        if (kept !== undefined || closed) return kept
        const timer = setTimeout(resolve, poll.waitMs)
        poll.onGone(resolve)
        await promise
        clearTimeout(timer)
        return await look(poll)
      } finally {
        if (waiting.get(key) === own) waiting.delete(key)
      }
    },
    close: () => {
      closed = true
      for (const { release } of waiting.values()) release()
    },
  }
}

/**
 * Sends home the oldest of the account that has the most, if that is more than `accountId` would have then (QT-15).
 *
 * @throws {CodedError} `push.busy` if the account has as many as any.
 */
function makeRoom(waiting: Map<string, WaitingPoll>, accountId: string): void {
  const counts = new Map<string, number>()
  for (const poll of waiting.values()) counts.set(poll.accountId, (counts.get(poll.accountId) ?? 0) + 1)
  const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0])
  const oldest = [...waiting].find(([, poll]) => poll.accountId === most)
  if (oldest === undefined || count <= (counts.get(accountId) ?? 0) + 1)
    throw new CodedError('push.busy', `${waiting.size} devices wait already`)
  waiting.delete(oldest[0])
  oldest[1].release()
}

function keyOf({ accountId, deviceId }: DeviceKey): string {
  return JSON.stringify([accountId, deviceId])
}
