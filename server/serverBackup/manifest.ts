/** The list of what a backup of the server holds, which cannot be changed without the master key (SB-4, SB-5). */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { CodedError } from '../../schemas/errors.ts'
import type { KeyRing } from '../keys/keyRing.ts'

export const MANIFEST_FILE = 'manifest.json'
/** What a file beside the data may be called: no way out of the folder. */
const PATH = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*$/

const listedFile = z.object({
  /** From the folder, with `/`. */
  path: z.string().max(500).regex(PATH),
  sizeBytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const manifest = z.object({
  version: z.literal(1),
  /** The master key's id. */
  keyId: z.string(),
  /** RFC 3339. */
  createdAt: z.iso.datetime(),
  databases: z.number().int().nonnegative(),
  files: z.array(listedFile),
})

/** One file, as it was when it was copied. */
export type ListedFile = z.infer<typeof listedFile>
export type Manifest = z.infer<typeof manifest>

/** The manifest as a text with its MAC. */
export function writeManifest(content: Manifest, keyRing: KeyRing): string {
  return `${JSON.stringify({ ...content, mac: macOf(content, keyRing) }, undefined, 1)}\n`
}

/** @throws {CodedError} `storage.corrupt` if it is no manifest, or was changed. */
export function readManifest(text: string, keyRing: KeyRing): Manifest {
  const damaged = (why: string): CodedError => new CodedError('storage.corrupt', `${MANIFEST_FILE} ${why}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw damaged('is no JSON')
  }
  const { success, data } = manifest.extend({ mac: z.string() }).safeParse(parsed)
  if (!success) throw damaged('does not list files as it should')
  const { mac, ...content } = data
  const expected = Buffer.from(macOf(content, keyRing))
  const given = Buffer.from(mac)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw damaged('was changed')
  return content
}

function macOf({ version, keyId, createdAt, databases, files }: Manifest, keyRing: KeyRing): string {
  const listed = files.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256])
  const text = JSON.stringify([version, keyId, createdAt, databases, listed])
  return createHmac('sha256', keyRing.derive('server backup manifest')).update(text).digest('hex')
}
