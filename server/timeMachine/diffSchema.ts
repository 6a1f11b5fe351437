/** What differs between the objects of two states: pure. Rule TM-20. */

import type { ObjectChange } from '../../schemas/http/diff.ts'
import { MAX_SHOWN_SQL_CHARS } from '../../schemas/limits.ts'
import type { SchemaObject } from '../backup/copyLayout.ts'

/** Objects that came, changed their definition, or went; in the order of the newer list, then what went. */
export function diffSchema(was: readonly SchemaObject[], is: readonly SchemaObject[]): ObjectChange[] {
  const before = byName(was)
  const after = byName(is)
  const changes: ObjectChange[] = []
  for (const [key, { type, name, sql }] of after) {
    const old = before.get(key)
    if (old === undefined) changes.push({ change: 'added', type, name, is: shown(sql) })
    else if (old.sql !== sql) changes.push({ change: 'changed', type, name, was: shown(old.sql), is: shown(sql) })
  }
  for (const [key, { type, name, sql }] of before)
    if (!after.has(key)) changes.push({ change: 'removed', type, name, was: shown(sql) })
  return changes
}

/** Indexes that SQLite makes by itself follow their tables. */
function byName(objects: readonly SchemaObject[]): ReadonlyMap<string, SchemaObject> {
  return new Map(objects.filter(({ sql }) => sql !== null).map((object) => [`${object.type} ${object.name}`, object]))
}

function shown(sql: string | null): string {
  const text = sql ?? ''
  return text.length > MAX_SHOWN_SQL_CHARS ? `${text.slice(0, MAX_SHOWN_SQL_CHARS)}…` : text
}
