/** Element tree -> Item, its locations and its data. Text of Items is kept to the octet (rule WF-4). */

import { CodedError } from '../errors.ts'
import { MAX_ITEMS } from '../limits.ts'
import { decodeUtf8 } from '../utf8.ts'
import { decodeWbxml } from './decodeWbxml.ts'
import type { Element } from './element.ts'
import { child, childrenOf, flagOf, identifier, missing, present, text, texts } from './fields.ts'
import { malformed, tooLarge } from './malformed.ts'
import type { DevInf, Filter, Item, ItemData, Location } from './message.ts'
import { readDevInf } from './readDevInf.ts'
import { readAnchor, readMeta } from './readMeta.ts'

/** Reads an XML document. @throws {CodedError} `protocol.malformed` or `protocol.too-large` */
export type ParseXml = (text: string) => Element

/** What the surroundings of an Item say about its data. */
export interface ItemContext {
  /** `Format` of the command, or of what the command stands in. */
  readonly format: string | undefined
  /** Put and Results carry device information, as a document inside `Data`. */
  readonly mayBeDevInf: boolean
  /** Absent: a document in XML stays text. */
  readonly parseXml: ParseXml | undefined
}

const PLAIN: ItemContext = { format: undefined, mayBeDevInf: false, parseXml: undefined }

/** All Items of a command, in order. */
export function readItems(command: Element, context: ItemContext): readonly Item[] {
  const items = childrenOf(command, 'Item')
  if (items.length > MAX_ITEMS) throw tooLarge('items of one command', MAX_ITEMS)
  return items.map((item) => readItem(item, context))
}

function readItem(item: Element, context: ItemContext): Item {
  const meta = readMeta(item)
  const data = child(item, 'Data')
  return present<Item>({
    target: readLocation(item, 'Target'),
    source: readLocation(item, 'Source'),
    sourceParent: readParent(item, 'SourceParent'),
    targetParent: readParent(item, 'TargetParent'),
    meta,
    data: data && readData(data, { ...context, format: meta?.format ?? context.format }),
    moreData: flagOf(item, 'MoreData'),
  })
}

function readParent(item: Element, name: string): string | undefined {
  const found = child(item, name)
  return found && (identifier(found, 'LocURI') ?? '')
}

/** The `Target` or `Source` of `element`; a missing LocURI counts as empty, as broken clients send it. */
export function readLocation(element: Element, name: 'Target' | 'Source'): Location | undefined {
  const found = child(element, name)
  return found && toLocation(found)
}

/** @throws {CodedError} `protocol.malformed` if it is missing */
export function requiredLocation(element: Element, name: 'Target' | 'Source'): Location {
  const location = readLocation(element, name)
  if (location === undefined) throw missing(element, name)
  return location
}

/** A `Target` or `Source` itself. */
export function toLocation(element: Element): Location {
  return present<Location>({
    locUri: identifier(element, 'LocURI') ?? '',
    locName: identifier(element, 'LocName'),
    filter: readFilter(child(element, 'Filter')),
  })
}

function readFilter(filter: Element | undefined): Filter | undefined {
  if (filter === undefined) return undefined
  return present<Filter>({
    meta: readMeta(filter),
    field: filterItem(child(filter, 'Field')),
    record: filterItem(child(filter, 'Record')),
    filterType: text(filter, 'FilterType'),
  })
}

function filterItem(holder: Element | undefined): Item | undefined {
  const item = holder && child(holder, 'Item')
  return item && readItem(item, PLAIN)
}

/** `Data` of an Item or a Search. */
export function readData(data: Element, context: ItemContext = PLAIN): ItemData {
  const anchor = readAnchor(child(child(data, 'MetInf') ?? data, 'Anchor'))
  if (anchor !== undefined) return { kind: 'anchor', anchor }
  const wanted = childrenOf(data, 'Property').flatMap((property) => texts(property, 'PropName'))
  // A field filter: the names are all that counts of it (reference 3.15).
  if (wanted.length > 0) return { kind: 'text', text: wanted.map((name) => `<PropName>${name}</PropName>`).join('') }
  const inline = child(data, 'DevInf')
  if (inline !== undefined) return { kind: 'devInf', devInf: readDevInf(inline) }
  const { value } = data
  const devInf = context.mayBeDevInf && value !== undefined ? embeddedDevInf(value, context.parseXml) : undefined
  if (devInf !== undefined) return { kind: 'devInf', devInf }
  if (value === undefined || typeof value === 'string') return { kind: 'text', text: value ?? '' }
  return opaqueData(value, context.format)
}

/**
 * OPAQUE carries text and binary data alike. `Format` `bin` says which; without it UTF-8 is text, and under `b64`
 * only what is written in base64 is.
 */
function opaqueData(octets: Uint8Array, format: string | undefined): ItemData {
  const written = format === 'bin' ? undefined : decodeUtf8(octets)
  if (written === undefined) return { kind: 'bytes', bytes: octets }
  if (format === 'b64' && !/^[A-Za-z0-9+/=\s]*$/.test(written)) return { kind: 'bytes', bytes: octets }
  return { kind: 'text', text: written }
}

/**
 * Device information as a document inside `Data`: WBXML or XML, told apart by its first octets whatever the Type says.
 * What cannot be read, or exceeds a limit, stays what it is: it may be any binary data that only looks like WBXML.
 */
function embeddedDevInf(value: string | Uint8Array, parseXml: ParseXml | undefined): DevInf | undefined {
  try {
    const binary = typeof value !== 'string' && (value[0] ?? 0xff) <= 3
    const root = binary ? decodeWbxml(value, 'devinf') : parseXml && xmlRoot(value, parseXml)
    return root?.name === 'DevInf' ? readDevInf(root) : undefined
  } catch (error) {
    if (error instanceof CodedError) return undefined
    throw error
  }
}

function xmlRoot(value: string | Uint8Array, parseXml: ParseXml): Element | undefined {
  const written = typeof value === 'string' ? value : decodeUtf8(value)
  if (written === undefined) throw malformed('the embedded document is not in UTF-8')
  return written.includes('<DevInf') ? parseXml(written.trim()) : undefined
}
