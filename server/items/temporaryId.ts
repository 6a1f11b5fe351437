/**
 * Temporary GUIDs for devices that keep no long ones (`MaxGUIDSize`, reference 2.3, 3.8): the part of an id that counts
 * up, which names one Item of the account in each of its lives, and is known again without being written down (IT-9).
 */

import type { ItemFile } from './itemFile.ts'

/** Characters of an id behind its number, and those of the number at least. */
const RANDOM_CHARS = 8
const NUMBER_CHARS = 5

/** The longest id there is while fewer than 60 million Items were made. */
export const USUAL_ID_CHARS = NUMBER_CHARS + RANDOM_CHARS

/** The id as a device can keep it; a device of still less gets the number all the same. */
export function temporaryId(id: string, maxGuidSize: number | undefined): string {
  if (maxGuidSize === undefined || id.length <= maxGuidSize) return id
  return id.slice(0, -RANDOM_CHARS).replace(/^0+(?=.)/, '')
}

/** The id that a device's name for an Item of ours stands for; the name itself if it is no number. */
export function resolveId(file: ItemFile, client: number, name: string): string {
  if (name.length === 0 || name.length >= USUAL_ID_CHARS || !/^[0-9a-z]+$/.test(name)) return name
  const number = name.padStart(NUMBER_CHARS, '0')
  // What follows the number are hex digits: all of them sort before `g`.
  const range = [BigInt(client), number, `${number}g`] as const
  for (const table of ['_nightferry_sync_map', '_nightferry_sync_out']) {
    const rows = file.sql(`SELECT DISTINCT id FROM ${table} WHERE client = ? AND id > ? AND id < ?`).all(...range)
    const found = rows.map(([id]) => String(id)).find((id) => id.length === number.length + RANDOM_CHARS)
    if (found !== undefined) return found
  }
  return name
}
