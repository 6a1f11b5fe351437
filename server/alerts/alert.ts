/** What an operator is told, and the port by which (AL-3). Nothing in it is secret: names, states, times, codes. */

/** One thing that happened. */
export interface Alert {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: 'health' | 'fenced-device' | 'cloned-device' | 'quota' | 'guard' | 'damage' | 'test'
  /** `good` takes an earlier one back. */
  readonly severity: 'good' | 'bad'
  readonly accountName: string
  readonly deviceId: string
  readonly deviceName: string
  /** Empty if it is about the device as a whole. */
  readonly database: string
  /** One sentence. */
  readonly text: string
}

/** Brings alerts to the operator. @throws {CodedError} `network.unreachable` if it cannot; all of them come again. */
export interface AlertPort {
  readonly name: 'webhook' | 'mail'
  /** At least so long from one delivery to the next, milliseconds: what happens meanwhile goes together. */
  readonly pauseMs: number
  send(alerts: readonly Alert[]): Promise<void>
}

/** Where an alert is about, as a line for people. */
export function subjectOf({ accountName, deviceName, database }: Alert): string {
  return [accountName, deviceName, database].filter((part) => part !== '').join('/')
}
