/** A Card to vCard properties of one version (RFC 9555): the reverse of `toCard`. Rule PIM-6. */

import { writeCardDate } from './cardDates.ts'
import { writeEntryParams } from './cardParams.ts'
import type { Dialect, JParams, JProperty, JValue } from './jcard.ts'
import type { Card, NameComponent, Phone, Resource } from './jscontact.ts'
import { writeResource } from './media.ts'
import { ADDRESS_KINDS, NAME_KINDS } from './toCard.ts'

/** The properties of a Card, without `version`. */
export function fromCard(card: Card, dialect: Dialect): JProperty[] {
  const out: JProperty[] = []
  const plain = (name: string, value: string | undefined, type = 'text') => {
    if (value !== undefined) out.push([name, {}, type, value])
  }
  plain('prodid', card.prodId)
  plain('uid', card.uid)
  plain('rev', card.updated, dialect === 'vcard4.0' ? 'timestamp' : 'date-time')
  plain('kind', card.kind)
  plain('language', card.language)
  writeNames(card, dialect, out)
  writeContacts(card, dialect, out)
  writeResources(card, dialect, out)
  if (card.vCardProps !== undefined) out.push(...card.vCardProps)
  return out
}

function writeNames({ name, nicknames, organizations, titles }: Card, dialect: Dialect, out: JProperty[]): void {
  if (name?.components !== undefined) {
    out.push(['n', name.vCardParams ?? {}, 'text', writeParts(name.components, NAME_KINDS)])
  }
  if (name?.full !== undefined) out.push(['fn', {}, 'text', name.full])
  for (const entry of values(nicknames)) out.push(['nickname', writeEntryParams(entry, dialect), 'text', entry.name])
  for (const entry of values(organizations)) {
    const units = (entry.units ?? []).map((unit) => unit.name)
    out.push(['org', writeEntryParams(entry, dialect), 'text', [entry.name ?? '', ...units]])
  }
  for (const entry of values(titles)) out.push([entry.kind, writeEntryParams(entry, dialect), 'text', entry.name])
}

function values<T>(entries: Readonly<Record<string, T>> | undefined): T[] {
  return entries === undefined ? [] : Object.values(entries)
}

/** Components in their places; trailing empty ones stay, as phones expect all. */
function writeParts(components: readonly NameComponent[], kinds: readonly string[]): JValue {
  return kinds.map((kind) => {
    const texts = components.filter((component) => component.kind === kind).map((component) => component.value)
    return texts.length === 1 ? (texts[0] ?? '') : texts.length === 0 ? '' : texts
  })
}

function writeContacts(card: Card, dialect: Dialect, out: JProperty[]): void {
  for (const entry of values(card.phones)) out.push(writePhone(entry, dialect))
  for (const entry of values(card.emails)) out.push(['email', writeEntryParams(entry, dialect), 'text', entry.address])
  for (const entry of values(card.onlineServices))
    out.push(['impp', writeEntryParams(entry, dialect), 'uri', entry.uri])
  for (const entry of values(card.addresses)) {
    out.push(['adr', writeEntryParams(entry, dialect), 'text', writeParts(entry.components, ADDRESS_KINDS)])
  }
  for (const entry of values(card.anniversaries)) {
    const text = writeCardDate(entry.date)
    out.push([
      nameOfDay[entry.kind],
      writeEntryParams(entry, dialect),
      dateType(nameOfDay[entry.kind], text, dialect),
      text,
    ])
  }
  for (const entry of values(card.notes)) out.push(['note', writeEntryParams(entry, dialect), 'text', entry.note])
  if (card.keywords !== undefined) out.push(['categories', {}, 'text', ...Object.keys(card.keywords)])
}

const nameOfDay = { birth: 'bday', wedding: 'anniversary', death: 'deathdate' } as const

function dateType(name: string, text: string, dialect: Dialect): string {
  if (dialect === 'vcard4.0' || name !== 'bday') return 'date-and-or-time'
  return text.includes('T') ? 'date-time' : 'date'
}

/** Before 4.0 a telephone is a text, never a URI. */
function writePhone(entry: Phone, dialect: Dialect): JProperty {
  const params: JParams = writeEntryParams(entry, dialect)
  const isUri = entry.number.startsWith('tel:')
  if (dialect === 'vcard4.0') return ['tel', params, isUri ? 'uri' : 'text', entry.number]
  return ['tel', params, 'phone-number', isUri ? entry.number.slice(4) : entry.number]
}

function writeResources(card: Card, dialect: Dialect, out: JProperty[]): void {
  const all = (entries: Readonly<Record<string, Resource>> | undefined, nameOf: (resource: Resource) => string) => {
    for (const entry of values(entries)) out.push(writeResource(nameOf(entry), entry, dialect))
  }
  all(card.media, (entry) => entry.kind ?? 'photo')
  all(card.links, () => 'url')
  all(card.cryptoKeys, () => 'key')
  all(card.calendars, (entry) => (entry.kind === 'freeBusy' ? 'fburl' : 'caluri'))
  all(card.schedulingAddresses, () => 'caladruri')
  all(card.directories, () => 'source')
}
