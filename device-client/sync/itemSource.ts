/**
 * The port to what is synchronized on the device: items under LUIDs of its own, whose octets anybody may change at any
 * time. An adapter never loses what somebody wrote meanwhile. Rules DC-60, DC-65.
 */

/** The items of a source as they are now. */
export interface SourceScan {
  /** SHA-256 of each item's octets, in lower-case hex, by LUID. */
  readonly digests: ReadonlyMap<string, string>
  /** Items that are there and cannot be read or are too large: never taken for deleted. */
  readonly unreadable: readonly { readonly luid: string; readonly reason: string }[]
}

/** What became of a write that named the content it was to replace. */
export type ReplaceOutcome =
  | { readonly kind: 'replaced' }
  /** Somebody had changed the item: that content is now the item `luid`, and the new one took its place. */
  | { readonly kind: 'kept-both'; readonly luid: string }
  /** Somebody had changed the item, and there cannot be two of it: nothing was written. */
  | { readonly kind: 'refused' }

export interface ItemSource {
  /** Reads everything: changes are found by content, never by times. @throws {CodedError} if the source is not there. */
  scan(): Promise<SourceScan>
  /** The octets of one item, undefined if it is not there any more. */
  read(luid: string): Promise<Uint8Array | undefined>
  /** `octets` as this source will give them back. @throws {CodedError} `content.invalid` if they can be no item here. */
  asKept(octets: Uint8Array): Uint8Array
  /** A LUID that no item has now, for this content. @throws {CodedError} `content.invalid` if there can be none. */
  chooseLuid(octets: Uint8Array): Promise<string>
  /** Writes a new item; durable when it resolves. @throws {CodedError} `content.invalid`, `storage.full`. */
  add(luid: string, octets: Uint8Array): Promise<void>
  /** Replaces an item whose content has this digest; durable when it resolves. One that is gone is written again. */
  replace(luid: string, octets: Uint8Array, expected: string | undefined): Promise<ReplaceOutcome>
  /** Removes an item whose content has this digest. */
  remove(luid: string, expected: string): Promise<'removed' | 'changed' | 'absent'>
  close(): Promise<void>
}
