/** Counts what a restore service does; one concern around the same interface. */

import type { Metrics } from '../metrics.ts'
import type { RestoreService } from './restoreService.ts'

/** `restores`, told to `metrics` as they succeed. */
export function countRestores<Service extends RestoreService>(
  restores: Service,
  metrics: Pick<Metrics, 'restoreCreated' | 'restoreCompleted' | 'segmentSent'>,
): Service {
  return {
    ...restores,
    createRestore: async (caller, request) => {
      const ticket = await restores.createRestore(caller, request)
      metrics.restoreCreated(ticket.sizeBytes)
      return ticket
    },
    readSegment: async (caller, restoreId, segment) => {
      const read = await restores.readSegment(caller, restoreId, segment)
      metrics.segmentSent(read.bytes.length)
      return read
    },
    completeRestore: async (caller, restoreId) => {
      const completion = await restores.completeRestore(caller, restoreId)
      metrics.restoreCompleted()
      return completion
    },
  }
}
