/**
 * The client's package is complete: what its silence means in this kind of sync, and what it shall get, in a list that
 * stays (IT-2, IT-5, IT-11, IT-12, IT-15).
 */

import { type ClientRow, requireRun, updateClient } from './clientRow.ts'
import type { ContentRules } from './content.ts'
import { clearMap, countNamed, removeMapRow } from './deviceMap.ts'
import { refusesEmptyRefresh } from './guard.ts'
import type { ItemFile } from './itemFile.ts'
import { countItems, removeItem } from './itemRows.ts'
import type { ItemCallContext, ItemCalls } from './jobInput.ts'
import { listPlanned } from './listPlanned.ts'
import { type PlannedCommand, planOutgoing } from './planOutgoing.ts'
import { type StoreName, storeNumber } from './stores.ts'
import { storesOf, viewOf } from './storesOf.ts'

export function closeJob(
  file: ItemFile,
  rules: ContentRules,
  context: ItemCallContext,
  { state, abilities }: ItemCalls['close']['input'],
): ItemCalls['close']['output'] {
  return file.write(() => {
    const row = requireRun(file, state.client, state.run)
    const stores = storesOf(context.client.uri, row.evidence)
    let status: 200 | 403 = 200
    if (!row.closed && state.type === 203 && !row.merging) status = removeUnnamed(file, row, stores)
    // What the client did not send it does not have.
    if (!row.closed && (state.type === 201 || state.type === 203)) clearMap(file, row.client, row.run)
    const { hierarchical } = viewOf(context.client.uri)
    const planned = listPlanned(file, rules, row, { stores, all: hierarchical })
    const commands = planOutgoing(state.type, planned.items, planned.gone, hierarchical)
    for (const { id, luid } of planned.gone) if (luid === undefined) removeMapRow(file, row.client, id)
    writeList(file, row.client, commands, planned.storeOf)
    // Device information may have come after the Alert: the client was asked for it.
    const described = JSON.stringify(abilities)
    if (!row.closed || described !== row.abilities)
      // What was refused may be asked for again when the sync is gone on with.
      updateClient(file, row.client, { closed: status === 200, abilities: described })
    return { total: commands.length, status }
  })
}

/** A refresh from the client: what it did not name goes, unless others brought it meanwhile. */
function removeUnnamed(file: ItemFile, row: ClientRow, stores: readonly StoreName[]): 200 | 403 {
  const held = stores.reduce((sum, store) => sum + countItems(file, store).items, 0)
  if (refusesEmptyRefresh(countNamed(file, row.client, row.run), held)) {
    if (!row.allowEmpty) return 403
    updateClient(file, row.client, { allow_empty: false })
  }
  for (const store of stores) {
    const unnamed = file
      .sql(
        `SELECT i.id FROM _nightferry_sync_item i WHERE +i.store = ? AND i.changed <= ? AND NOT EXISTS
         (SELECT 1 FROM _nightferry_sync_map m WHERE m.client = ? AND m.id = i.id AND m.run = ?)`,
      )
      .all(BigInt(storeNumber(store)), BigInt(row.startedNumber), BigInt(row.client), BigInt(row.run))
    for (const [id] of unnamed) removeItem(file, { id: String(id), store })
  }
  return 200
}

function writeList(
  file: ItemFile,
  client: number,
  commands: readonly PlannedCommand[],
  storeOf: ReadonlyMap<string, StoreName>,
): void {
  file.sql('DELETE FROM _nightferry_sync_out WHERE client = ?').run(BigInt(client))
  const insert = file.sql(
    'INSERT INTO _nightferry_sync_out(client, position, command, id, luid, version, store) VALUES(?, ?, ?, ?, ?, ?, ?)',
  )
  commands.forEach(({ command, id, luid, version }, position) => {
    const store = storeOf.get(id)
    insert.run(
      BigInt(client),
      BigInt(position),
      command,
      id,
      luid ?? null,
      BigInt(version),
      store === undefined ? 0n : BigInt(storeNumber(store)),
    )
  })
}
