/**
 * What the HTTP edge asks of restores (RS-1 to RS-8). The caller's claims come from a verified token;
 * everything is bounded by its account.
 */

import type { RestoreCompletion, RestorePoint, RestoreRequest, RestoreTicket } from '../../schemas/http/backups.ts'

/** A device that asks for a restore, as its token says. */
export interface RestoreCaller {
  readonly accountId: string
  readonly deviceId: string
}

export interface RestoreService {
  /**
   * Builds the image of a database at a point and gives its ticket; the copy goes on taking Deltas meanwhile.
   * @throws `database.unknown`, `restore.unknown` for an unknown point, `storage.full`, `storage.unavailable`.
   */
  createRestore(caller: RestoreCaller, request: RestoreRequest): Promise<RestoreTicket>
  /** One sealed segment, counted from 0. @throws `restore.unknown`, also for another device's restore. */
  readSegment(caller: RestoreCaller, restoreId: string, segment: number): Promise<{ readonly bytes: Uint8Array }>
  /** Makes the restored lineage the copy's; a repeat answers the same. @throws `restore.unknown`. */
  completeRestore(caller: RestoreCaller, restoreId: string): Promise<RestoreCompletion>
  /** The moments a database of the account can be restored to, newest first. @throws `database.unknown`. */
  listPoints(accountId: string, deviceId: string, database: string): Promise<readonly RestorePoint[]>
}
