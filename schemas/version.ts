/**
 * Versions of everything that crosses a wire or rests in a file, with one line of history each.
 * A change of a format without a change here is caught by `test/schemas/version.test.ts`.
 */

/** The Delta (`schemas/delta`). 1: rows as JSON in XML, positions as number and token. */
export const DELTA_VERSION = 1

/** The DeviceCopy's own tables. 1: meta, positions, objects. */
export const COPY_VERSION = 1

/**
 * RestoreImage and SegmentMap. 1: one gzip, cut into segments of 1 MiB, AES-256-GCM, EdDSA; still made for platforms
 * that have no Zstandard. 2: each segment is a range of the file, a Zstandard frame of its own.
 */
export const IMAGE_VERSION = 2

/** The DeliveryMap. 1: who fetches which segments of an image over which link, in revisions; EdDSA. */
export const DELIVERY_MAP_VERSION = 1

/** What devices of a Delivery say to each other. 1: HTTP over TLS 1.3 with a key for each pair. */
export const PEER_PROTOCOL_VERSION = 1

/** The observers' tables inside a device's database. 1: change log keyed by table and key. */
export const OBSERVER_VERSION = 1

/** What a program says to a resident agent (`schemas/cli/agentRequest.ts`). 1: backup, its log lines and its end. */
export const AGENT_PROTOCOL_VERSION = 1

/**
 * The copy of an account's Items (`server/items`). 1: a table per store, versions per device; still written as it is.
 * 2: without anchors of ours, which follow from the client's.
 */
export const ITEMS_VERSION = 2
