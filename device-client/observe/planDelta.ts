/**
 * Compares what the server acknowledged with what is there now, and decides what a Delta must say of the schema
 * and of each table. Pure. Rules DC-7, DC-8.
 */

import type { DatabaseProperties, SchemaEntry, SchemaObject } from '../../schemas/delta/delta.ts'
import type { SchemaPicture } from './schemaPicture.ts'
import type { TableShape } from './tableShape.ts'
import type { AcknowledgedPicture, RegisteredTable } from './trackingState.ts'

/** What one table contributes. */
export interface PlannedTable {
  readonly shape: TableShape
  readonly registered: RegisteredTable
  readonly rows: 'keep' | 'replace'
}

export interface DeltaPlan {
  /** Undefined if the server's schema is still right. */
  readonly schema: { readonly entries: readonly SchemaEntry[]; readonly changes: number } | undefined
  readonly tables: readonly PlannedTable[]
  readonly propertiesChanged: boolean
}

/**
 * The plan for carrying the server from `acknowledged` to `current`; `registry` names the tables as observed now.
 * The server may also stand at one of the `sent` schemas: then only tables that had one name in all of them are kept,
 * and the schema is told again. Without a picture of that position (`pictured` false) compared tables go whole (DC-35).
 */
export function planDelta(
  acknowledged: AcknowledgedPicture,
  current: SchemaPicture,
  registry: readonly RegisteredTable[],
  sent: readonly (readonly { readonly id: number; readonly name: string }[])[],
  pictured: boolean,
): DeltaPlan {
  const known = new Map(acknowledged.tables.map((table) => [table.id, table]))
  const byName = new Map(registry.map((table) => [table.name, table]))
  const tables: PlannedTable[] = []
  const carried = new Map<string, { rows: 'keep' | 'replace'; was?: string }>()
  for (const shape of current.tables) {
    const registered = byName.get(shape.name)
    if (!registered) throw new Error(`table ${shape.name} is not registered`)
    const before = known.get(registered.id)
    const certain = sent.every((tables) => tables.some(({ id, name }) => id === registered.id && name === shape.name))
    const comparable = pictured || registered.mode === 'triggers'
    const named = sent.length === 0 || before?.name === shape.name
    const rows = before && certain && named && comparable ? 'keep' : 'replace'
    tables.push({ shape, registered, rows })
    const renamed = rows === 'keep' && before !== undefined && before.name !== shape.name
    carried.set(shape.name, renamed ? { rows, was: before.name } : { rows })
  }
  const changes = countChanges(acknowledged.objects, current.objects, tables)
  const entries = current.objects.map((object) => ({
    ...object,
    ...(object.type === 'table' ? carried.get(object.name) : {}),
  }))
  const differs = changes > 0 || sent.length > 0 || !sameObjects(acknowledged.objects, current.objects)
  return {
    schema: differs ? { entries, changes: Math.max(1, changes) } : undefined,
    tables,
    propertiesChanged: !sameProperties(acknowledged.properties, current.properties),
  }
}

function countChanges(
  before: readonly SchemaObject[],
  now: readonly SchemaObject[],
  tables: readonly PlannedTable[],
): number {
  const key = (object: SchemaObject) => JSON.stringify([object.type, object.name, object.tableName, object.sql])
  const old = new Set(before.map(key))
  const current = new Set(now.map(key))
  const made = now.filter((object) => !old.has(key(object))).length
  const names = new Set(now.map((object) => `${object.type} ${object.name}`))
  const gone = before.filter(
    (object) => !current.has(key(object)) && !names.has(`${object.type} ${object.name}`),
  ).length
  const remade = tables.filter((table) => table.rows === 'replace').length
  return Math.max(made + gone, remade)
}

function sameObjects(a: readonly SchemaObject[], b: readonly SchemaObject[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function sameProperties(a: DatabaseProperties, b: DatabaseProperties): boolean {
  return (Object.keys(b) as (keyof DatabaseProperties)[]).every((name) => a[name] === b[name])
}
