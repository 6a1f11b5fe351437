/** What `status` shows of a tracked database. Pure. */

import type { TrackingSummary } from './preparedBackup.ts'
import type { TrackingState } from './trackingState.ts'

/** `hasNoted`: whether a change was noted under a number after the one given. */
export function summarize(state: TrackingState | undefined, hasNoted: (after: number) => boolean): TrackingSummary {
  if (!state) return { installed: false, lineage: null, acknowledged: 0, current: 0 }
  const acknowledged = state.acknowledged?.number ?? 0
  const current = hasNoted(acknowledged) ? state.openNumber : acknowledged
  return { installed: true, lineage: state.lineage, acknowledged, current }
}
