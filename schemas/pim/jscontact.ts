/**
 * The universal form of a contact: a Card of JSContact (RFC 9553) as it comes out of a vCard (RFC 9555).
 * What has no place in it rests in `vCardProps` and `vCardParams`, so nothing is lost (PIM-6). `uid` may be missing,
 * because phones send none; the store's id takes its place.
 */

import type { JParams, JProperty } from './jcard.ts'

/** A set, as JSON has it. */
export type Flags = Readonly<Record<string, true>>

/** What all entries of a Card have in common. */
export interface CardEntry {
  readonly contexts?: Flags
  /** 1 is the most preferred. */
  readonly pref?: number
  readonly vCardParams?: JParams
}

export interface NameComponent {
  readonly kind: string
  readonly value: string
}
export interface CardName {
  readonly full?: string
  readonly components?: readonly NameComponent[]
  readonly vCardParams?: JParams
}
export interface Organization extends CardEntry {
  readonly name?: string
  readonly units?: readonly { readonly name: string }[]
}
export interface Phone extends CardEntry {
  readonly number: string
  readonly features?: Flags
}
export interface EmailAddress extends CardEntry {
  readonly address: string
}
export interface Address extends CardEntry {
  readonly components: readonly NameComponent[]
}
export interface PartialDate {
  readonly '@type': 'PartialDate'
  readonly year?: number
  readonly month?: number
  readonly day?: number
}
export interface Timestamp {
  readonly '@type': 'Timestamp'
  readonly utc: string
}
export interface Anniversary extends CardEntry {
  readonly kind: 'birth' | 'death' | 'wedding'
  readonly date: PartialDate | Timestamp
}
/** A photo, logo, sound, link, key or calendar: `data:` for what stands in the card itself. */
export interface Resource extends CardEntry {
  readonly kind?: string
  readonly uri: string
  readonly mediaType?: string
}
export interface Titled extends CardEntry {
  readonly kind: 'title' | 'role'
  readonly name: string
}
type Entries<T> = Readonly<Record<string, T>>

export interface Card {
  readonly '@type': 'Card'
  readonly version: '1.0'
  readonly uid?: string
  readonly kind?: string
  readonly prodId?: string
  /** UTC time of the last change. */
  readonly updated?: string
  readonly language?: string
  readonly name?: CardName
  readonly nicknames?: Entries<CardEntry & { readonly name: string }>
  readonly organizations?: Entries<Organization>
  readonly titles?: Entries<Titled>
  readonly phones?: Entries<Phone>
  readonly emails?: Entries<EmailAddress>
  readonly onlineServices?: Entries<CardEntry & { readonly uri: string; readonly vCardName: 'impp' }>
  readonly addresses?: Entries<Address>
  readonly anniversaries?: Entries<Anniversary>
  readonly notes?: Entries<CardEntry & { readonly note: string }>
  readonly keywords?: Flags
  readonly media?: Entries<Resource>
  readonly links?: Entries<Resource>
  readonly cryptoKeys?: Entries<Resource>
  readonly calendars?: Entries<Resource>
  readonly schedulingAddresses?: Entries<Resource>
  readonly directories?: Entries<Resource>
  readonly vCardProps?: readonly JProperty[]
}

/** While a Card is built. */
export type Open<T> = { -readonly [K in keyof T]: T[K] }
