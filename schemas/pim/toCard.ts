/**
 * vCard properties to a Card (RFC 9555). A property is taken apart only if it can be put together again without loss;
 * every other one goes to `vCardProps` as it is (PIM-6).
 */

import { readCardDate } from './cardDates.ts'
import { readEntryParams } from './cardParams.ts'
import type { Dialect, JProperty, JValue } from './jcard.ts'
import { isEmptyProperty, valuesOf } from './jcard.ts'
import type { Anniversary, Card, NameComponent, Open } from './jscontact.ts'
import { readResource } from './media.ts'

/** Kinds of the components of N and ADR in their order. */
export const NAME_KINDS = ['surname', 'given', 'given2', 'title', 'credential'] as const
export const ADDRESS_KINDS = [
  'postOfficeBox',
  'apartment',
  'name',
  'locality',
  'region',
  'postcode',
  'country',
] as const

type Reader = (card: Open<Card>, property: JProperty, dialect: Dialect) => boolean

/** The Card of a vCard's properties; `version` is dropped. */
export function toCard(properties: readonly JProperty[], dialect: Dialect): Card {
  const card: Open<Card> = { '@type': 'Card', version: '1.0' }
  const rest: JProperty[] = []
  for (const property of properties) {
    const reader = readers.get(property[0])
    if (property[0] === 'version') continue
    if (reader === undefined || !reader(card, property, dialect)) rest.push(property)
  }
  if (rest.length > 0) card.vCardProps = rest
  return card
}

/** Entries that were added so far: counting them each time would take quadratic time. */
const sizes = new WeakMap<object, number>()

function add<T>(entries: Readonly<Record<string, T>> | undefined, prefix: string, entry: T): Record<string, T> {
  const open = (entries ?? {}) as Record<string, T>
  const size = (sizes.get(open) ?? 0) + 1
  sizes.set(open, size)
  open[`${prefix}-${size}`] = entry
  return open
}

function isPlain([, params]: JProperty): boolean {
  for (const _ in params) return false
  return true
}

/** A single text without parameters, else undefined. */
function plainText(property: JProperty): string | undefined {
  return property.length === 4 && typeof property[3] === 'string' && isPlain(property) ? property[3] : undefined
}

/** A single text; its parameters may be any. */
function text(property: JProperty): string | undefined {
  return property.length === 4 && typeof property[3] === 'string' ? property[3] : undefined
}

function single(field: 'uid' | 'kind' | 'prodId' | 'language'): Reader {
  return (card, property) => {
    const value = property[2] === 'text' || property[2] === 'unknown' ? plainText(property) : undefined
    if (value === undefined || card[field] !== undefined) return false
    card[field] = value
    return true
  }
}

const readUpdated: Reader = (card, property) => {
  const value = plainText(property)
  if (value === undefined || card.updated !== undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value))
    return false
  card.updated = value
  return true
}

/** Components with their kinds, or undefined if there are more than kinds, or none that holds a text. */
export function readParts(value: JValue | undefined, kinds: readonly string[]): NameComponent[] | undefined {
  const parts = typeof value === 'string' ? [value] : (value ?? [])
  const components: NameComponent[] = []
  for (const [index, part] of parts.entries()) {
    const kind = kinds[index]
    const texts = typeof part === 'string' ? (part === '' ? [] : [part]) : part
    if ((kind === undefined && texts.length > 0) || (typeof part !== 'string' && part.includes(''))) return undefined
    for (const text of texts) components.push({ kind: kind ?? '', value: text })
  }
  return components.length === 0 ? undefined : components
}

const readName: Reader = (card, property) => {
  const components = property.length === 4 ? readParts(property[3], NAME_KINDS) : undefined
  if (components === undefined || card.name?.components !== undefined) return false
  card.name = { ...card.name, components, ...(isPlain(property) ? {} : { vCardParams: property[1] }) }
  return true
}

const readFull: Reader = (card, property) => {
  const full = plainText(property)
  if (full === undefined || card.name?.full !== undefined) return false
  card.name = { ...card.name, full }
  return true
}

const readNicknames: Reader = (card, property, dialect) => {
  const names = valuesOf(property)
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) return false
  const entry = readEntryParams(property[1], dialect)
  for (const name of names) card.nicknames = add(card.nicknames, 'nick', { name: String(name), ...entry })
  return true
}

const readOrganization: Reader = (card, property, dialect) => {
  const value = property[3]
  const parts = typeof value === 'string' ? [value] : (value ?? [])
  if (property.length !== 4 || isEmptyProperty(property) || !parts.every((part) => typeof part === 'string'))
    return false
  const [name, ...units] = parts as string[]
  while (units.at(-1) === '') units.pop()
  card.organizations = add(card.organizations, 'org', {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(units.length === 0 ? {} : { units: units.map((unit) => ({ name: unit })) }),
    ...readEntryParams(property[1], dialect),
  })
  return true
}

const readTitle: Reader = (card, property, dialect) => {
  const name = text(property)
  if (name === undefined) return false
  const kind = property[0] === 'role' ? 'role' : 'title'
  card.titles = add(card.titles, 'title', { kind, name, ...readEntryParams(property[1], dialect) })
  return true
}

const readPhone: Reader = (card, property, dialect) => {
  const number = text(property)
  // The type of a number is told by how it begins; another one could not be written back.
  if (number === undefined || (property[2] === 'uri') !== number.startsWith('tel:')) return false
  card.phones = add(card.phones, 'tel', { number, ...readEntryParams(property[1], dialect, true) })
  return true
}

const readEmail: Reader = (card, property, dialect) => {
  const address = text(property)
  if (address === undefined || property[2] !== 'text') return false
  card.emails = add(card.emails, 'email', { address, ...readEntryParams(property[1], dialect) })
  return true
}

const readService: Reader = (card, property, dialect) => {
  const uri = text(property)
  if (uri === undefined || property[2] !== 'uri') return false
  const entry = { uri, vCardName: 'impp' as const, ...readEntryParams(property[1], dialect) }
  card.onlineServices = add(card.onlineServices, 'impp', entry)
  return true
}

const readAddress: Reader = (card, property, dialect) => {
  const components = property.length === 4 ? readParts(property[3], ADDRESS_KINDS) : undefined
  if (components === undefined) return false
  card.addresses = add(card.addresses, 'adr', { components, ...readEntryParams(property[1], dialect) })
  return true
}

function anniversary(kind: Anniversary['kind']): Reader {
  return (card, property, dialect) => {
    const date = property[2] === 'text' ? undefined : readCardDate(text(property) ?? '')
    if (date === undefined) return false
    card.anniversaries = add(card.anniversaries, 'day', { kind, date, ...readEntryParams(property[1], dialect) })
    return true
  }
}

const readNote: Reader = (card, property, dialect) => {
  const note = text(property)
  if (note === undefined) return false
  card.notes = add(card.notes, 'note', { note, ...readEntryParams(property[1], dialect) })
  return true
}

const readKeywords: Reader = (card, property) => {
  const words = valuesOf(property)
  if (!isPlain(property) || !words.every((word) => typeof word === 'string' && word !== '' && word !== '__proto__'))
    return false
  const keywords = (card.keywords ?? {}) as Record<string, true>
  for (const word of words) keywords[String(word)] = true
  card.keywords = keywords
  return true
}

type ResourceField = 'media' | 'links' | 'cryptoKeys' | 'calendars' | 'schedulingAddresses' | 'directories'

function resource(field: ResourceField, prefix: string, kind?: string): Reader {
  return (card, property, dialect) => {
    const entry = readResource(property, dialect)
    if (entry === undefined) return false
    card[field] = add(card[field], prefix, kind === undefined ? entry : { kind, ...entry })
    return true
  }
}

const readers = new Map<string, Reader>([
  ['uid', single('uid')],
  ['kind', single('kind')],
  ['prodid', single('prodId')],
  ['language', single('language')],
  ['rev', readUpdated],
  ['n', readName],
  ['fn', readFull],
  ['nickname', readNicknames],
  ['org', readOrganization],
  ['title', readTitle],
  ['role', readTitle],
  ['tel', readPhone],
  ['email', readEmail],
  ['impp', readService],
  ['adr', readAddress],
  ['bday', anniversary('birth')],
  ['anniversary', anniversary('wedding')],
  ['deathdate', anniversary('death')],
  ['note', readNote],
  ['categories', readKeywords],
  ['photo', resource('media', 'photo', 'photo')],
  ['logo', resource('media', 'logo', 'logo')],
  ['sound', resource('media', 'sound', 'sound')],
  ['url', resource('links', 'url')],
  ['key', resource('cryptoKeys', 'key')],
  ['fburl', resource('calendars', 'fburl', 'freeBusy')],
  ['caluri', resource('calendars', 'caluri', 'calendar')],
  ['caladruri', resource('schedulingAddresses', 'sched')],
  ['source', resource('directories', 'source', 'entry')],
])
