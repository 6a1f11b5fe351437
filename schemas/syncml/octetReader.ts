/**
 * A cursor over WBXML octets. Each length is checked against what is left before anything is read,
 * so that a lying one is an error and never a read beyond the input. Rule WF-3.
 */

import { malformed } from './malformed.ts'

/** Reads forward; every method throws {CodedError} `protocol.malformed` at the end of the input. */
export class OctetReader {
  readonly #octets: Uint8Array
  #at = 0

  constructor(octets: Uint8Array) {
    this.#octets = octets
  }

  get atEnd(): boolean {
    return this.#at >= this.#octets.length
  }

  /** Octets not read yet. */
  get left(): number {
    return this.#octets.length - this.#at
  }

  /** The next octet. */
  octet(): number {
    const octet = this.#octets[this.#at]
    if (octet === undefined) throw malformed('the WBXML document ends too early')
    this.#at++
    return octet
  }

  /** The next octet, which stays. */
  peek(): number | undefined {
    return this.#octets[this.#at]
  }

  /** An mb_u_int32: at most five octets, at most 32 bits (WBXML section 5.1). */
  multiByte(): number {
    let value = 0
    for (let count = 0; count < 5; count++) {
      const octet = this.octet()
      value = value * 128 + (octet & 0x7f)
      if (value > 0xffff_ffff) break
      if (octet < 0x80) return value
    }
    throw malformed('a multi-byte integer exceeds 32 bits')
  }

  /** `length` octets as a view of the input, not a copy. */
  take(length: number): Uint8Array {
    if (length > this.#octets.length - this.#at) {
      throw malformed(`${length} octets announced, ${this.#octets.length - this.#at} left`)
    }
    const taken = this.#octets.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }

  /** The octets before the next NUL, which is taken too. */
  untilNul(): Uint8Array {
    const end = this.#octets.indexOf(0, this.#at)
    if (end < 0) throw malformed('an inline string is not terminated')
    const taken = this.#octets.subarray(this.#at, end)
    this.#at = end + 1
    return taken
  }
}
