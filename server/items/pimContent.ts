/** Fills the port of content with `schemas/pim` (IT-10, IT-13, IT-14). */

import { CodedError } from '../../schemas/errors.ts'
import type { UniversalItem } from '../../schemas/pim/content.ts'
import { componentTexts, type JProperty } from '../../schemas/pim/jcard.ts'
import { sameContent } from '../../schemas/pim/matchKey.ts'
import { mergeEdit } from '../../schemas/pim/mergeEdit.ts'
import { isTreeItem, mainOf, toTree } from '../../schemas/pim/trees.ts'
import { writeContent } from '../../schemas/pim/writeContent.ts'
import { chooseFormat, dialectFor, formatOf, mergedFormat, propertiesFor } from './chooseFormat.ts'
import type { ClientAbilities, ContentRules, TypedContent } from './content.ts'
import type { FilterSubject } from './passesFilter.ts'
import { checkItem, keysOf, kindOf, readItem } from './readItem.ts'
import type { StoreName } from './stores.ts'

export const pimContent: ContentRules = {
  check: checkItem,
  keys: keysOf,
  merge,
  write,
  changedAt,
  subject,
}

function merge(
  held: TypedContent,
  incoming: TypedContent,
  abilities: ClientAbilities | undefined,
  { store, partial }: { readonly store: StoreName; readonly partial: boolean },
): TypedContent {
  const kinds = [kindOf(store, held.type), kindOf(store, incoming.type)]
  const [kind, incomingKind] = kinds
  if (kind === undefined || incomingKind !== kind) return incoming
  try {
    const edited = readItem(incoming, kind)
    const format = formatOf(incoming)
    const capabilities = propertiesFor(format, abilities)
    const merged = mergeEdit(readItem(held, kind), edited, capabilities, { ...dialectFor(format), partial })
    if (!partial && sameContent(merged, edited)) return incoming
    const target = mergedFormat(formatOf(held), kind)
    return { type: target.type, octets: writeContent(merged, target) }
  } catch (cause) {
    // What is held cannot be read: there is nothing to be kept of it.
    if (cause instanceof CodedError) return incoming
    throw cause
  }
}

function write(held: TypedContent, abilities: ClientAbilities | undefined, store: StoreName): TypedContent {
  const kind = kindOf(store, held.type)
  if (kind === undefined || abilities === undefined) return held
  const format = formatOf(held)
  const target = chooseFormat(format, kind, abilities)
  if (target === undefined) return held
  const properties = propertiesFor(target, abilities)
  const asIs = dialectFor(target).dialect === dialectFor(format).dialect && sameMediaType(target.type, held.type)
  if (asIs && properties === undefined) return held
  try {
    const item = readItem(held, kind)
    return { type: target.type, octets: writeContent(item, { ...target, ...(properties && { properties }) }) }
  } catch (cause) {
    if (cause instanceof CodedError) return held
    throw cause
  }
}

function sameMediaType(a: string, b: string): boolean {
  return a.split(';')[0]?.trim().toLowerCase() === b.split(';')[0]?.trim().toLowerCase()
}

const STAMPS = ['\nREV', '\nLAST-MODIFIED', '<modified>'] as const

/** Looks for the stamp in the octets: nearly no Item has to be decoded for it. */
function changedAt({ octets }: TypedContent): number | undefined {
  const bytes = Buffer.from(octets.buffer, octets.byteOffset, octets.length)
  for (const stamp of STAMPS) {
    const at = bytes.indexOf(stamp, 0, 'latin1')
    if (at < 0) continue
    const text = bytes.toString('latin1', at, at + 80)
    const match = /(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:\.\d+)?Z/.exec(text)
    if (match === null) continue
    const [, year, month, day, hour, minute, second] = match.map(Number)
    return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
  }
  return undefined
}

function subject(content: TypedContent, store: StoreName): FilterSubject {
  const kind = kindOf(store, content.type)
  if (kind === undefined) return { values: () => [] }
  let item: UniversalItem
  try {
    item = readItem(content, kind)
  } catch (cause) {
    if (cause instanceof CodedError) return { values: () => [] }
    throw cause
  }
  return isTreeItem(item) ? subjectOfProperties(propertiesOf(item)) : subjectOfFields(fieldsOf(item))
}

function propertiesOf(item: Parameters<typeof toTree>[0]): readonly JProperty[] {
  return mainOf(toTree(item, item.kind === 'contact' ? 'vcard4.0' : 'ical2.0'))[1]
}

function subjectOfProperties(properties: readonly JProperty[]): FilterSubject {
  const values = (name: string): string[] =>
    properties.filter((property) => property[0] === name.toLowerCase()).flatMap(textsOf)
  const from = values('dtstart')[0] ?? values('due')[0]
  // What recurs may take place at any later time.
  const until = values('rrule').length > 0 ? undefined : (values('dtend')[0] ?? values('due')[0] ?? from)
  return { values, ...(from !== undefined && { from }), ...(until !== undefined && { until }) }
}

/** A structured value counts whole and by its components. */
function textsOf([, , , ...values]: JProperty): string[] {
  return values.flatMap((value) => {
    const parts = componentTexts(value)
    return parts.length > 1 ? [parts.join(';'), ...parts] : parts
  })
}

function fieldsOf(
  item: Exclude<UniversalItem, { kind: 'contact' | 'event' | 'task' }>,
): Readonly<Record<string, string>> {
  switch (item.kind) {
    case 'note':
      return { body: item.note.body, summary: item.note.body.split('\n')[0] ?? '' }
    case 'bookmark':
      return { url: item.bookmark.urls.join('\n'), title: item.bookmark.title ?? '' }
    case 'file':
      return { ...item.file.fields, name: item.file.name }
    case 'folder':
      return { ...item.folder.fields, name: item.folder.name }
    case 'email':
      return item.email.fields
  }
}

function subjectOfFields(fields: Readonly<Record<string, string>>): FilterSubject {
  const byName = new Map(Object.entries(fields).map(([name, value]) => [name.toUpperCase(), value]))
  const time = byName.get('RECEIVED') ?? byName.get('MODIFIED') ?? byName.get('CREATED')
  return {
    values: (name) => {
      const value = byName.get(name)
      return value === undefined ? [] : [value]
    },
    ...(time !== undefined && { from: time, until: time }),
  }
}
