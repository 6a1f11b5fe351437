/** The port for which devices are traced (TR-1). */

/** One trace. Times in milliseconds since 1970. */
export interface TraceRow {
  readonly accountId: string
  readonly deviceId: string
  readonly since: number
  /** Messages are noted before this moment. */
  readonly until: number
}

export interface Traces {
  get(accountId: string, deviceId: string): Promise<TraceRow | undefined>
  /** New, or in place of the one of that device. Durable when it returns. */
  put(row: TraceRow): Promise<void>
  /** All, also those that ended. */
  list(): Promise<readonly TraceRow[]>
  remove(accountId: string, deviceId: string): Promise<void>
}
