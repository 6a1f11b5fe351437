/**
 * `keyring.json` of a data folder: which master key protects it, a check value, and the older master keys that are still
 * read with, each sealed by the one of now (KY-3). Replacing this file whole is what makes a rotation true.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CodedError } from '../../schemas/errors.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'

const keyId = z.string().regex(/^mk_[0-9a-f]{16}$/)
const neverRotated = z.object({ version: z.literal(1), keyId, check: z.string() })
const rotated = neverRotated.extend({
  version: z.literal(2),
  /** Follows from the first master key; devices know the server by it. */
  serverId: z.string(),
  /** Milliseconds since 1970. */
  rotatedAt: z.number().int(),
  older: z.array(z.object({ keyId, sealed: z.string() })).max(100),
})

/** What the file says; one that was never rotated has the short form. */
export type KeyringFile = z.infer<typeof neverRotated> | z.infer<typeof rotated>

function pathOf(dataDir: string): string {
  return join(dataDir, 'keyring.json')
}

/** Undefined if there is none. @throws {CodedError} `storage.corrupt`, `storage.unavailable`. */
export function readKeyring(dataDir: string): KeyringFile | undefined {
  let text: string
  try {
    text = readFileSync(pathOf(dataDir), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new CodedError('storage.unavailable', `${pathOf(dataDir)} cannot be read`, { cause })
  }
  const parsed = z.discriminatedUnion('version', [neverRotated, rotated]).safeParse(parseJson(text))
  if (!parsed.success) throw new CodedError('storage.corrupt', `${pathOf(dataDir)} is damaged`)
  return parsed.data
}

/** Durable when it returns. @throws {CodedError} `storage.*`. */
export function writeKeyring(dataDir: string, content: KeyringFile): void {
  writeFileDurably(pathOf(dataDir), `${JSON.stringify(content)}\n`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
