/** One night of a device's life in a test: what befalls it, and what came of it. */

import type { DeltaCounts, DeltaEvent } from '../../schemas/delta/delta.ts'
import { DeltaReader } from '../../schemas/delta/deltaReader.ts'
import type { ApplyOutcome } from '../../server/backup/applyDelta.ts'
import type { KillPoint } from './killedAgent.ts'

export interface NightOptions {
  /** The server applies, the device never hears of it. */
  readonly loseAnswer?: boolean
  /** The Delta arrives twice. */
  readonly duplicate?: boolean
  readonly full?: boolean
  /** The agent is killed there, if the night comes that far. */
  readonly kill?: KillPoint | undefined
}

export interface NightResult {
  readonly mode: 'none' | 'delta' | 'full' | 'killed'
  readonly counts?: DeltaCounts
  readonly outcome?: ApplyOutcome['outcome']
  readonly emptied?: ApplyOutcome['emptied']
  readonly guarded?: NonNullable<ApplyOutcome['guarded']>
  readonly text?: string
  readonly kind?: 'sql' | 'file'
  readonly reason?: string
}

/** Events of a Delta's text, in small pieces. */
export async function* readEvents(text: string): AsyncGenerator<DeltaEvent[]> {
  const reader = new DeltaReader()
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length; at += 7000) yield reader.push(bytes.subarray(at, at + 7000))
  yield reader.close()
}
