/** Octets of a WBXML document as they grow, or only their number. */

import { encodeUtf8, utf8Length } from '../utf8.ts'

/** Where the WBXML writer puts its octets. */
export interface OctetSink {
  octet(octet: number): void
  octets(octets: Uint8Array): void
  text(text: string): void
}

/** Collects octets; the buffer doubles, so that writing stays linear. */
export class OctetWriter implements OctetSink {
  #buffer = new Uint8Array(1024)
  #length = 0

  octet(octet: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = octet
  }

  octets(octets: Uint8Array): void {
    this.#reserve(octets.length)
    this.#buffer.set(octets, this.#length)
    this.#length += octets.length
  }

  text(text: string): void {
    this.octets(encodeUtf8(text))
  }

  /** What was written so far, as a view. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more + 1024))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Counts octets without keeping them. */
export class OctetCounter implements OctetSink {
  length = 0

  octet(): void {
    this.length += 1
  }

  octets(octets: Uint8Array): void {
    this.length += octets.length
  }

  text(text: string): void {
    this.length += utf8Length(text)
  }
}

/** Writes an mb_u_int32 (WBXML section 5.1). */
export function writeMultiByte(sink: OctetSink, value: number): void {
  const groups = [value & 0x7f]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift((rest & 0x7f) | 0x80)
  for (const group of groups) sink.octet(group)
}
