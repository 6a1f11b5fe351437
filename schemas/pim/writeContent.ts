/** The exit to a device: a universal item as bytes of the format the device prefers, within what it can hold. */

import { CodedError } from '../errors.ts'
import type { DevInfProperty } from '../syncml/message.ts'
import { writeUrlList, writeVBookmark } from './bookmark.ts'
import { limitProperties } from './capabilities.ts'
import { writeComponent } from './components.ts'
import type { ContentFormat, UniversalItem } from './content.ts'
import { componentTexts, type Dialect, firstText, type JComponent, type JProperty } from './jcard.ts'
import { writePlainNote, writeVNote } from './note.ts'
import { writeEmail, writeFile, writeFolder } from './omaObject.ts'
import { isTreeItem, mainOf, type TreeItem, toTree } from './trees.ts'

export interface WriteOptions extends ContentFormat {
  /** Properties of the device's CTCap; without them everything is written. */
  readonly properties?: readonly DevInfProperty[]
  /** The user's zone, for a device that knows no UTC: all times are written in it. */
  readonly timeZone?: string
}

/** The dialect of a format, or undefined if it is none of cards and calendars. */
export function dialectOf({ type, version }: ContentFormat): Dialect | undefined {
  const mediaType = type.split(';')[0]?.trim().toLowerCase()
  if (mediaType === 'text/x-vcard' || mediaType === 'text/vcard' || mediaType === 'text/directory') {
    if (version === '4.0') return 'vcard4.0'
    return version === '2.1' || (version !== '3.0' && mediaType === 'text/x-vcard') ? 'vcard2.1' : 'vcard3.0'
  }
  if (mediaType === 'text/x-vcalendar' || (mediaType === 'text/calendar' && version === '1.0')) return 'vcal1.0'
  return mediaType === 'text/calendar' ? 'ical2.0' : undefined
}

/**
 * The bytes of an item; lines end in CR LF.
 * @throws {CodedError} `protocol.unsupported-type` if the format is none of the item's kind
 */
export function writeContent(item: UniversalItem, options: WriteOptions): Uint8Array {
  if (isTreeItem(item)) return writeTree(item, options)
  const mediaType = options.type.split(';')[0]?.trim().toLowerCase() ?? ''
  if (item.kind === 'note' && mediaType === 'text/plain') return writePlainNote(item.note)
  if (item.kind === 'note' && mediaType === 'text/x-vnote') return writeVNote(item.note)
  if (item.kind === 'bookmark' && mediaType === 'text/x-vbookmark') return writeVBookmark(item.bookmark)
  if (item.kind === 'bookmark' && mediaType === 'text/uri-list') return writeUrlList(item.bookmark)
  if (mediaType === `application/vnd.omads-${item.kind}+xml`) {
    if (item.kind === 'file') return writeFile(item.file)
    if (item.kind === 'folder') return writeFolder(item.folder)
    if (item.kind === 'email') return writeEmail(item.email)
  }
  throw unsupported(item, options)
}

function unsupported(item: UniversalItem, { type }: ContentFormat): CodedError {
  return new CodedError('protocol.unsupported-type', `a ${item.kind} cannot be written as ${type.slice(0, 80)}`)
}

function writeTree(item: TreeItem, options: WriteOptions): Uint8Array {
  const dialect = dialectOf(options)
  const isCard = dialect?.startsWith('vcard') === true
  if (dialect === undefined || isCard !== (item.kind === 'contact')) throw unsupported(item, options)
  const tree = toTree(item, dialect, options.timeZone)
  const main = mainOf(tree)
  const limited =
    options.properties === undefined
      ? main[1]
      : limitProperties(main[1], options.properties).filter((p) => p !== undefined)
  const properties = isCard ? completeCard(limited, main[1], dialect) : limited
  return writeComponent(replaceMain(tree, main, [main[0], properties, main[2]]), dialect)
}

function replaceMain(tree: JComponent, main: JComponent, by: JComponent): JComponent {
  return tree === main ? by : [tree[0], tree[1], tree[2].map((component) => (component === main ? by : component))]
}

/** Phones demand N, version 3.0 N and FN, version 4.0 FN: what is missing is made of the other (reference 9.2). */
function completeCard(
  properties: readonly JProperty[],
  all: readonly JProperty[],
  dialect: Dialect,
): readonly JProperty[] {
  const has = (name: string) => properties.some((property) => property[0] === name)
  const of = (name: string) => all.find((property) => property[0] === name)
  const [n, fn, org] = [of('n'), of('fn'), of('org')]
  const [family = '', given = '', middle = ''] = componentTexts(n?.[3])
  const built = [given, middle, family].filter((part) => part !== '').join(' ')
  const shown = (fn && firstText(fn)) || built || (org && firstText(org)) || ''
  const added: JProperty[] = []
  if (!has('n') && dialect !== 'vcard4.0') added.push(n ?? ['n', {}, 'text', [shown, '', '', '', '']])
  if (!has('fn') && dialect !== 'vcard2.1') added.push(['fn', {}, 'text', shown])
  return added.length === 0 ? properties : [...properties.slice(0, 1), ...added, ...properties.slice(1)]
}
