/** Spellings of one datastore's URI: clients write it with and without `./`, and with slashes at its end. */

/** The path that a URI spells, without what stands around it. */
export function pathOf(uri: string): string {
  return uri
    .trim()
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
}

/** True if both mean the same datastore. */
export function sameUri(a: string, b: string): boolean {
  return pathOf(a) === pathOf(b)
}
