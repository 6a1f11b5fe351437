/**
 * Writes a Delta piece by piece. Mirror of `deltaReader.ts`: a state machine that refuses calls out of order,
 * so whatever it wrote can be read. Returned strings joined are the document. Rules WF-10 to WF-14.
 */

import { DELTA_VERSION } from '../version.ts'
import type { DeltaCounts, DeltaHead, DeltaTable, SchemaEntry } from './delta.ts'
import { keyWidth, rowWidth } from './delta.ts'
import { FOLLOWS, type Section } from './deltaSections.ts'
import { formatLine } from './line.ts'
import { type Cell, encodeCell } from './value.ts'

/** Characters after which a block of lines is closed and another opened: readers hold one block at a time. */
const BLOCK_CHARS = 128 * 1024

export class DeltaWriter {
  #section: Section | 'start' = 'start'
  #open: 'touched' | 'put' | undefined
  #blockChars = 0
  #table: DeltaTable | undefined
  #puts = 0
  #touchedOfTable = 0
  #putsOfTable = 0
  #deletes = 0
  #schemaChanges = 0

  head(head: DeltaHead): string {
    this.#enter('head')
    const record = { ...head, positions: head.positions.map((position) => [position.number, position.token]) }
    return `<?xml version="1.0" encoding="UTF-8"?>\n<delta xmlns="urn:nightferry:delta" version="${DELTA_VERSION}">\n<head>${formatLine(record).trimEnd()}</head>\n`
  }

  /** The whole `sqlite_schema`; `changes` says how many objects differ from what the server has. */
  schema(objects: readonly SchemaEntry[], changes: number): string {
    this.#enter('schema')
    this.#schemaChanges = changes
    return `<schema>\n${objects.map((object) => formatLine(object)).join('')}</schema>\n`
  }

  table(table: DeltaTable): string {
    const closing = this.#leaveTable()
    this.#enter('table')
    this.#table = table
    return `${closing}<table>${formatLine(table).trimEnd()}</table>\n`
  }

  /** A key that is gone, or that a later `put` of this table fills again. */
  touched(key: readonly Cell[]): string {
    this.#enter('touched')
    const table = this.#currentTable()
    if (key.length !== keyWidth(table) || table.key === 'none') throw new Error('key does not fit the table')
    this.#touchedOfTable++
    const json = table.key === 'rowid' ? encodeCell(key[0] ?? null) : key.map(encodeCell)
    return this.#line('touched', formatLine(json))
  }

  put(row: readonly Cell[]): string {
    this.#enter('put')
    if (row.length !== rowWidth(this.#currentTable())) throw new Error('row does not fit the table')
    this.#puts++
    this.#putsOfTable++
    return this.#line('put', formatLine(row.map(encodeCell)))
  }

  end(): string {
    const closing = this.#leaveTable()
    this.#enter('end')
    return `${closing}<end>${formatLine(this.counts()).trimEnd()}</end>\n</delta>\n`
  }

  /** Rows put, keys gone, schema objects changed so far; final after `end`. */
  counts(): DeltaCounts {
    return { puts: this.#puts, deletes: this.#deletes, schemaChanges: this.#schemaChanges }
  }

  #enter(next: Section): void {
    if (!FOLLOWS[next].includes(this.#section)) throw new Error(`${next} cannot follow ${this.#section}`)
    this.#section = next
  }

  #currentTable(): DeltaTable {
    if (!this.#table) throw new Error('no table is open')
    return this.#table
  }

  #line(kind: 'touched' | 'put', line: string): string {
    let text = ''
    if (this.#open !== kind || this.#blockChars > BLOCK_CHARS) {
      text = `${this.#close()}<${kind}>\n`
      this.#open = kind
    }
    this.#blockChars += line.length
    return text + line
  }

  #close(): string {
    const text = this.#open ? `</${this.#open}>\n` : ''
    this.#open = undefined
    this.#blockChars = 0
    return text
  }

  #leaveTable(): string {
    // Keys of rows that enter again were touched too, so what is left of them is gone for good.
    if (this.#table && !this.#table.clear) this.#deletes += this.#touchedOfTable - this.#putsOfTable
    this.#touchedOfTable = 0
    this.#putsOfTable = 0
    this.#table = undefined
    return this.#close()
  }
}
