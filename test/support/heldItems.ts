/** Items that somebody holds, and how what two sides hold differs. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContentKind } from '../../schemas/pim/content.ts'
import { contentKey } from '../../schemas/pim/matchKey.ts'
import { readContent } from '../../schemas/pim/readContent.ts'

/** Items of one kind, as a folder of files or as the server has them. */
export type HeldItems = readonly { readonly name: string; readonly octets: Uint8Array }[]

/** The files of a folder, one Item each. */
export function readFolder(folder: string): HeldItems {
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'))
  return names.sort().map((name) => ({ name, octets: readFileSync(join(folder, name)) }))
}

/**
 * How two sides differ: names of items that the other side has not, or has not as often. Compared by what they say
 * (equal keys are `sameContent`), so order, stamps and folding do not count.
 */
export function differences(
  kind: ContentKind,
  a: HeldItems,
  b: HeldItems,
): { readonly a: readonly string[]; readonly b: readonly string[] } {
  const type = kind === 'contact' ? 'text/vcard' : 'text/calendar'
  const keyOf = (octets: Uint8Array): string => contentKey(readContent(kind, type, octets))
  const rest = new Map<string, string[]>()
  for (const { name, octets } of b) {
    const key = keyOf(octets)
    rest.set(key, [...(rest.get(key) ?? []), name])
  }
  const lonely = a.filter(({ octets }) => rest.get(keyOf(octets))?.pop() === undefined)
  return { a: lonely.map(({ name }) => name), b: [...rest.values()].flat() }
}
