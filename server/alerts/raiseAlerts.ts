/** Raises alerts: each is durable, once for each port, and not again before its time (AL-4). */

import { randomUUID } from 'node:crypto'
import type { Alerts } from '../catalogue/alerts.ts'
import type { Alert, AlertPort } from './alert.ts'

/** How soon the same may be told again. */
export const REPEAT_MS = 24 * 3_600_000

export interface RaiseParts {
  readonly alerts: Pick<Alerts, 'raise'>
  readonly ports: readonly Pick<AlertPort, 'name'>[]
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/** Raises one; false if the same was raised within `repeatMs`. */
export async function raiseAlert(
  { alerts, ports, clock }: RaiseParts,
  happened: Omit<Alert, 'id' | 'at'>,
  repeatMs = REPEAT_MS,
): Promise<boolean> {
  const alert: Alert = { id: randomUUID(), at: clock(), ...happened }
  const { id, at, kind, severity, accountName, deviceId, database, text } = alert
  // A change of the state is news each time; an event that comes again is not.
  const topic = JSON.stringify([kind, severity, accountName, deviceId, database, kind === 'health' ? text : ''])
  return alerts.raise(
    { id, at, topic, body: JSON.stringify(alert) },
    ports.map(({ name }) => name),
    at - repeatMs,
  )
}
