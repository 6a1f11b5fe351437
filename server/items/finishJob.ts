/** The session ended regularly: anchors are stored (IT-3). And the owner's leave to empty a side (IT-11). */

import { requireRun, updateClient } from './clientRow.ts'
import type { ItemFile } from './itemFile.ts'
import { forgetLosers } from './itemRows.ts'
import type { ItemCallContext, ItemCalls } from './jobInput.ts'

export function finishJob(
  file: ItemFile,
  context: ItemCallContext,
  { state }: ItemCalls['finish']['input'],
): ItemCalls['finish']['output'] {
  return file.write(() => {
    const row = requireRun(file, state.client, state.run)
    const [next] = file.sql('SELECT next FROM _nightferry_sync_client WHERE client = ?').get(BigInt(row.client)) ?? []
    // The anchor that the client stood at: if the last answer is lost it stands there still.
    const stoodAt = row.askedLast !== undefined && row.askedLast === row.previous ? row.previous : row.last
    updateClient(file, row.client, {
      previous: stoodAt,
      last: String(next),
      finished: true,
      finished_run: row.run,
      resend_run: 0,
      synced_at: context.now,
    })
    closeList(file, row.client)
    forgetLosers(file, context.now)
    return { stored: true }
  })
}

/**
 * Of the list of what was sent only Adds are kept that nobody answered: their Maps may still come. Their content is
 * promised no longer (`content` not NULL: nobody keeps it for them).
 */
function closeList(file: ItemFile, client: number): void {
  file
    .sql(
      `DELETE FROM _nightferry_sync_out AS o WHERE o.client = ? AND (o.command <> 'Add' OR EXISTS
       (SELECT 1 FROM _nightferry_sync_map m WHERE m.client = o.client AND m.id = o.id))`,
    )
    .run(BigInt(client))
  file.sql("UPDATE _nightferry_sync_out SET content = '' WHERE client = ?").run(BigInt(client))
}

/** Lets a device empty its datastore of this URI, or be emptied, once. @returns how many datastores there are. */
export function allowEmptyJob(
  file: ItemFile,
  context: ItemCallContext,
  { once }: ItemCalls['allowEmpty']['input'],
): ItemCalls['allowEmpty']['output'] {
  const { deviceId, uri } = context.client
  const datastores = file.write(() =>
    file
      .sql('UPDATE _nightferry_sync_client SET allow_empty = ? WHERE device = ? AND uri = ?')
      .run(once ? 1n : 0n, deviceId, uri),
  )
  return { datastores }
}
