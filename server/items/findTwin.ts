/**
 * Finds the Item that a LUID stands for which the map does not know (IT-5): in a slow sync among all that no LUID of
 * this sync has named yet, else among those the device took without telling its LUID. By the octets, then by match key.
 */

import type { SqlValue } from '../sql/sqlDatabase.ts'
import type { ChangeScope } from './changeScope.ts'
import { chooseMatch } from './chooseMatch.ts'
import type { MeaningKeys, TypedContent } from './content.ts'
import { countNamed, findById, listUnnamed, type MapRow } from './deviceMap.ts'
import { countItems, digestOf, findItem, type ItemRow, readKeys } from './itemRows.ts'
import { type StoreName, storeNumber } from './stores.ts'

export interface Twin {
  readonly item: ItemRow
  readonly row: MapRow
  readonly same: boolean
}

/** Candidates of one key that are compared: a hostile store of equal names must not cost a comparison each. */
const MAX_CANDIDATES = 20

/** Content whose Item is looked for. */
export interface SoughtContent {
  readonly content: TypedContent
  readonly store: StoreName
  keys(): MeaningKeys
}

export function findTwin(scope: ChangeScope, sought: SoughtContent): Twin | undefined {
  if (scope.slow) return mayHaveTwins(scope) ? findFree(scope, sought) : undefined
  const unnamed = listUnnamed(scope.file, scope.row.client)
  return unnamed.length === 0 ? undefined : findUnnamed(scope, sought, unnamed)
}

/** False while every Item there is was named in this run: a first sync of a full device meets only its own. */
function mayHaveTwins(scope: ChangeScope): boolean {
  if (scope.unnamed === undefined) {
    const { file, row, stores } = scope
    const items = stores.reduce((sum, store) => sum + countItems(file, store).items, 0)
    scope.unnamed = items === 0 ? 0 : items - countNamed(file, row.client, row.run)
  }
  return scope.unnamed > 0
}

function findFree(scope: ChangeScope, { content, store, keys }: SoughtContent): Twin | undefined {
  const { file } = scope
  const number = BigInt(storeNumber(store))
  const byDigest = file
    .sql(`SELECT id FROM _nightferry_sync_item WHERE store = ? AND digest = ? LIMIT ${MAX_CANDIDATES}`)
    .all(number, digestOf(content.octets))
  const equal = choose(scope, byDigest, () => true)
  if (equal !== undefined) return equal
  fillKeys(scope, store)
  const { matchKey, contentKey } = keys()
  // What says nothing about whom it is about can only be the same, never another version.
  const byKey = file
    .sql(
      `SELECT id FROM _nightferry_sync_item WHERE store = ? AND match = ? AND (match <> '' OR meaning = ?)
       ORDER BY meaning = ? DESC LIMIT ${MAX_CANDIDATES}`,
    )
    .all(number, matchKey, contentKey, contentKey)
  return choose(scope, byKey, (item) => readKeys(file, scope.rules, item).contentKey === contentKey)
}

function findUnnamed(scope: ChangeScope, sought: SoughtContent, ids: readonly string[]): Twin | undefined {
  const { file, rules } = scope
  const { matchKey, contentKey } = sought.keys()
  const fitting = ids.slice(0, 10 * MAX_CANDIDATES).filter((id) => {
    const item = findItem(file, id)
    if (item?.store !== sought.store) return false
    const held = readKeys(file, rules, item)
    return held.contentKey === contentKey || (matchKey !== '' && held.matchKey === matchKey)
  })
  const rows = fitting.map((id) => [id])
  return choose(scope, rows, (item) => readKeys(file, rules, item).contentKey === contentKey)
}

/** The best of the candidates that no LUID of this run names. */
function choose(
  { file, row }: ChangeScope,
  rows: readonly (readonly SqlValue[])[],
  isSame: (item: ItemRow) => boolean,
): Twin | undefined {
  const free: (Twin & { readonly id: string; readonly named: boolean })[] = []
  for (const [value] of rows) {
    const id = String(value)
    const item = findItem(file, id)
    const held = findById(file, row.client, id)
    if (item === undefined || (held?.run === row.run && held.luid !== undefined)) continue
    const mapRow = held ?? { id, luid: undefined, version: 0, run: 0, spared: false }
    free.push({ id, item, row: mapRow, same: isSame(item), named: held?.luid !== undefined })
  }
  const best = chooseMatch(free)
  return free.find(({ id }) => id === best?.id)
}

/** Keys of Items that have none yet; those that this run named are not asked for. */
function fillKeys(scope: ChangeScope, store: StoreName): void {
  if (scope.matchable) return
  scope.matchable = true
  const { file, row, rules } = scope
  const missing = file
    .sql(
      `SELECT i.id FROM _nightferry_sync_item i WHERE i.store = ? AND i.match IS NULL AND NOT EXISTS
       (SELECT 1 FROM _nightferry_sync_map m WHERE m.client = ? AND m.id = i.id AND m.run = ?)`,
    )
    .all(BigInt(storeNumber(store)), BigInt(row.client), BigInt(row.run))
  for (const [id] of missing) readKeys(file, rules, { id: String(id), store })
}
