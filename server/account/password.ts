/**
 * Passwords at rest: argon2id, 19 MiB, 2 passes (AC-1), in the PHC text form. An unknown name costs the same time.
 */

import * as crypto from 'node:crypto'
import { argon2idAsync } from '@noble/hashes/argon2.js'

const MEMORY_KIB = 19 * 1024
const PASSES = 2
const HASH_BYTES = 32
const SALT_BYTES = 16
const PREFIX = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1`

/** A password's hash with a new salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.randomBytes(SALT_BYTES)
  return `${PREFIX}$${unpadded(salt)}$${unpadded(await argon2id(password, salt))}`
}

/** Compares in constant time; with `undefined` (no such account) takes as long and answers false. */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [, , , , salt, expected] = (hash ?? '').split('$')
  const given = await argon2id(password, Buffer.from(salt ?? '0'.repeat(22), 'base64'))
  const wanted = Buffer.from(expected ?? '', 'base64')
  return wanted.length === given.length && crypto.timingSafeEqual(wanted, given)
}

/** Node 24.7 and later have argon2 built in; earlier ones compute it in JavaScript, slower and alike. */
async function argon2id(password: string, salt: Uint8Array): Promise<Uint8Array> {
  return typeof crypto.argon2 === 'function' ? nativeArgon2id(password, salt) : portableArgon2id(password, salt)
}

/** The platform's argon2id with our parameters. */
export async function nativeArgon2id(password: string, salt: Uint8Array): Promise<Uint8Array> {
  const parameters = {
    message: password,
    nonce: salt,
    parallelism: 1,
    tagLength: HASH_BYTES,
    memory: MEMORY_KIB,
    passes: PASSES,
  }
  return new Promise((resolve, reject) => {
    crypto.argon2('argon2id', parameters, (error, hash) => (error ? reject(error) : resolve(hash)))
  })
}

/** The same in JavaScript. */
export async function portableArgon2id(password: string, salt: Uint8Array): Promise<Uint8Array> {
  return argon2idAsync(password, salt, { t: PASSES, m: MEMORY_KIB, p: 1, dkLen: HASH_BYTES })
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
