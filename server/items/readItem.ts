/** Items as `schemas/pim` reads them: which kind, which dialect, and a tree that is read once (IT-13). */

import { hash } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import { readComponents } from '../../schemas/pim/components.ts'
import type { ContentKind, UniversalItem } from '../../schemas/pim/content.ts'
import type { Dialect, JComponent } from '../../schemas/pim/jcard.ts'
import { keysOfTree } from '../../schemas/pim/matchKey.ts'
import { readContent, scanContent } from '../../schemas/pim/readContent.ts'
import { fromOldCalendar } from '../../schemas/pim/vcalendar1.ts'
import type { CheckedContent, MeaningKeys, TypedContent } from './content.ts'
import type { StoreName } from './stores.ts'

const FOLDER_TYPE = 'application/vnd.omads-folder+xml'
const FILE_TYPE = 'application/vnd.omads-file+xml'
const EMAIL_TYPE = 'application/vnd.omads-email+xml'
const CARD_TYPES: ReadonlySet<string> = new Set(['', 'text/vcard', 'text/x-vcard', 'text/directory', 'text/plain'])
const CALENDAR_TYPES: ReadonlySet<string> = new Set(['', 'text/calendar', 'text/x-vcalendar', 'text/plain'])
const NOTE_TYPES: ReadonlySet<string> = new Set(['', 'text/plain', 'text/x-vnote'])
const BOOKMARK_TYPES: ReadonlySet<string> = new Set([
  '',
  'text/x-vbookmark',
  'text/uri-list',
  'text/x-url',
  'text/plain',
])

/** The media type in lower case, without parameters. */
export function mediaTypeOf(type: string): string {
  return (type.split(';')[0] ?? '').trim().toLowerCase()
}

/** What an Item of a store is; undefined for octets that only files have. */
export function kindOf(store: StoreName, type: string): ContentKind | undefined {
  const mediaType = mediaTypeOf(type)
  switch (store) {
    case 'contacts':
      return 'contact'
    case 'calendar':
      return 'event'
    case 'tasks':
      return 'task'
    case 'notes':
      return 'note'
    case 'bookmarks':
      return 'bookmark'
    case 'files':
      return mediaType === FOLDER_TYPE ? 'folder' : mediaType === FILE_TYPE ? 'file' : undefined
    case 'email':
      return mediaType === FOLDER_TYPE ? 'folder' : 'email'
  }
}

/** The universal form. @throws {CodedError} as `readContent` of `schemas/pim`. */
export function readItem({ type, octets }: TypedContent, kind: ContentKind): UniversalItem {
  return readContent(kind, type, octets)
}

/** Checks what a client sent; undefined if its reader refuses it. */
export function checkItem(content: TypedContent, stores: readonly StoreName[]): CheckedContent | undefined {
  try {
    return check(content, stores)
  } catch (cause) {
    if (cause instanceof CodedError) return undefined
    throw cause
  }
}

function check(content: TypedContent, stores: readonly StoreName[]): CheckedContent | undefined {
  const [first] = stores
  const mediaType = mediaTypeOf(content.type)
  if (first === 'contacts') return CARD_TYPES.has(mediaType) ? checkCard(content) : undefined
  if (first === 'calendar' || first === 'tasks')
    return CALENDAR_TYPES.has(mediaType) ? checkCalendar(content, stores) : undefined
  if (first === 'notes' && !NOTE_TYPES.has(mediaType)) return undefined
  if (first === 'bookmarks' && !BOOKMARK_TYPES.has(mediaType)) return undefined
  if (first === 'email' && mediaType !== EMAIL_TYPE && mediaType !== FOLDER_TYPE) return undefined
  if (first === undefined) return undefined
  const type = content.type === '' ? defaultType(first) : content.type
  const kind = kindOf(first, type)
  if (kind === undefined) return { store: first, type, keys: () => keysOfOctets(content) }
  // Read to the end: what its reader refuses must not be held.
  readItem({ ...content, type }, kind)
  return { store: first, type, keys: () => scanContent(kind, type, content.octets) }
}

function checkCard(content: TypedContent): CheckedContent {
  const { root, dialect } = readComponents(content.octets, ['vcard'])
  const type = content.type === '' ? (dialect === 'vcard2.1' ? 'text/x-vcard' : 'text/vcard') : content.type
  return { store: 'contacts', type, keys: () => keysOfTree(root) }
}

/** Events and tasks share a datastore on phones: the component decides. */
function checkCalendar(content: TypedContent, stores: readonly StoreName[]): CheckedContent | undefined {
  const { root, dialect } = readComponents(content.octets, ['vcalendar'])
  const component = root[2].find(([name]) => name === 'vevent' || name === 'vtodo')
  if (component === undefined) return undefined
  const store = component[0] === 'vtodo' ? 'tasks' : 'calendar'
  if (!stores.includes(store)) return undefined
  const type = content.type === '' ? (dialect === 'vcal1.0' ? 'text/x-vcalendar' : 'text/calendar') : content.type
  return { store, type, keys: () => keysOfTree(modern(root, dialect)) }
}

function modern(root: JComponent, dialect: Dialect): JComponent {
  return dialect === 'vcal1.0' ? fromOldCalendar(root) : root
}

function defaultType(store: StoreName): string {
  return store === 'files' ? 'application/octet-stream' : store === 'bookmarks' ? 'text/x-vbookmark' : 'text/plain'
}

/** Keys of held content; content that cannot be read (any more) is only equal to itself. */
export function keysOf(content: TypedContent, store: StoreName): MeaningKeys {
  const kind = kindOf(store, content.type)
  if (kind === undefined) return keysOfOctets(content)
  try {
    return scanContent(kind, content.type, content.octets)
  } catch (cause) {
    if (cause instanceof CodedError) return keysOfOctets(content)
    throw cause
  }
}

function keysOfOctets({ octets }: TypedContent): MeaningKeys {
  return { matchKey: '', contentKey: hash('sha256', octets, 'base64') }
}
