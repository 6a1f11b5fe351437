/**
 * The port between the item store and what Items mean: checking, comparing, merging and converting content (IT-5, IT-10,
 * IT-13, IT-14). `pimContent.ts` fills it with `schemas/pim`.
 */

import type { CtCap } from '../../schemas/syncml/message.ts'
import type { FilterSubject } from './passesFilter.ts'
import type { StoreName } from './stores.ts'

/** Content as it is held: media type and octets. */
export interface TypedContent {
  readonly type: string
  readonly octets: Uint8Array
}

/** What a client can hold: the types it takes, preferred first, and its CTCap. No CTCap: it said nothing about it. */
export interface ClientAbilities {
  readonly accepts: readonly (readonly [type: string, version: string])[]
  readonly ctCaps: readonly CtCap[]
  /** Octets of the longest GUID it keeps, if that is less than ours have. */
  readonly maxGuidSize?: number
  /** Names of properties the client wants in this session (field filter). */
  readonly fields?: readonly string[]
}

/** What equal Items have in common however they are written. */
export interface MeaningKeys {
  /** Who or what it is about; empty if nothing could tell. */
  readonly matchKey: string
  /** What it says, apart from what is not the user's (REV, PRODID, order): equal keys mean the same. */
  readonly contentKey: string
}

/** Content that its reader took. */
export interface CheckedContent {
  readonly store: StoreName
  /** The media type, found out if the client did not say it. */
  readonly type: string
  keys(): MeaningKeys
}

export interface ContentRules {
  /**
   * Checks octets that a client sent and tells which store they belong to, of those that may take them.
   * Undefined if their reader refuses them (Status 415).
   */
  check(content: TypedContent, stores: readonly StoreName[]): CheckedContent | undefined
  /** The keys of content that is held. */
  keys(content: TypedContent, store: StoreName): MeaningKeys
  /**
   * `incoming` over `held`: what the client cannot hold stays; with `partial` only what is there changes. Gives
   * `incoming` itself back if nothing of what is held has to survive.
   */
  merge(
    held: TypedContent,
    incoming: TypedContent,
    abilities: ClientAbilities | undefined,
    options: { readonly store: StoreName; readonly partial: boolean },
  ): TypedContent
  /** In a type the client takes and with the properties it can hold; unchanged where it takes it as it is. */
  write(held: TypedContent, abilities: ClientAbilities | undefined, store: StoreName): TypedContent
  /** When the content says it was changed, milliseconds. */
  changedAt(content: TypedContent): number | undefined
  /** What filters can ask of it. */
  subject(content: TypedContent, store: StoreName): FilterSubject
}
