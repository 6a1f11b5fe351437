/** Reads what the plan of outgoing commands decides on: Items, what the device has of them, and its filter (IT-14). */

import type { ItemFilter } from '../datastore/syncDatastore.ts'
import type { ClientRow } from './clientRow.ts'
import type { ContentRules } from './content.ts'
import type { ItemFile } from './itemFile.ts'
import { readContent } from './itemRows.ts'
import { type FilterExpression, parseFilter } from './parseFilter.ts'
import { passesFilter } from './passesFilter.ts'
import type { PlannedItem } from './planOutgoing.ts'
import { type StoreName, storeNumber } from './stores.ts'

export interface PlannedContents {
  readonly items: readonly PlannedItem[]
  readonly gone: readonly { readonly id: string; readonly luid?: string }[]
  readonly storeOf: ReadonlyMap<string, StoreName>
}

export interface PlanScope {
  readonly stores: readonly StoreName[]
  /** Every Item, since folders are placed; else those alone that the device may lack. */
  readonly all: boolean
}

export function listPlanned(file: ItemFile, rules: ContentRules, row: ClientRow, scope: PlanScope): PlannedContents {
  const filter = readFilter(row.filter)
  const lacks = scope.all || filter !== undefined ? '' : 'AND (m.id IS NULL OR m.version < i.changed OR m.run = ?)'
  const items: PlannedItem[] = []
  const storeOf = new Map<string, StoreName>()
  const client = BigInt(row.client)
  const resend = BigInt(row.resendRun === 0 ? -1 : row.resendRun)
  for (const store of scope.stores) {
    const number = BigInt(storeNumber(store))
    const rows = file
      .sql(
        `SELECT i.id, i.changed, i.parent, i.size, m.id, m.luid, m.version, m.state, m.run = ?
         FROM _nightferry_sync_item i LEFT JOIN _nightferry_sync_map m ON m.client = ? AND m.id = i.id
         WHERE +i.store = ? ${lacks} ORDER BY i.id`,
      )
      .all(...(lacks === '' ? [resend, client, number] : [resend, client, number, resend]))
    for (const [id, changed, parent, size, mapped, luid, version, state, again] of rows) {
      if (row.maxSizeBytes !== undefined && Number(size) > row.maxSizeBytes) continue
      const wanted = filter === undefined || passes(file, rules, filter, { id: String(id), store, luid })
      storeOf.set(String(id), store)
      items.push({
        id: String(id),
        changed: Number(changed),
        ...(typeof parent === 'string' && { parent }),
        ...(mapped !== null && {
          has: {
            ...(typeof luid === 'string' && { luid }),
            version: Number(version),
            spared: state === 1n,
            resend: again === 1n,
          },
        }),
        wanted,
        unwanted: !wanted && filter?.kind === 'exclusive',
      })
    }
  }
  return { items, gone: listGone(file, row.client), storeOf }
}

function listGone(file: ItemFile, client: number): { readonly id: string; readonly luid?: string }[] {
  return file
    .sql(
      `SELECT m.id, m.luid FROM _nightferry_sync_map m WHERE m.client = ? AND NOT EXISTS
       (SELECT 1 FROM _nightferry_sync_item i WHERE i.id = m.id) ORDER BY m.id`,
    )
    .all(BigInt(client))
    .map(([id, luid]) => ({ id: String(id), ...(typeof luid === 'string' && { luid }) }))
}

interface ReadFilter {
  readonly kind: ItemFilter['kind']
  readonly expression: FilterExpression
}

function readFilter(json: string | undefined): ReadFilter | undefined {
  if (json === undefined) return undefined
  const { kind, record } = JSON.parse(json) as ItemFilter
  const expression = record && parseFilter(record.grammar, record.expression)
  return expression && { kind, expression }
}

function passes(
  file: ItemFile,
  rules: ContentRules,
  { expression }: ReadFilter,
  { id, store, luid }: { readonly id: string; readonly store: StoreName; readonly luid: unknown },
): boolean {
  const subject = rules.subject(readContent(file, { id, store }), store)
  return passesFilter(expression, typeof luid === 'string' ? { ...subject, luid } : subject)
}
