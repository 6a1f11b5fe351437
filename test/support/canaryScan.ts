/**
 * Looks for known plaintext in every byte of folders: as it is, in UTF-16, as hex, as base64 at any alignment, and in
 * whatever inflates from a gzip header, whole or cut off.
 */

import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'

/** One thing that must not be found. */
interface Needle {
  readonly name: string
  readonly octets: Buffer
}

export interface CanaryScan {
  /** Also looks for `secret`: a text, or octets such as a key. */
  add(name: string, secret: string | Uint8Array): void
  /** What `octets` hold, by name and form. */
  search(octets: Buffer): string[]
  /** Scans every file; `changedOnly` leaves out those that have not changed since they were scanned. */
  scan(changedOnly?: boolean): string[]
  /** Files and octets that were looked at. */
  readonly seen: { files: number; octets: number }
}

const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 0x08])
const MAX_INFLATED_BYTES = 64 * 1024 * 1024

export function createCanaryScan(folders: readonly string[]): CanaryScan {
  const needles: Needle[] = []
  const known = new Map<string, string>()
  const seen = { files: 0, octets: 0 }
  const searchPlain = (octets: Buffer) =>
    needles.filter((needle) => octets.includes(needle.octets)).map(({ name }) => name)
  const search = (octets: Buffer): string[] => [
    ...searchPlain(octets),
    ...inflations(octets).flatMap((inflated) => searchPlain(inflated).map((name) => `gzip of ${name}`)),
  ]
  const scanFile = (path: string, changedOnly: boolean): string[] => {
    const octets = readIfThere(path, changedOnly ? known : undefined)
    if (octets === undefined) return []
    seen.files += 1
    seen.octets += octets.length
    return search(octets).map((name) => `${name} in ${path}`)
  }
  return {
    seen,
    search,
    add: (name, secret) => void needles.push(...formsOf(name, secret)),
    scan: (changedOnly = false) =>
      folders
        .flatMap((folder) => filesOf(folder))
        .flatMap((path) => [
          ...searchPlain(Buffer.from(path)).map((name) => `${name} in the name of ${path}`),
          ...scanFile(path, changedOnly),
        ]),
  }
}

function formsOf(name: string, secret: string | Uint8Array): Needle[] {
  const octets = Buffer.from(secret)
  const forms: [string, Buffer][] = [
    ['', octets],
    [' as hex', Buffer.from(octets.toString('hex'))],
    [' as HEX', Buffer.from(octets.toString('hex').toUpperCase())],
    [' as base64', Buffer.from(base64Core(octets, 0))],
    [' as base64, shifted by 1', Buffer.from(base64Core(octets, 1))],
    [' as base64, shifted by 2', Buffer.from(base64Core(octets, 2))],
    [' as base64url', Buffer.from(base64Core(octets, 0).replaceAll('+', '-').replaceAll('/', '_'))],
  ]
  if (typeof secret === 'string') {
    const little = Buffer.from(secret, 'utf16le')
    forms.push([' in UTF-16le', little], [' in UTF-16be', Buffer.from(little).swap16()])
  }
  return forms.map(([form, bytes]) => ({ name: `${name}${form}`, octets: bytes }))
}

/** The base64 characters that `octets` alone decide when `shift` octets stand before them. */
function base64Core(octets: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), octets])
    .toString('base64')
    .replaceAll('=', '')
  return text.slice(shift === 0 ? 0 : shift + 1, Math.floor(((octets.length + shift) * 4) / 3 / 4) * 4)
}

function inflations(octets: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = octets.indexOf(GZIP_HEAD); at >= 0; at = octets.indexOf(GZIP_HEAD, at + 1)) {
    try {
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES }
      found.push(gunzipSync(octets.subarray(at), options))
    } catch {
      // Three octets that look like a head by chance.
    }
  }
  return found
}

function filesOf(folder: string): string[] {
  let entries: Dirent[] = []
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  } catch {
    // A folder that was removed while it was listed: the next scan sees the rest.
  }
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Undefined if the file is gone meanwhile, or `known` has it as it is. */
function readIfThere(path: string, known: Map<string, string> | undefined): Buffer | undefined {
  try {
    const { mtimeNs, size } = statSync(path, { bigint: true })
    const state = `${mtimeNs} ${size}`
    if (known?.get(path) === state) return undefined
    known?.set(path, state)
    return readFileSync(path)
  } catch {
    return undefined
  }
}
