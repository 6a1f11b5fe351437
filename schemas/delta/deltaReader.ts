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
import { type DeltaEvent, type DeltaTable, keyWidth, rowWidth } from './delta.ts'
import { parseLine } from './line.ts'
import { readCounts, readHead, readSchemaEntry, readTable } from './records.ts'
import { decodeCell } from './value.ts'

const NAMESPACE = 'urn:nightferry:delta'
const SECTIONS = ['head', 'schema', 'table', 'touched', 'put', 'end'] as const
type Section = (typeof SECTIONS)[number]

/** Which section may follow which. */
const FOLLOWS: Readonly<Record<Section, readonly (Section | 'start')[]>> = {
  head: ['start'],
  schema: ['head'],
  table: ['head', 'schema', 'table', 'touched', 'put'],
  touched: ['table', 'touched'],
  put: ['table', 'touched', 'put'],
  end: ['head', 'schema', 'table', 'touched', 'put'],
}

export class DeltaReader {
  readonly #parser = new SaxesParser({ xmlns: false, fragment: false })
  readonly #decoder = utf8Stream()
  #events: DeltaEvent[] = []
  #depth = 0
  #section: Section | 'start' = 'start'
  #inside = false
  #pendingText = ''
  #table: DeltaTable | undefined
  #puts = 0
  #deletes = 0
  #touchedOfTable = 0
  #putsOfTable = 0
  #schemaSeen = false

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
    return this.#take()
  }

  /** Call at the end of the octets. @throws {CodedError} `delta.invalid` if the document is not complete. */
  close(): DeltaEvent[] {
    try {
      this.#decoder.end()
    } catch (cause) {
      throw new CodedError('delta.invalid', 'the Delta is not UTF-8', { cause })
    }
    this.#parser.close()
    if (this.#section !== 'end' || this.#depth !== 0) this.#fail('the Delta is not complete')
    return this.#take()
  }

  #pendingChars = 0

  #take(): DeltaEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  #openTag(name: string, attributes: Record<string, string>): void {
    this.#pendingChars = 0
    this.#depth++
    if (this.#depth === 1) {
      this.#openRoot(name, attributes)
      return
    }
    if (this.#depth > 2 || Object.keys(attributes).length > 0) this.#fail(`element ${name.slice(0, 40)} is not allowed`)
    const section = SECTIONS.find((known) => known === name)
    if (!section || !FOLLOWS[section].includes(this.#section)) this.#fail(`element ${name.slice(0, 40)} is not allowed`)
    if (section === 'table' || section === 'end') this.#leaveTable()
    this.#section = section
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
    const lines = this.#pendingText.split('\n').filter((line) => line !== '')
    this.#pendingText = ''
    this.#readSection(lines)
  }

  #text(text: string): void {
    if (this.#inside) this.#pendingText += text
    else if (text.trim() !== '') this.#fail('text outside of a section')
  }

  #readSection(lines: readonly string[]): void {
    const section = this.#section
    if (section === 'put' || section === 'touched') {
      for (const line of lines) this.#readRow(section, parseLine(line))
      return
    }
    if (section === 'schema') {
      const objects = lines.map((line) => readSchemaEntry(parseLine(line)))
      this.#schemaSeen = true
      this.#events.push({ kind: 'schema', objects })
      return
    }
    const [line, ...rest] = lines
    if (line === undefined || rest.length > 0) this.#fail(`${section} must hold one value`)
    const json = parseLine(line)
    if (section === 'head') this.#events.push({ kind: 'head', head: readHead(json) })
    if (section === 'table') {
      this.#table = readTable(json)
      this.#events.push({ kind: 'table', table: this.#table })
    }
    if (section === 'end') this.#readEnd(json)
  }

  #readRow(kind: 'put' | 'touched', json: unknown): void {
    const table = this.#table
    if (!table) this.#fail('a row outside of a table')
    if (kind === 'put') {
      if (!Array.isArray(json) || json.length !== rowWidth(table)) this.#fail('a row has the wrong length')
      this.#putsOfTable++
      this.#events.push({ kind, row: json.map(decodeCell) })
      return
    }
    const key = table.key === 'rowid' ? [json] : json
    if (table.key === 'none' || !Array.isArray(key) || key.length !== keyWidth(table)) {
      this.#fail('a key has the wrong form')
    }
    this.#touchedOfTable++
    this.#events.push({ kind, key: key.map(decodeCell) })
  }

  #leaveTable(): void {
    const table = this.#table
    if (table) {
      const gone = table.clear ? 0 : this.#touchedOfTable - this.#putsOfTable
      if (gone < 0 || (table.clear && this.#touchedOfTable > 0)) this.#fail(`keys of ${table.name} do not fit its rows`)
      this.#puts += this.#putsOfTable
      this.#deletes += gone
    }
    this.#touchedOfTable = 0
    this.#putsOfTable = 0
    this.#table = undefined
  }

  #readEnd(json: unknown): void {
    const counts = readCounts(json)
    if (counts.puts !== this.#puts || counts.deletes !== this.#deletes) this.#fail('counts do not match')
    if (counts.schemaChanges > 0 !== this.#schemaSeen) this.#fail('schema changes without a schema')
    this.#events.push({ kind: 'end', counts })
  }

  #fail(message: string, cause?: unknown): never {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('delta.invalid', message, { cause })
  }
}
