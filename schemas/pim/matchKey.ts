/**
 * Keys by which a slow sync finds the item that a device means (`matchKey`: who or what it is) and sees that nothing
 * changed (`contentKey`: a digest of what it says). Both are the same for all formats of an item. Rules PIM-10, PIM-11.
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toBase64 } from '../syncml/base64.ts'
import { encodeUtf8 } from '../utf8.ts'
import { canonicalLines, timeKey } from './canonical.ts'
import type { UniversalItem } from './content.ts'
import { componentTexts, firstText, type JComponent, type JProperty } from './jcard.ts'
import { noteTitle } from './note.ts'
import { isTreeItem, toTree } from './trees.ts'

/** Both keys of an item. */
export interface ContentKeys {
  /** Empty if the item has nothing that could identify it. */
  readonly matchKey: string
  /** SHA-256 in base64. */
  readonly contentKey: string
}

/** Who or what the item is about, normalised. */
export function matchKey(item: UniversalItem): string {
  return isTreeItem(item) ? matchKeyOfTree(neutralTree(item)) : simpleMatchKey(item)
}

/** A digest of what the item says. */
export function contentKey(item: UniversalItem): string {
  return digest(contentText(item))
}

/** True if both say the same. */
export function sameContent(a: UniversalItem, b: UniversalItem): boolean {
  return a.kind === b.kind && contentText(a) === contentText(b)
}

/** Both keys of a tree in the form of vCard or iCalendar 2.0. A card has no components: what a broken one holds says nothing. */
export function keysOfTree(tree: JComponent): ContentKeys {
  const [name, properties] = tree
  const said: JComponent = name === 'vcard' ? [name, properties, []] : tree
  return { matchKey: matchKeyOfTree(tree), contentKey: digest(canonicalLines(said).join('\n')) }
}

function digest(text: string): string {
  return toBase64(sha256(encodeUtf8(text)))
}

function neutralTree(item: Parameters<typeof toTree>[0]): JComponent {
  return toTree(item, item.kind === 'contact' ? 'vcard4.0' : 'ical2.0')
}

function contentText(item: UniversalItem): string {
  if (isTreeItem(item)) return canonicalLines(neutralTree(item)).join('\n')
  switch (item.kind) {
    case 'note':
      return item.note.body.replace(/[ \t]+$/gm, '').trim()
    case 'bookmark':
      return [item.bookmark.title?.trim() ?? '', ...item.bookmark.urls].join('\n')
    case 'file': {
      const { body, ...rest } = item.file
      return `${sortedJson(rest)}\n${body === undefined ? '' : toBase64(body)}`
    }
    case 'folder':
      return sortedJson(item.folder)
    case 'email': {
      const { emailitem, ...rest } = item.email
      return `${sortedJson(rest)}\n${emailitem === undefined ? '' : toBase64(emailitem)}`
    }
  }
}

function sortedJson(value: object): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

function simpleMatchKey(item: Exclude<UniversalItem, { kind: 'contact' | 'event' | 'task' }>): string {
  switch (item.kind) {
    case 'note':
      return normalise(noteTitle(item.note))
    case 'bookmark':
      return item.bookmark.urls[0] ?? normalise(item.bookmark.title ?? '')
    case 'file':
      return item.file.name
    case 'folder':
      return item.folder.name
    case 'email':
      return item.email.emailitem === undefined ? '' : digest(toBase64(item.email.emailitem))
  }
}

/** Lower case, compatible forms united, one blank between words. */
function normalise(text: string): string {
  return words(text).join(' ')
}

function words(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[\s,;.]+/)
    .filter((word) => word !== '')
}

/** Name and organization, or title and time; the same in whatever version the tree was written. */
export function matchKeyOfTree(tree: JComponent): string {
  return tree[0] === 'vcard' ? contactKey(tree[1]) : calendarKey(tree)
}

function find(properties: readonly JProperty[], name: string): JProperty | undefined {
  return properties.find((property) => property[0] === name)
}

/** Names are sorted words, since phones without FN and programs without N order them differently. */
function contactKey(properties: readonly JProperty[]): string {
  const [family = '', given = ''] = componentTexts(find(properties, 'n')?.[3])
  const name = words(`${family} ${given}`)
  const full = find(properties, 'fn')
  const shown = (name.length > 0 ? name : words(full === undefined ? '' : firstText(full))).sort().join(' ')
  const organization = words(componentTexts(find(properties, 'org')?.[3])[0] ?? '')
  const firm = organization.join(' ')
  // Devices that need a name for a firm use its own.
  const person = shown === organization.sort().join(' ') ? '' : shown
  if (person !== '' || firm !== '') return `${person}|${firm}`
  const email = find(properties, 'email')
  if (email !== undefined) return `@${firstText(email).trim().toLowerCase()}`
  const telephone = find(properties, 'tel')
  return telephone === undefined ? '' : `#${firstText(telephone).replace(/[^\d+]/g, '')}`
}

function calendarKey([, , components]: JComponent): string {
  const objects = components.filter(([name]) => name === 'vevent' || name === 'vtodo')
  const main = objects.find(([, properties]) => find(properties, 'recurrence-id') === undefined) ?? objects[0]
  if (main === undefined) return ''
  const [kind, properties] = main
  const [summary, time] = [find(properties, 'summary'), find(properties, kind === 'vtodo' ? 'due' : 'dtstart')]
  const occurrence = find(properties, 'recurrence-id')
  const of = (property: JProperty | undefined) =>
    property === undefined ? '' : timeKey(firstText(property), property[1])
  return `${kind}|${normalise(summary === undefined ? '' : firstText(summary))}|${of(time)}|${of(occurrence)}`
}
