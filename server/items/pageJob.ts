/** A page of what waits for a device: the same ids and octets each time (IT-10). */

import type { ItemForClient } from '../datastore/syncDatastore.ts'
import type { SqlValue } from '../sql/sqlDatabase.ts'
import { abilitiesDigest, lazyAbilities } from './changeScope.ts'
import { type ClientRow, requireRun } from './clientRow.ts'
import type { ClientAbilities, ContentRules } from './content.ts'
import { findById } from './deviceMap.ts'
import type { ItemFile } from './itemFile.ts'
import { fromColumn } from './itemRows.ts'
import type { ItemCallContext, ItemCalls } from './jobInput.ts'
import { storeOfNumber } from './stores.ts'
import { temporaryId } from './temporaryId.ts'

export function pageJob(
  file: ItemFile,
  rules: ContentRules,
  context: ItemCallContext,
  { state, from, count, maxBytes }: ItemCalls['page']['input'],
): ItemCalls['page']['output'] {
  return file.read(() => {
    const row = requireRun(file, state.client, state.run)
    const page = openPage(file, rules, row, context.client.deviceId)
    const items: ItemForClient[] = []
    let sizeBytes = 0
    for (const entry of listEntries(file, row.client, from, count)) {
      const item = page.read(entry)
      sizeBytes += item.octets.length
      if (items.length > 0 && sizeBytes > maxBytes) break
      items.push(item)
    }
    return { items }
  })
}

interface Entry {
  readonly command: ItemForClient['command']
  readonly id: string
  readonly luid: string | undefined
  readonly store: number
  readonly parent: SqlValue | undefined
  /** Kept for this list because the Item changed since. */
  readonly type: SqlValue | undefined
  readonly content: SqlValue | undefined
  readonly abilities: SqlValue | undefined
}

function* listEntries(file: ItemFile, client: number, from: number, count: number): Generator<Entry> {
  const rows = file
    .sql(
      `SELECT command, id, luid, store, parent, type, content, abilities FROM _nightferry_sync_out
       WHERE client = ? AND position >= ? ORDER BY position LIMIT ?`,
    )
    .iterate(BigInt(client), BigInt(from), BigInt(Math.min(count, 10_000)))
  for (const [command, id, luid, store, parent, type, content, abilities] of rows) {
    yield {
      command: String(command) as Entry['command'],
      id: String(id),
      luid: typeof luid === 'string' ? luid : undefined,
      store: Number(store),
      parent,
      type,
      content,
      abilities,
    }
  }
}

interface Page {
  read(entry: Entry): ItemForClient
}

function openPage(file: ItemFile, rules: ContentRules, row: ClientRow, deviceId: string): Page {
  const digest = abilitiesDigest(row.abilities, deviceId)
  const parsed = lazyAbilities(row.abilities)
  const fields = row.filter === undefined ? undefined : (JSON.parse(row.filter) as { fields?: string[] }).fields
  const abilities = (): ClientAbilities | undefined => {
    const held = parsed()
    return held && fields !== undefined ? { ...held, fields } : held
  }
  // Few devices have short names: the abilities of the others are not read for it.
  const maxGuidSize = row.abilities.includes('"maxGuidSize"') ? parsed()?.maxGuidSize : undefined
  return {
    read: (entry) => {
      if (entry.command === 'Delete')
        return { command: 'Delete', id: entry.luid ?? entry.id, type: '', octets: new Uint8Array(0) }
      const kept = entry.content !== null && entry.content !== undefined
      const held = kept ? entry : readCurrent(file, entry)
      const content = { type: String(held.type), octets: fromColumn(held.content) }
      // As it came, if it came from a client of the same abilities.
      const asItCame = fields === undefined && held.abilities === digest
      const written = asItCame ? content : rules.write(content, abilities(), storeOfNumber(entry.store))
      const parent = typeof held.parent === 'string' ? parentOf(file, row.client, held.parent, maxGuidSize) : undefined
      return {
        command: entry.command,
        id: entry.command === 'Add' ? temporaryId(entry.id, maxGuidSize) : (entry.luid ?? entry.id),
        type: written.type,
        ...(parent !== undefined && { parent }),
        octets: written.octets,
      }
    },
  }
}

type Current = Pick<Entry, 'type' | 'content' | 'parent' | 'abilities'>

function readCurrent(file: ItemFile, entry: Entry): Current {
  const [type, content, parent, abilities] =
    file
      .sql(
        `SELECT t.type, t.content, t.parent, i.abilities FROM ${storeOfNumber(entry.store)} t
         JOIN _nightferry_sync_item i ON i.id = t.id WHERE t.id = ?`,
      )
      .get(entry.id) ?? []
  return { type, content, parent, abilities }
}

/** The device's name of a folder, or ours for one that it gets in the same session. */
function parentOf(
  file: ItemFile,
  client: number,
  id: string,
  maxGuidSize: number | undefined,
): NonNullable<ItemForClient['parent']> {
  const luid = findById(file, client, id)?.luid
  return luid === undefined ? { guid: temporaryId(id, maxGuidSize) } : { luid }
}
