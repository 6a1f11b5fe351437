/**
 * The recovery kit: the master key as 24 words of the English list of BIP 39, the last of which carry a checksum, so
 * that a word that was read wrongly is noticed (KY-9, KY-10).
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { z } from 'zod'
import { CodedError } from '../../schemas/errors.ts'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import { writeFileDurably } from '../storage/writeFileDurably.ts'
import { openFileKeyRing } from './fileKeyRing.ts'
import { keyIdOf } from './generation.ts'
import { readKeyring } from './keyringFile.ts'

const WORDS = 24

/** The words of a master key. */
export function wordsOf(masterKey: Uint8Array): readonly string[] {
  return entropyToMnemonic(masterKey, wordlist).split(' ')
}

/**
 * The master key of words as a person writes them: any case, with or without numbers, parted by whatever is no letter.
 * @throws {CodedError} `config.invalid`; no word is in the message.
 */
export function parseWords(text: string): Uint8Array {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? []
  const unknown = words.findIndex((word) => !wordlist.includes(word))
  if (words.length !== WORDS) throw wrongWords(`${words.length} words were given, not ${WORDS}`)
  if (unknown >= 0) throw wrongWords(`word ${unknown + 1} is not on the list`)
  try {
    return mnemonicToEntropy(words.join(' '), wordlist)
  } catch {
    throw wrongWords('the words do not belong together: one is wrong, or two are exchanged')
  }
}

function wrongWords(why: string): CodedError {
  return new CodedError('config.invalid', why, { next: 'Read the kit again, word by word.' })
}

/** When the kit of which key was proven. */
export interface KitProofs {
  describe(currentKeyId: string): KeyStatus['kit']
}

const proof = z.object({ version: z.literal(1), keyId: z.string(), provenAt: z.int() })

/** The proof kept in a data folder. */
export function kitProofs(dataDir: string): KitProofs {
  return {
    describe: (currentKeyId) => {
      const kept = readProof(dataDir)
      if (kept === undefined) return { state: 'never' }
      return { state: kept.keyId === currentKeyId ? 'proven' : 'stale', provenAt: kept.provenAt }
    },
  }
}

/**
 * Notes that `masterKey`, read from a kit, opens the data folder; durable when it returns.
 * @throws {CodedError} `config.invalid` if there is no server's data, `key.wrong` if it does not open them.
 */
export function proveKit(dataDir: string, masterKey: Uint8Array, now: number): { readonly keyId: string } {
  requireServer(dataDir)
  openFileKeyRing(dataDir, masterKey)
  const keyId = keyIdOf(masterKey)
  writeFileDurably(pathOf(dataDir), `${JSON.stringify({ version: 1, keyId, provenAt: now })}\n`)
  return { keyId }
}

/** @throws {CodedError} `config.invalid` if no server's data lies there. */
export function requireServer(dataDir: string): void {
  if (readKeyring(dataDir) === undefined)
    throw new CodedError('config.invalid', `${dataDir} holds no server`, { next: 'Name the right folder.' })
}

/** One that cannot be read proves nothing. */
function readProof(dataDir: string): z.infer<typeof proof> | undefined {
  try {
    return proof.parse(JSON.parse(readFileSync(pathOf(dataDir), 'utf8')))
  } catch {
    return undefined
  }
}

function pathOf(dataDir: string): string {
  return join(dataDir, 'recovery-kit.json')
}
