/** Closes the open number of a database: observers fit its schema by then. Rules DC-5 to DC-7. */

import type { Random, SqlDatabase } from '../ports.ts'
import { reconcileObservers, registerTables } from './install.ts'
import type { TrackingMethod } from './preparedBackup.ts'
import { hasNotedChanges, sealNumber, writeOpenNumber } from './seal.ts'
import type { TrackingState } from './trackingState.ts'

export interface SealOptions {
  readonly method: TrackingMethod
  /** The application was found to write without firing triggers: all tables are compared from now on (DC-27). */
  readonly distrusted: boolean
  readonly random: Random
}

/** The state with the open number sealed; call inside a write transaction and write the state in it. */
export function sealDatabase(database: SqlDatabase, held: TrackingState, options: SealOptions): TrackingState {
  const triggers = options.method === 'triggers'
  // The cookie of no schema: every observer is looked at again.
  const before = options.distrusted && !held.bypassed ? { ...held, bypassed: true, cookie: -1 } : held
  const fitted = triggers ? reconcileObservers(database, before) : registerTables(database, before)
  const newest = fitted.sealed[fitted.sealed.length - 1]?.number ?? 0
  const state = sealNumber(fitted, triggers && hasNotedChanges(database, fitted, newest), options.random)
  if (triggers) writeOpenNumber(database, state)
  return state
}
