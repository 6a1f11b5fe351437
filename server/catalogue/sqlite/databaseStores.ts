/** The ports about databases and what is known of them, all filled from one catalogue. */

import type { Databases, Proofs } from '../catalogue.ts'
import type { Pins } from '../pins.ts'
import type { Verifications } from '../verifications.ts'
import { sqlDatabases } from './databases.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import { sqlPins } from './pins.ts'
import { sqlProofs } from './proofs.ts'
import { sqlVerifications } from './verifications.ts'

export interface DatabaseStores {
  readonly databases: Databases
  readonly proofs: Proofs
  readonly pins: Pins
  readonly verifications: Verifications
}

/** Stores listed in `db`. */
export function sqlDatabaseStores(db: CatalogueDb): DatabaseStores {
  return {
    databases: sqlDatabases(db),
    proofs: sqlProofs(db),
    pins: sqlPins(db),
    verifications: sqlVerifications(db),
  }
}
