/** The words for how safe a database is, as the server judges it (AL-1) and the device does (DC-43). */

/** `ok`, or what is wrong, the worst last: never backed up, refused, overdue, cannot be restored. */
export type HealthState = 'ok' | 'late' | 'failing' | 'never' | 'unproven'

export interface Health {
  readonly state: HealthState
  /** For people; empty if all is well. */
  readonly reason: string
}
