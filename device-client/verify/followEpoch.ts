/**
 * The server's epoch: another one than that of the last backup means that the server may be in an older state, so its
 * copy is compared before anything is believed. Rules DC-106, DC-107.
 */

import { CodedError } from '../../schemas/errors.ts'
import { isToken } from '../../schemas/syncml/position.ts'
import { EPOCH_HEADER } from '../../schemas/verify/epochHeader.ts'
import type { BackupHistory } from '../agentRecords.ts'
import type { BackupReport } from '../deviceClient.ts'
import type { Clock, Fetch } from '../ports.ts'
import { restOctets } from '../restCall.ts'

/** A device that has nothing to send asks this long after it last heard from its server, milliseconds. */
export const ASK_EPOCH_MS = 3 * 24 * 3_600_000

/** What was last heard. */
export interface HeardEpoch {
  readonly epoch?: string
  readonly at?: number
}

/** `fetch`, listening: every answer of a server tells its epoch. */
export function listenForEpoch(
  fetch: Fetch,
  clock: Pick<Clock, 'now'>,
): { readonly fetch: Fetch; readonly heard: () => HeardEpoch } {
  let heard: HeardEpoch = {}
  return {
    heard: () => heard,
    fetch: async (url, init) => {
      const reply = await fetch(url, init)
      const epoch = reply.header(EPOCH_HEADER)
      if (epoch !== null && isToken(epoch)) heard = { epoch, at: clock.now() }
      return reply
    },
  }
}

export interface EpochParts {
  readonly server: string
  readonly fetch: Fetch
  readonly clock: Pick<Clock, 'now'>
  readonly history: BackupHistory
  readonly heard: () => HeardEpoch
  backup(full: boolean): Promise<BackupReport>
  /** True once a backup of this run compared everything on its way. */
  isCompared(): boolean
  /** Compares everything and notes what differs. */
  reconcile(): Promise<'equal' | 'marked' | 'full'>
}

/** Why a comparison came before a backup. */
const SET_BACK = 'the server began another epoch: compared with its copy'

/**
 * Backs up, and once more with what a comparison found if the server's epoch is another one than before.
 * @returns the report, and what is known of the epoch now.
 * @throws {CodedError} as `backup` and `reconcile`: a copy that could not be compared is not known to be one.
 */
export async function backupInEpoch(
  parts: EpochParts,
  full: boolean,
): Promise<{ readonly report: BackupReport; readonly known: Pick<BackupHistory, 'epoch' | 'epochHeardAt'> }> {
  const { history, heard, clock } = parts
  const report = await parts.backup(full)
  const heardAt = Math.max(heard().at ?? 0, history.epochHeardAt ?? 0)
  if (report.mode === 'none' && clock.now() - heardAt >= ASK_EPOCH_MS) await askEpoch(parts)
  const { epoch = history.epoch, at = history.epochHeardAt } = heard()
  const known = { ...(epoch !== undefined && { epoch }), ...(at !== undefined && { epochHeardAt: at }) }
  const isNew = epoch !== history.epoch && history.epoch !== undefined
  if (!isNew || report.mode === 'full' || parts.isCompared()) return { report, known }
  const outcome = await parts.reconcile()
  if (outcome === 'equal') return { report, known }
  const repaired = await parts.backup(outcome === 'full')
  const { mode, from, to, puts, deletes, schemaChanges } = repaired
  const sum = (name: 'bytesSent' | 'bytesReceived' | 'exchanges' | 'durationMs'): number =>
    report[name] + repaired[name]
  return {
    report: {
      ...{ database: report.database, mode, from, to, puts, deletes, schemaChanges, reason: SET_BACK },
      ...{ bytesSent: sum('bytesSent'), bytesReceived: sum('bytesReceived') },
      ...{ exchanges: sum('exchanges'), durationMs: sum('durationMs') },
    },
    known,
  }
}

/** One small request; a server that does not answer is asked again the next time. */
async function askEpoch({ fetch, server }: Pick<EpochParts, 'fetch' | 'server'>): Promise<void> {
  try {
    await restOctets(fetch, { server, method: 'GET', path: '/api/v1/epoch' })
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
  }
}
