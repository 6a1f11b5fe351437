/**
 * Reads an Item's content in pieces of wanted length, forward, without holding more than one piece.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { SendContent } from './sessionRequest.ts'

export class ContentReader {
  readonly #content: SendContent
  #pieces: AsyncIterator<Uint8Array> | undefined
  #rest: Uint8Array = new Uint8Array()
  #offset = 0

  constructor(content: SendContent) {
    this.#content = content
  }

  /** Octets `[offset, offset + length)`, not to be changed: they may be the content's own. Going back opens the content again. @throws `internal` if it is too short. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset !== this.#offset || this.#pieces === undefined) await this.#open(offset)
    if (this.#rest.length === 0 && length > 0) this.#rest = await this.#nextPiece(offset)
    if (this.#rest.length >= length) {
      const view = this.#rest.subarray(0, length)
      this.#rest = this.#rest.subarray(length)
      this.#offset = offset + length
      return view
    }
    const wanted = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      if (this.#rest.length === 0) this.#rest = await this.#nextPiece(offset + filled)
      const part = this.#rest.subarray(0, length - filled)
      wanted.set(part, filled)
      filled += part.length
      this.#rest = this.#rest.subarray(part.length)
    }
    this.#offset = offset + length
    return wanted
  }

  /** Lets the content go. */
  async close(): Promise<void> {
    const pieces = this.#pieces
    this.#pieces = undefined
    this.#rest = new Uint8Array()
    await pieces?.return?.()
  }

  async #open(offset: number): Promise<void> {
    await this.close()
    this.#pieces = this.#content.open(offset)[Symbol.asyncIterator]()
    this.#offset = offset
  }

  async #nextPiece(at: number): Promise<Uint8Array> {
    const next = await this.#pieces?.next()
    if (next && !next.done) return next.value
    throw new CodedError('internal', `the content ended at ${at} of ${this.#content.sizeBytes} octets`)
  }
}
