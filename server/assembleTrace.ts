/** Builds what notes the messages of one device. Part of `assemble.ts`. */

import { join } from 'node:path'
import type { CatalogueDb } from './catalogue/sqlite/openCatalogue.ts'
import { sqlTraces } from './catalogue/sqlite/traces.ts'
import type { KeyRing } from './keys/keyRing.ts'
import type { Logger } from './logger.ts'
import { openFileStorage, removeUnfinished } from './storage/fileStorage.ts'
import { createTraceFiles } from './trace/traceFiles.ts'
import { createTracer, type Tracer, type TracerParts } from './trace/tracer.ts'

/** A tracer whose messages lie in the folder `traces` of the data folder, and what a killed server left there. */
export function assembleTrace(parts: {
  readonly data: string
  readonly catalogue: CatalogueDb
  readonly keyRing: KeyRing
  readonly show: TracerParts['show']
  readonly log: Logger
  readonly clock: () => number
}): Tracer & { removeStrays(): Promise<void> } {
  const { data, catalogue, keyRing, show, log, clock } = parts
  const folder = join(data, 'traces')
  const files = createTraceFiles(openFileStorage(folder), keyRing)
  const tracer = createTracer({ traces: sqlTraces(catalogue), files, show, clock, log })
  return { ...tracer, removeStrays: () => removeUnfinished(folder) }
}
