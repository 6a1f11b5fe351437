/**
 * The entrance for bytes of a device: to a universal item, or only to its keys where that is enough (a slow sync of
 * thousands of items that did not change). Nothing but `CodedError` is thrown, whatever the bytes. Rules PIM-1 to PIM-5.
 */

import { CodedError } from '../errors.ts'
import { readUrlList, readVBookmark } from './bookmark.ts'
import { type ReadText, readComponents } from './components.ts'
import type { ContentKind, UniversalItem } from './content.ts'
import { invalidContent } from './invalid.ts'
import { type ContentKeys, contentKey, keysOfTree, matchKey } from './matchKey.ts'
import { readPlainNote, readVNote } from './note.ts'
import { readEmail, readFile, readFolder } from './omaObject.ts'
import { fromTree, placedTree } from './trees.ts'

export interface ReadOptions {
  /** The user's zone, for a device that knows no UTC: times without a zone are of it. */
  readonly timeZone?: string
}

/**
 * The item that `octets` of a content type hold. The version of cards and calendars is taken from the text, since both
 * names occur with either version (reference 9.1). An `event` may turn out a `task` and the reverse: phones keep both in
 * one datastore.
 * @throws {CodedError} `content.invalid`, `protocol.unsupported-type` or `protocol.too-large`
 */
export function readContent(
  kind: ContentKind,
  type: string,
  octets: Uint8Array,
  options: ReadOptions = {},
): UniversalItem {
  const mediaType = type.split(';')[0]?.trim().toLowerCase() ?? ''
  switch (kind) {
    case 'contact':
    case 'event':
    case 'task': {
      const { root, dialect } = readTree(kind, mediaType, octets)
      return fromTree(root, dialect, options.timeZone)
    }
    case 'note':
      if (mediaType === 'text/x-vnote') return { kind, note: readVNote(octets) }
      return { kind, note: readPlainNote(octets, /charset="?([\w.:-]{1,40})/i.exec(type)?.[1]) }
    case 'bookmark': {
      const list = mediaType === 'text/uri-list' || mediaType === 'text/x-url'
      return { kind, bookmark: list ? readUrlList(octets) : readVBookmark(octets) }
    }
    case 'file':
      return { kind, file: readFile(octets) }
    case 'folder':
      return { kind, folder: readFolder(octets) }
    case 'email':
      return { kind, email: readEmail(octets) }
  }
}

/**
 * The keys of an item, without building it: what `matchKey` and `contentKey` say of `readContent`.
 * @throws {CodedError} as `readContent`
 */
export function scanContent(
  kind: ContentKind,
  type: string,
  octets: Uint8Array,
  options: ReadOptions = {},
): ContentKeys {
  if (kind === 'contact' || kind === 'event' || kind === 'task') {
    const { root, dialect } = readTree(kind, type.split(';')[0]?.trim().toLowerCase() ?? '', octets)
    if (kind !== 'contact' && !root[2].some(([name]) => name === 'vevent' || name === 'vtodo')) {
      throw invalidContent('the calendar holds neither an event nor a task')
    }
    return keysOfTree(placedTree(root, dialect, options.timeZone))
  }
  const item = readContent(kind, type, octets)
  return { matchKey: matchKey(item), contentKey: contentKey(item) }
}

const cardTypes = new Set(['', 'text/vcard', 'text/x-vcard', 'text/directory', 'text/plain'])
const calendarTypes = new Set(['', 'text/calendar', 'text/x-vcalendar', 'text/plain'])

function readTree(kind: 'contact' | 'event' | 'task', mediaType: string, octets: Uint8Array): ReadText {
  const known = kind === 'contact' ? cardTypes : calendarTypes
  if (!known.has(mediaType))
    throw new CodedError('protocol.unsupported-type', `a ${kind} cannot be read from ${mediaType.slice(0, 80)}`)
  return readComponents(octets, [kind === 'contact' ? 'vcard' : 'vcalendar'])
}
