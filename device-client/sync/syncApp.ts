/**
 * What can be synchronized: which content types an application's items have on the wire and at rest, and how one becomes
 * the other. Content goes as it is where the server takes its type. Rule DC-67.
 */

import { CodedError } from '../../schemas/errors.ts'
import { type ContentFormat, type ContentKind, contentTypesOf } from '../../schemas/pim/content.ts'
import { readContent, scanContent } from '../../schemas/pim/readContent.ts'
import { dialectOf, writeContent } from '../../schemas/pim/writeContent.ts'
import type { ContentType } from '../../schemas/syncml/message.ts'
import { decodeLatin1 } from '../../schemas/utf8.ts'
import { contentDigest } from './contentDigest.ts'

export const SYNC_APPS = ['contacts', 'calendar', 'tasks', 'notes', 'records'] as const

/** `records` are rows of any table, as lines of JSON that travel as text. */
export type SyncApp = (typeof SYNC_APPS)[number]

interface AppContent {
  /** Undefined for text that nobody but its owner reads. */
  readonly kind: ContentKind | undefined
  /** Ending of its files. */
  readonly ending: string
  /** What is at rest here, the best first; other types are converted to that one. */
  readonly formats: readonly ContentFormat[]
}

const TEXT: readonly ContentFormat[] = [
  { type: 'text/plain', version: '1.0' },
  { type: 'text/plain', version: '1.1' },
]
const CALENDAR: readonly ContentFormat[] = [{ type: 'text/calendar', version: '2.0' }]

const apps: Readonly<Record<SyncApp, AppContent>> = {
  contacts: {
    kind: 'contact',
    ending: '.vcf',
    formats: [
      { type: 'text/vcard', version: '3.0' },
      { type: 'text/vcard', version: '4.0' },
    ],
  },
  calendar: { kind: 'event', ending: '.ics', formats: CALENDAR },
  tasks: { kind: 'task', ending: '.ics', formats: CALENDAR },
  notes: { kind: 'note', ending: '.txt', formats: TEXT },
  records: { kind: undefined, ending: '.json', formats: TEXT },
}

/** Octets that are looked at for a VERSION. */
const HEAD_OCTETS = 4096

export function endingOf(app: SyncApp): string {
  return apps[app].ending
}

/** The types a datastore of `app` announces, the best first. */
export function announcedTypes(app: SyncApp): readonly ContentType[] {
  const { kind, formats } = apps[app]
  // Old versions are taken as well, and converted.
  const all = kind === undefined || kind === 'note' ? formats : [...formats, ...contentTypesOf(kind)]
  const names = new Map(all.map(({ type, version }) => [`${type} ${version}`, { ctType: type, verCt: version }]))
  return [...names.values()]
}

/** An item as it travels. */
export interface WireContent {
  readonly type: string
  readonly octets: Uint8Array
}

/**
 * An item for a server that takes these types; undefined `takes`: it never said, and gets it as it is.
 * @throws {CodedError} `content.invalid`, `protocol.too-large`; `protocol.unsupported-type` if the server takes nothing
 *   that the item can be written as.
 */
export function toWire(app: SyncApp, octets: Uint8Array, takes: readonly ContentType[] | undefined): WireContent {
  const { kind, formats } = apps[app]
  const held = heldFormat(app, octets)
  const taken = takes?.map(({ ctType, verCt }): ContentFormat => ({ type: ctType, version: verCt })) ?? []
  if (taken.length === 0 || taken.some((format) => sameFormat(format, held))) return { type: held.type, octets }
  const known = kind === undefined ? formats : contentTypesOf(kind)
  const chosen = taken.find((format) => known.some((possible) => sameFormat(possible, format)))
  if (chosen === undefined || kind === undefined) {
    throw new CodedError('protocol.unsupported-type', `the server takes no ${held.type} there`)
  }
  return { type: chosen.type, octets: writeContent(readContent(kind, held.type, octets), chosen) }
}

/**
 * What came from the server as it lies here: as it came, or in the version that programs of today read.
 * @throws {CodedError} `content.invalid`, `protocol.unsupported-type`, `protocol.too-large`.
 */
export function toRest(app: SyncApp, { type, octets }: WireContent): Uint8Array {
  const { kind, formats } = apps[app]
  if (kind === undefined || kind === 'note') return octets
  const dialect = dialectOf(heldFormat(app, octets, type))
  if (dialect !== 'vcard2.1' && dialect !== 'vcal1.0') {
    // Whatever is no such item must not lie among them.
    scanContent(kind, type, octets)
    return octets
  }
  const [best] = formats
  return best === undefined ? octets : writeContent(readContent(kind, type, octets), best)
}

/** Equal for items that say the same, however they are written; for what cannot be read, the octets decide. */
export function meaningOf(app: SyncApp, octets: Uint8Array): string {
  const { kind } = apps[app]
  try {
    if (kind !== undefined) return scanContent(kind, heldFormat(app, octets).type, octets).contentKey
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
  }
  return contentDigest(octets)
}

/** The format that octets are in, as their text says. */
function heldFormat(app: SyncApp, octets: Uint8Array, named?: string): ContentFormat {
  const [best] = apps[app].formats
  const type = named ?? best?.type ?? 'text/plain'
  const version = /^VERSION[^:\r\n]*:\s*(\d\.\d)/im.exec(decodeLatin1(octets.subarray(0, HEAD_OCTETS)))?.[1] ?? ''
  if (version === '2.1') return { type: 'text/x-vcard', version }
  return version === '1.0' && apps[app].ending === '.ics' ? { type: 'text/x-vcalendar', version } : { type, version }
}

function sameFormat(a: ContentFormat, b: ContentFormat): boolean {
  const [left, right] = [dialectOf(a), dialectOf(b)]
  if (left !== undefined || right !== undefined) return left === right
  return a.type.toLowerCase() === b.type.toLowerCase()
}
