/** The real time machine over a catalogue, its jobs run in the process of the test. */

import type { CopyGate } from '../../server/backup/copyGate.ts'
import type { DatabaseKey, Databases } from '../../server/catalogue/catalogue.ts'
import type { CatalogueDb } from '../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlPastCopies } from '../../server/catalogue/sqlite/pastCopies.ts'
import { sqlPins } from '../../server/catalogue/sqlite/pins.ts'
import type { KeyRing } from '../../server/keys/keyRing.ts'
import { copyCopyJob, dropPastJob, listPastJob } from '../../server/timeMachine/pastJobs.ts'
import { createTimeMachine, type TimeMachine } from '../../server/timeMachine/timeMachine.ts'

export interface TimeMachineBench {
  readonly databases: Databases
  readonly catalogue: CatalogueDb
  readonly keyRing: KeyRing
  readonly gate?: CopyGate
  copyPath(copyId: string): string
  now(): number
}

/** `around` may let any of the work fail. */
export function openTimeMachine(
  { catalogue, ...bench }: TimeMachineBench,
  around: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
  onCrowd: (key: DatabaseKey) => void = () => undefined,
): TimeMachine {
  const rows = sqlPastCopies(catalogue)
  return createTimeMachine({
    ...bench,
    onDamage: () => undefined,
    onGuard: () => undefined,
    pins: sqlPins(catalogue),
    onCrowd,
    pastCopies: { ...rows, put: (row) => around(() => rows.put(row)) },
    jobs: {
      listPast: listPastJob,
      copyCopy: (input) => around(() => copyCopyJob(input)),
      dropPast: (input) => around(() => dropPastJob(input)),
    },
  })
}
