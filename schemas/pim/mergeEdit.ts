/**
 * The edit of a device that knows less than we do, joined with what we hold: what the device could not know survives,
 * what it knows and left out is deleted (PIM-13). Properties are compared with what the device was given, so a value it
 * only returned, shortened or without its parameters, is not taken for an edit.
 */

import { kindsKey, propertyKey } from './canonical.ts'
import { type Capabilities, capabilityOf, isKnown, limitProperties } from './capabilities.ts'
import type { UniversalItem } from './content.ts'
import { type Dialect, isEmptyProperty, type JParams, type JProperty } from './jcard.ts'
import { mergeComponents } from './mergeComponents.ts'
import { mergeSimple } from './mergeSimple.ts'
import { fromTree, isTreeItem, mainOf, type TreeItem, toTree } from './trees.ts'
import { fromOldProperty } from './vcalendar1.ts'

export interface MergeOptions {
  /** The version the device speaks; without it, the latest. */
  readonly dialect?: Dialect
  /** A field-level Replace: what is not there is unchanged, what is there and empty is deleted (reference 3.16). */
  readonly partial?: boolean
}

/** Always ours: a device that leaves them out means nothing by it. */
const IDENTITY = new Set(['uid', 'recurrence-id', 'created'])
/** Always the device's: stamps of the version it sent. */
const STAMPS = new Set(['rev', 'prodid', 'version'])

/** What is to be held after the edit. An edit of another kind than the held item replaces it. */
export function mergeEdit(
  held: UniversalItem,
  edited: UniversalItem,
  capabilities: Capabilities,
  options: MergeOptions = {},
): UniversalItem {
  if (held.kind !== edited.kind) return edited
  if (!isTreeItem(held) || !isTreeItem(edited)) return mergeSimple(held, edited)
  const neutral: Dialect = held.kind === 'contact' ? 'vcard4.0' : 'ical2.0'
  const [heldTree, editedTree] = [toTree(held, neutral), toTree(edited, neutral)]
  const [heldMain, editedMain] = [mainOf(heldTree), mainOf(editedTree)]
  const given = givenOf(held, options.dialect ?? neutral, capabilities)
  const properties = mergeProperties(heldMain[1], given, editedMain[1], capabilities, options.partial === true)
  return fromTree(mergeComponents(heldTree, editedTree, properties, capabilities, options.partial === true), neutral)
}

/** A held property as the device got it. */
interface Given {
  /** Undefined for an empty one. */
  readonly key: string | undefined
  /** Name and kinds, by which a changed one is recognized. */
  readonly kinds: string
}

/** The held properties as the device got them, in their order; undefined where it got nothing. */
function givenOf(held: TreeItem, dialect: Dialect, capabilities: Capabilities): (Given | undefined)[] {
  const sent = mainOf(toTree(held, dialect))[1]
  const lookUp = capabilityOf(capabilities)
  const limited = capabilities === undefined ? sent : limitProperties(sent, capabilities)
  return limited.map((property) => {
    if (property === undefined || !isKnown(property[0], capabilities, lookUp)) return undefined
    const converted = dialect === 'vcal1.0' ? fromOldProperty(property) : property
    return { key: propertyKey(converted), kinds: `${converted[0]}${kindsKey(converted[1])}` }
  })
}

interface Merge {
  readonly held: readonly JProperty[]
  readonly given: readonly (Given | undefined)[]
  /** Held properties that no edited one stands for yet. */
  readonly open: Set<number>
  readonly byKey: Queues
  readonly byKinds: Queues
  readonly byName: Queues
  readonly lookUp: ReturnType<typeof capabilityOf>
}
type Queues = Map<string, number[]>

function mergeProperties(
  held: readonly JProperty[],
  given: readonly (Given | undefined)[],
  edited: readonly JProperty[],
  capabilities: Capabilities,
  partial: boolean,
): JProperty[] {
  const lookUp = capabilityOf(capabilities)
  const merge: Merge = {
    held,
    given,
    open: new Set(held.keys()),
    byKey: new Map(),
    byKinds: new Map(),
    byName: new Map(),
    lookUp,
  }
  held.forEach((property, index) => {
    enqueue(merge, property, index)
  })
  const named = new Set(edited.map(([name]) => name))
  const returned = edited.map((property) => takeReturned(merge, property))
  const changed = edited.map((property, index) => returned[index] ?? carryOver(merge, property))
  const survivors = held.filter((property, index) => {
    const [name] = property
    if (!merge.open.has(index) || STAMPS.has(name)) return false
    if (IDENTITY.has(name) || partial) return !named.has(name)
    return given[index] === undefined && propertyKey(property) !== undefined
  })
  return [...changed.filter((property) => property !== undefined), ...survivors]
}

function enqueue({ given, byKey, byKinds, byName }: Merge, property: JProperty, index: number): void {
  const [own, as] = [propertyKey(property), given[index]]
  if (own !== undefined) push(byKey, own, index)
  if (as?.key === undefined) return
  if (as.key !== own) push(byKey, as.key, index)
  push(byKinds, as.kinds, index)
  push(byName, property[0], index)
}

function push(queues: Queues, key: string, index: number): void {
  const queue = queues.get(key)
  if (queue === undefined) queues.set(key, [index])
  else queue.push(index)
}

/** The first open one of a queue. */
function take({ open }: Merge, queues: Queues, key: string): number | undefined {
  const queue = queues.get(key) ?? []
  const at = queue.findIndex((index) => open.has(index))
  const [found] = queue.splice(0, at < 0 ? queue.length : at + 1).slice(-1)
  if (at < 0 || found === undefined) return undefined
  open.delete(found)
  return found
}

/** The held property that the device only returned. */
function takeReturned(merge: Merge, property: JProperty): JProperty | undefined {
  const key = propertyKey(property)
  const index = key === undefined ? undefined : take(merge, merge.byKey, key)
  return index === undefined ? undefined : merge.held[index]
}

/** An edited property with the parameters of the one it replaces that the device does not know; empty ones are gone. */
function carryOver(merge: Merge, property: JProperty): JProperty | undefined {
  if (isEmptyProperty(property)) return undefined
  const [name, params, type, ...values] = property
  if (STAMPS.has(name)) return property
  const only = (merge.byName.get(name)?.length ?? 0) === 1
  const partner =
    take(merge, merge.byKinds, `${name}${kindsKey(params)}`) ?? (only ? take(merge, merge.byName, name) : undefined)
  if (partner === undefined) return property
  const listed = merge.lookUp(name)?.params ?? []
  const known = new Set(listed.map((param) => param.paramName.toLowerCase()))
  const words = listed.flatMap((param) => (param.paramName.toUpperCase() === 'TYPE' ? param.valEnums : []))
  return [name, carriedParams(merge.held[partner]?.[1] ?? {}, params, known, words), type, ...values]
}

function carriedParams(before: JParams, now: JParams, known: ReadonlySet<string>, words: readonly string[]): JParams {
  const out: Record<string, string | readonly string[]> = { ...now }
  for (const key in before) {
    const value = before[key] ?? ''
    if (key === 'type' && words.length > 0) {
      const allowed = new Set(words.map((word) => word.toUpperCase()))
      const lost = (typeof value === 'string' ? [value] : value).filter((word) => !allowed.has(word.toUpperCase()))
      if (lost.length > 0) out.type = [...(typeof now.type === 'string' ? [now.type] : (now.type ?? [])), ...lost]
    } else if (key !== 'type' && key !== 'tzid' && out[key] === undefined && !known.has(key)) out[key] = value
  }
  return out
}
