/**
 * Brings issued notifications on their ways: tells requests that wait, asks the gateway, and asks it again (PU-4, PU-7).
 * It looks at what is kept, so it does not matter which process issued it.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { Logger } from '../logger.ts'
import type { IssuedNotification, Notifications } from './notifications.ts'
import type { PushPort } from './pushPort.ts'

/** Milliseconds until the gateway is asked again, by the number of times it was asked in vain before. */
export const PUSH_PAUSES_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000] as const

/** An older notification is not pushed any more. */
export const PUSH_LIFE_MS = 24 * 3_600_000

/** How far back other processes' notifications are looked for: their clock is this one's. */
const RECENT_MS = 10_000

/** Notifications that the gateway is given side by side. */
const AT_ONCE = 8

export interface DispatchParts {
  readonly notifications: Notifications
  readonly longPoll: PushPort
  /** Absent if the operator has none. */
  readonly webhook?: PushPort
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly log: Logger
}

/** Looks once for what is to be told or asked; never throws. Fulfilled when both ways are through. */
export function createDispatcher(parts: DispatchParts): () => Promise<void> {
  const report = (error: unknown): void => parts.log.error('notifications cannot be brought on their way', { error })
  // Apart: a gateway that hangs keeps no request waiting.
  const tell = oneAtATime(() => tellPolls(parts).catch(report))
  const ask = oneAtATime(() => askGateway(parts).catch(report))
  return async () => void (await Promise.all([tell(), ask()]))
}

/** Who calls while it runs gets another run after this one. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let again = false
  const run = async (): Promise<void> => {
    do {
      again = false
      await work()
    } while (again)
    running = undefined
  }
  return () => {
    if (running !== undefined) again = true
    running ??= run()
    return running
  }
}

async function tellPolls({ notifications, longPoll, clock }: DispatchParts): Promise<void> {
  for (const recent of await notifications.listSince(clock() - RECENT_MS)) await longPoll.push(recent)
}

async function askGateway(parts: DispatchParts): Promise<void> {
  const { notifications, webhook, clock } = parts
  if (webhook === undefined) return
  const now = clock()
  const due = await notifications.listDue(now, now - PUSH_LIFE_MS, AT_ONCE)
  await Promise.all(due.map((notification) => pushOne(parts, webhook, notification)))
}

async function pushOne(
  { notifications, clock, log }: DispatchParts,
  webhook: PushPort,
  notification: IssuedNotification,
): Promise<void> {
  const { deviceId, attempts } = notification
  try {
    await webhook.push(notification)
    await notifications.markPushed(notification, clock())
    log.info('notification pushed', { deviceId })
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    const pauseMs = PUSH_PAUSES_MS[attempts]
    const fields = { deviceId, attempts: attempts + 1, code: cause.code, detail: cause.message }
    if (pauseMs === undefined) log.warn('notification given up', fields)
    else log.info('notification not pushed', { ...fields, againInMs: pauseMs })
    await notifications.postpone(notification, pauseMs === undefined ? undefined : clock() + pauseMs)
  }
}
