/** What a folder holds, as lines that can be compared: paths, kinds, permissions, times, contents. */

import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

const SLASH = Buffer.from('/')

/** One line for each entry, the folder itself first. */
export function folderState(path: string): string[] {
  return describe(Buffer.from(path), '.')
}

function describe(place: Buffer, shown: string): string[] {
  const stats = lstatSync(place, { bigint: true })
  const line = (kind: string, content: string): string =>
    `${shown} ${kind} ${(stats.mode & 0o777n).toString(8)} ${stats.mtimeNs / 1000n} ${content}`
  if (stats.isSymbolicLink()) return [line('link', readlinkSync(place, { encoding: 'buffer' }).toString('latin1'))]
  if (!stats.isDirectory())
    return [line('file', createHash('sha256').update(readFileSync(place)).digest('hex').slice(0, 16))]
  const names = readdirSync(place, { encoding: 'buffer' }).sort(Buffer.compare)
  return [
    line('folder', String(names.length)),
    ...names.flatMap((name) => describe(Buffer.concat([place, SLASH, name]), `${shown}/${name.toString('latin1')}`)),
  ]
}
