/** Seeded randomness of the workloads: 32-bit integer arithmetic only (sfc32), so every machine draws the same. */

import { Buffer } from 'node:buffer'

/** FNV-1a with a finishing mix. */
function hashText(text: string): number {
  let hash = 2166136261 >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0
  hash ^= hash >>> 16
  hash = Math.imul(hash, 2246822507) >>> 0
  hash ^= hash >>> 13
  hash = Math.imul(hash, 3266489909) >>> 0
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Words that are drawn before the first number is used, so that similar seeds part. */
const WARM_UP = 15

/** One stream of draws. */
export class Draws {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    this.#a = hashText(`${seed}:a`)
    this.#b = hashText(`${seed}:b`)
    this.#c = hashText(`${seed}:c`)
    for (let i = 0; i < WARM_UP; i++) this.word()
  }

  /** 32 random bits. */
  word(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** At least 0, less than 1. */
  fraction(): number {
    return this.word() / 2 ** 32
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  octets(length: number): Buffer {
    const bytes = Buffer.alloc(Math.ceil(length / 4) * 4)
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(this.word(), i)
    return bytes.subarray(0, length)
  }

  /** A version 4 UUID. */
  uuid(): string {
    const bytes = this.octets(16)
    bytes.writeUInt8((bytes.readUInt8(6) & 15) | 64, 6)
    bytes.writeUInt8((bytes.readUInt8(8) & 63) | 128, 8)
    const hex = bytes.toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }
}
