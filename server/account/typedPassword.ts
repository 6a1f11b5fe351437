/** Passwords that people type on small keyboards. */

import { randomBytes } from 'node:crypto'

const LENGTH = 20
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'

/** A new password: 100 bits in lower-case letters and digits, without those that look alike. */
export function typedPassword(): string {
  return Array.from(randomBytes(LENGTH), (octet) => LETTERS[octet % LETTERS.length]).join('')
}
