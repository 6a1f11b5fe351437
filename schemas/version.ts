/**
 * Versions of everything that crosses a wire or rests in a file, with one line of history each.
 * A change of a format without a change here is caught by `test/schemas/version.test.ts`.
 */

/** The Delta (`schemas/delta`). 1: rows as JSON in XML, positions as number and token. */
export const DELTA_VERSION = 1

/** The DeviceCopy's own tables. 1: meta, positions, objects. */
export const COPY_VERSION = 1

/** RestoreImage and SegmentMap. 1: gzip, 1 MiB segments, AES-256-GCM, EdDSA. */
export const IMAGE_VERSION = 1

/** The observers' tables inside a device's database. 1: change log keyed by table and key. */
export const OBSERVER_VERSION = 1
