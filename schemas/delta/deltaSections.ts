/**
 * The sections of a Delta, however they were found in its octets: their order, their lines, and the counts that must
 * match. Rules WF-12 to WF-14.
 */

import { CodedError } from '../errors.ts'
import { type DeltaEvent, type DeltaTable, keyWidth, rowWidth } from './delta.ts'
import { parseLine } from './line.ts'
import { readCounts, readHead, readSchemaEntry, readTable } from './records.ts'
import { decodeCell } from './value.ts'

/** The elements of a Delta. */
export const SECTIONS = ['head', 'schema', 'table', 'touched', 'put', 'end'] as const
export type Section = (typeof SECTIONS)[number]

/** Which sections each may follow. */
export const FOLLOWS: Readonly<Record<Section, readonly (Section | 'start')[]>> = {
  head: ['start'],
  schema: ['head'],
  table: ['head', 'schema', 'table', 'touched', 'put'],
  touched: ['table', 'touched'],
  put: ['table', 'touched', 'put'],
  end: ['head', 'schema', 'table', 'touched', 'put'],
}

/** Takes one section after the other and keeps the events they spell until they are asked for. */
export class DeltaSections {
  #events: DeltaEvent[] = []
  #section: Section | 'start' = 'start'
  #table: DeltaTable | undefined
  #puts = 0
  #deletes = 0
  #touchedOfTable = 0
  #putsOfTable = 0
  #schemaSeen = false

  /** True if nothing may follow any more. */
  get ended(): boolean {
    return this.#section === 'end'
  }

  /** A section begins. @throws {CodedError} `delta.invalid` if there is none of that name, or not here. */
  open(name: string): void {
    const section = SECTIONS.find((known) => known === name)
    if (!section || !FOLLOWS[section].includes(this.#section)) fail(`element ${name.slice(0, 40)} is not allowed`)
    if (section === 'table' || section === 'end') this.#leaveTable()
    this.#section = section
  }

  /** It ends; `text` is all that stood in it. @throws {CodedError} `delta.invalid`. */
  close(text: string): void {
    this.#readSection(text.split('\n').filter((line) => line !== ''))
  }

  /** The events since the last call. */
  take(): DeltaEvent[] {
    const events = this.#events
    this.#events = []
    return events
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
    if (line === undefined || rest.length > 0) fail(`${section} must hold one value`)
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
    if (!table) fail('a row outside of a table')
    if (kind === 'put') {
      if (!Array.isArray(json) || json.length !== rowWidth(table)) fail('a row has the wrong length')
      this.#putsOfTable++
      this.#events.push({ kind, row: json.map(decodeCell) })
      return
    }
    const key = table.key === 'rowid' ? [json] : json
    if (table.key === 'none' || !Array.isArray(key) || key.length !== keyWidth(table)) {
      fail('a key has the wrong form')
    }
    this.#touchedOfTable++
    this.#events.push({ kind, key: key.map(decodeCell) })
  }

  #leaveTable(): void {
    const table = this.#table
    if (table) {
      const gone = table.clear ? 0 : this.#touchedOfTable - this.#putsOfTable
      if (gone < 0 || (table.clear && this.#touchedOfTable > 0)) fail(`keys of ${table.name} do not fit its rows`)
      this.#puts += this.#putsOfTable
      this.#deletes += gone
    }
    this.#touchedOfTable = 0
    this.#putsOfTable = 0
    this.#table = undefined
  }

  #readEnd(json: unknown): void {
    const counts = readCounts(json)
    if (counts.puts !== this.#puts || counts.deletes !== this.#deletes) fail('counts do not match')
    if (counts.schemaChanges > 0 !== this.#schemaSeen) fail('schema changes without a schema')
    this.#events.push({ kind: 'end', counts })
  }
}

function fail(message: string): never {
  throw new CodedError('delta.invalid', message)
}
