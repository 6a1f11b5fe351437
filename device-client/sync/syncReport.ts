/** What one sync did, as the agent prints it. */

import type { SyncMode } from './syncMode.ts'

export interface ChangeCounts {
  added: number
  replaced: number
  deleted: number
}

/** An item that did not get to the other side. It is tried again with the next sync. */
export interface FailedItem {
  readonly luid: string
  /** Status of the server, or the one it got. */
  readonly status: number
  readonly reason: string
}

/** Failed items that are named; more are counted. */
export const MAX_NAMED_FAILURES = 100

/** Counts that grow while a session runs. */
export interface SyncTally {
  readonly sent: ChangeCounts
  readonly received: ChangeCounts
  /** Changes that met others: settled by the server, or kept as two items here. */
  conflicts: number
  /** Deletions of the server that the guard did not obey. */
  refusedDeletes: number
  failedCount: number
  readonly failed: FailedItem[]
}

export interface SyncReport extends Readonly<SyncTally> {
  readonly name: string
  /** What it ended in: `slow` where the server asked for that. */
  readonly mode: SyncMode
  /** It went on with a session that had broken. */
  readonly resumed: boolean
  readonly exchanges: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly durationMs: number
}

export function newTally(): SyncTally {
  const none = () => ({ added: 0, replaced: 0, deleted: 0 })
  return {
    ...{ sent: none(), received: none(), conflicts: 0, refusedDeletes: 0, failedCount: 0 },
    failed: [],
  }
}

export function noteFailure(tally: SyncTally, item: FailedItem): void {
  tally.failedCount += 1
  if (tally.failed.length < MAX_NAMED_FAILURES) tally.failed.push(item)
}

/** Counts a command that was carried out. */
export function noteChange(counts: ChangeCounts, command: 'Add' | 'Replace' | 'Delete'): void {
  if (command === 'Add') counts.added += 1
  else if (command === 'Replace') counts.replaced += 1
  else counts.deleted += 1
}
