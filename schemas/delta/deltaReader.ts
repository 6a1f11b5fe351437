/**
 * Reads a Delta from octets in any chunking. Strict: unknown elements, fields, counts that do not match,
 * text in wrong places and anything after the end are errors. Memory follows the largest block of lines.
 * Rules WF-10 to WF-14.
 */

import { SaxesParser } from 'saxes'
import { CodedError } from '../errors.ts'
import { MAX_DELTA_BLANK_CHARS, MAX_DELTA_LINE_CHARS } from '../limits.ts'
import { utf8Stream } from '../utf8.ts'
import { DELTA_VERSION } from '../version.ts'
import type { DeltaEvent } from './delta.ts'
import { DeltaSections } from './deltaSections.ts'

const NAMESPACE = 'urn:nightferry:delta'

export class DeltaReader {
  readonly #parser = new SaxesParser({ xmlns: false, fragment: false })
  readonly #decoder = utf8Stream()
  readonly #sections = new DeltaSections()
  #depth = 0
  #inside = false
  #pendingText = ''
  #pendingChars = 0

  constructor() {
    this.#parser.on('error', (cause) => this.#fail('the XML is not well formed', cause))
    this.#parser.on('doctype', () => this.#fail('a document type is not allowed'))
    this.#parser.on('processinginstruction', () => this.#fail('a processing instruction is not allowed'))
    this.#parser.on('cdata', () => this.#fail('a CDATA section is not allowed'))
    this.#parser.on('comment', () => this.#fail('a comment is not allowed'))
    this.#parser.on('opentag', (tag) => this.#openTag(tag.name, tag.attributes as Record<string, string>))
    this.#parser.on('closetag', () => this.#closeTag())
    this.#parser.on('text', (text) => this.#text(text))
  }

  /**
   * Takes the next octets and returns what they complete.
   * @throws {CodedError} `delta.invalid`, `protocol.too-large`, `protocol.unsupported-version`.
   */
  push(bytes: Uint8Array): DeltaEvent[] {
    let text: string
    try {
      text = this.#decoder.push(bytes)
    } catch (cause) {
      throw new CodedError('delta.invalid', 'the Delta is not UTF-8', { cause })
    }
    // saxes keeps an unfinished text node; a block that never ends must not fill the memory.
    this.#pendingChars += text.length
    if (this.#pendingChars > MAX_DELTA_LINE_CHARS) {
      throw new CodedError('protocol.too-large', 'a block of the Delta exceeds the limit')
    }
    this.#parser.write(text)
    if (!this.#inside && this.#pendingChars > MAX_DELTA_BLANK_CHARS) this.#fail('text outside of a section')
    return this.#sections.take()
  }

  /** Call at the end of the octets. @throws {CodedError} `delta.invalid` if the document is not complete. */
  close(): DeltaEvent[] {
    try {
      this.#decoder.end()
    } catch (cause) {
      throw new CodedError('delta.invalid', 'the Delta is not UTF-8', { cause })
    }
    this.#parser.close()
    if (!this.#sections.ended || this.#depth !== 0) this.#fail('the Delta is not complete')
    return this.#sections.take()
  }

  #openTag(name: string, attributes: Record<string, string>): void {
    this.#pendingChars = 0
    this.#depth++
    if (this.#depth === 1) {
      this.#openRoot(name, attributes)
      return
    }
    if (this.#depth > 2 || Object.keys(attributes).length > 0) this.#fail(`element ${name.slice(0, 40)} is not allowed`)
    this.#sections.open(name)
    this.#inside = true
    this.#pendingText = ''
  }

  #openRoot(name: string, attributes: Record<string, string>): void {
    if (name !== 'delta' || attributes.xmlns !== NAMESPACE) this.#fail('the document is not a Delta')
    if (attributes.version !== String(DELTA_VERSION)) {
      throw new CodedError('protocol.unsupported-version', `Delta version ${attributes.version?.slice(0, 20)}`)
    }
  }

  #closeTag(): void {
    this.#pendingChars = 0
    this.#depth--
    if (!this.#inside) return
    this.#inside = false
    const text = this.#pendingText
    this.#pendingText = ''
    this.#sections.close(text)
  }

  #text(text: string): void {
    if (this.#inside) this.#pendingText += text
    else if (text.trim() !== '') this.#fail('text outside of a section')
  }

  #fail(message: string, cause?: unknown): never {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('delta.invalid', message, { cause })
  }
}
