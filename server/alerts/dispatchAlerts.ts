/** Brings what was raised to its ports, together where it is due together, again after growing pauses (AL-4). */

import type { Alerts } from '../catalogue/alerts.ts'
import type { Logger } from '../logger.ts'
import type { Alert, AlertPort } from './alert.ts'

/** Pauses after each attempt that failed, milliseconds; the last one again and again. */
export const RETRY_PAUSES_MS: readonly number[] = [60_000, 5 * 60_000, 15 * 60_000, 3_600_000]

/** Attempts after which an alert is given up: about three days. */
const MAX_ATTEMPTS = 72

/** Alerts in one delivery. */
const MAX_TOGETHER = 1000

export interface DispatchParts {
  readonly alerts: Pick<Alerts, 'listDue' | 'done' | 'putOff'>
  readonly ports: readonly AlertPort[]
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly log: Pick<Logger, 'warn' | 'error'>
}

/** One pass over all ports; a port that fails harms neither the others nor what it was to bring. */
export function createAlertDispatcher(parts: DispatchParts): () => Promise<void> {
  const lastSentAt = new Map<string, number>()
  return async () => {
    for (const port of parts.ports) {
      const now = parts.clock()
      if (now - (lastSentAt.get(port.name) ?? 0) < port.pauseMs) continue
      const due = await parts.alerts.listDue(port.name, now, MAX_TOGETHER)
      if (due.length === 0) continue
      const ids = due.map(({ id }) => id)
      try {
        await port.send(due.map(({ body }) => JSON.parse(body) as Alert))
        lastSentAt.set(port.name, now)
        await parts.alerts.done(port.name, ids)
      } catch (error) {
        await putOff(parts, port, due, error)
      }
    }
  }
}

async function putOff(
  { alerts, clock, log }: DispatchParts,
  { name }: AlertPort,
  due: Awaited<ReturnType<Alerts['listDue']>>,
  error: unknown,
): Promise<void> {
  const over = due.filter(({ attempts }) => attempts + 1 >= MAX_ATTEMPTS).map(({ id }) => id)
  const again = due.filter(({ attempts }) => attempts + 1 < MAX_ATTEMPTS)
  if (over.length > 0) {
    log.error('alerts are given up', { port: name, count: over.length, error })
    await alerts.done(name, over)
  }
  if (again.length === 0) return
  const attempts = Math.min(...again.map((one) => one.attempts))
  const pauseMs = RETRY_PAUSES_MS[attempts] ?? RETRY_PAUSES_MS.at(-1) ?? 0
  log.warn('alerts could not be brought', { port: name, count: again.length, error })
  await alerts.putOff(
    name,
    again.map(({ id }) => id),
    clock() + pauseMs,
  )
}
