/** What a device says about the Items it was given: Statuses and Maps (IT-9, reference 3.8). */

import { isSettled } from '../../schemas/syncml/codes.ts'
import { type ClientRow, findClient, openClient, requireRun } from './clientRow.ts'
import { findById, findByLuid, type MapRow, putMapRow, removeMapRow, touchMapRow } from './deviceMap.ts'
import type { ItemFile } from './itemFile.ts'
import type { ClientAnswer, ItemCallContext, ItemCalls } from './jobInput.ts'
import { resolveId } from './temporaryId.ts'

/** Refused in a way that no repeat changes (reference 4): not sent again until the Item changes. */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([403, 405, 406, 413, 414, 415, 416, 422, 424, 425, 501])
/** The device does not have the Item that was named. */
const UNKNOWN_THERE: ReadonlySet<number> = new Set([404, 410])

export function acknowledgeJob(
  file: ItemFile,
  _context: ItemCallContext,
  { state, answers }: ItemCalls['acknowledge']['input'],
): ItemCalls['acknowledge']['output'] {
  return file.write(() => {
    const row = requireRun(file, state.client, state.run)
    let taken = 0
    for (const answer of answers) if (take(file, row, answer)) taken++
    return { taken }
  })
}

function take(file: ItemFile, row: ClientRow, answer: ClientAnswer): boolean {
  const added = answer.command === 'Add' ? resolveId(file, row.client, answer.id) : undefined
  const mapped = added === undefined ? findByLuid(file, row.client, answer.id) : findById(file, row.client, added)
  const id = mapped?.id ?? added ?? answer.id
  const sent = findSent(file, row.client, id, answer.command)
  if (sent === undefined) return false
  const { status } = answer
  const isDone = isSettled(status)
  const refused = REFUSED_FOR_GOOD.has(status)
  if (answer.command === 'Delete') {
    if (!isDone && !UNKNOWN_THERE.has(status) && !refused) return false
    removeMapRow(file, row.client, id)
    return true
  }
  if (answer.command === 'Replace' && UNKNOWN_THERE.has(status)) {
    // It lost the Item: it gets it as new.
    removeMapRow(file, row.client, id)
    return true
  }
  if (!isDone && !refused) return false
  if (mapped?.luid !== undefined) touchMapRow(file, row.client, id, sent.version, row.run)
  else putMapRow(file, row.client, { id, luid: undefined, version: sent.version, run: row.run, spared: refused })
  return true
}

/** What waits or waited for the device under this id. */
function findSent(
  file: ItemFile,
  client: number,
  id: string,
  command: ClientAnswer['command'],
): { readonly version: number } | undefined {
  const row = file
    .sql('SELECT version FROM _nightferry_sync_out WHERE id = ? AND client = ? AND command = ?')
    .get(id, BigInt(client), command)
  return row && { version: Number(row[0]) }
}

/** Maps of this session or an earlier one: 200, or 404 for what was never sent to this device. */
export function mapJob(
  file: ItemFile,
  context: ItemCallContext,
  { pairs }: ItemCalls['map']['input'],
): ItemCalls['map']['output'] {
  return file.write(() => {
    if (findClient(file, context.client) === undefined) return { statuses: pairs.map(() => 404) }
    const row = openClient(file, context.client)
    return { statuses: pairs.map(({ guid, luid }) => mapOne(file, row, guid, luid)) }
  })
}

function mapOne(file: ItemFile, row: ClientRow, name: string, luid: string): number {
  const guid = resolveId(file, row.client, name)
  const held: MapRow | undefined = findById(file, row.client, guid)
  const version = held?.version ?? findSent(file, row.client, guid, 'Add')?.version
  if (version === undefined) return 404
  putMapRow(file, row.client, { id: guid, luid, version, run: held?.run ?? row.run, spared: false })
  return 200
}
