/**
 * An open copy of Items: statements that are prepared once, transactions that move the copy's position when Items
 * changed (BK-2, IT-1), and the account's sequence of ids.
 */

import { randomBytes } from 'node:crypto'
import { writePosition } from '../backup/copyLayout.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase, SqlStatement } from '../sql/sqlDatabase.ts'
import { forgetPast, type ItemPast, openItemPast } from './itemPast.ts'
import { checkItemTables } from './itemTables.ts'
import type { StoreName } from './stores.ts'

/** Where the copy stands after a transaction that changed Items. */
export interface ItemPosition {
  readonly number: number
  readonly token: string
}

/** How many Items a store has, and had at most. */
export interface StoreCount {
  readonly items: number
  readonly most: number
}

/** How long a job waits for another device's message, milliseconds (IT-16). */
const BUSY_TIMEOUT_MS = 30_000

/** Random octets of an id. */
const ID_RANDOM_BYTES = 4

/** Opens a copy of Items. @throws {CodedError} as `openDatabase`; `storage.corrupt` if it holds no Items. */
export function openItemFile(path: string, key: Uint8Array): ItemFile {
  const db = openDatabase(path, { cipher: { kind: 'aegis', key }, busyTimeoutMs: BUSY_TIMEOUT_MS })
  try {
    db.pragma('synchronous=FULL')
    checkItemTables(db)
    return new ItemFile(db, Buffer.from(key).toString('hex'))
  } catch (cause) {
    db.close()
    throw cause
  }
}

export class ItemFile {
  /** The key it was opened with. */
  readonly keyHex: string
  readonly #db: SqlDatabase
  readonly #statements = new Map<string, SqlStatement>()
  #number: number | undefined
  #changed = false
  #position: ItemPosition | undefined
  #sequence: number | undefined
  #pastNow: number | undefined
  #past: ItemPast | undefined
  /** For ids: the system is asked once for many. */
  #randomLeft: Buffer = Buffer.alloc(0)
  readonly #counts = new Map<number, StoreCount>()

  constructor(db: SqlDatabase, keyHex: string) {
    this.#db = db
    this.keyHex = keyHex
  }

  /** The statement of this text, prepared once. */
  sql(text: string): SqlStatement {
    const held = this.#statements.get(text)
    if (held !== undefined) return held
    const statement = this.#db.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  /** From now on older states are kept, as of `now`; or no longer. */
  keepPastSince(now: number | undefined): void {
    this.#pastNow = now
  }

  /** An Item is about to change or to go, or one of this id to come. */
  keepPast(store: StoreName, id: string): void {
    this.#past ??= this.#pastNow === undefined ? forgetPast(this.#db) : openItemPast(this.#db, this.#pastNow)
    this.#past.keep(store, id)
  }

  /** Runs `fn` in one transaction, durable when it returns; a throw undoes everything. */
  write<T>(fn: () => T): T {
    this.#number = undefined
    this.#changed = false
    this.#past = undefined
    this.#sequence = undefined
    this.#counts.clear()
    try {
      return this.#db.transaction(() => {
        const result = fn()
        if (this.#changed) this.#writePosition()
        this.#writeCounters()
        return result
      })
    } finally {
      this.#sequence = undefined
      this.#counts.clear()
    }
  }

  /** Runs `fn` on one state of the copy. */
  read<T>(fn: () => T): T {
    this.#db.exec('BEGIN')
    try {
      return fn()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  /** The account's change number: of the last committed change. */
  number(): number {
    return this.#number ?? this.#readNumber()
  }

  /** The number of the change that this transaction makes; from now on it makes one. */
  change(): number {
    if (!this.#changed) {
      this.#number = this.#readNumber() + 1
      this.#changed = true
    }
    return this.number()
  }

  /** A new id: short, because some devices keep no more, and never used before even in an older state of the copy. */
  newId(): string {
    this.#sequence ??= Number(
      this.sql("SELECT value FROM _nightferry_sync_meta WHERE key = 'sequence'").get()?.[0] ?? 0,
    )
    this.#sequence++
    if (this.#randomLeft.length === 0) this.#randomLeft = randomBytes(ID_RANDOM_BYTES * 256)
    const random = this.#randomLeft.toString('hex', 0, ID_RANDOM_BYTES)
    this.#randomLeft = this.#randomLeft.subarray(ID_RANDOM_BYTES)
    return this.#sequence.toString(36).padStart(5, '0') + random
  }

  /** How many Items a store has, and had at most. */
  count(store: number): StoreCount {
    const held = this.#counts.get(store)
    if (held !== undefined) return held
    const [items, most] =
      this.sql('SELECT items, most FROM _nightferry_sync_store WHERE store = ?').get(BigInt(store)) ?? []
    return { items: Number(items), most: Number(most) }
  }

  /** Counts Items of a store up or down; written once at the end of the transaction. */
  addToCount(store: number, difference: number): void {
    const { items, most } = this.count(store)
    this.#counts.set(store, { items: items + difference, most: Math.max(most, items + difference) })
  }

  /** Where the copy stands if transactions of this job changed Items; the next job begins with none. */
  takePosition(): ItemPosition | undefined {
    const position = this.#position
    this.#position = undefined
    return position
  }

  close(): void {
    this.#db.close()
  }

  #readNumber(): number {
    return Number(this.sql("SELECT value FROM _nightferry_copy_meta WHERE key = 'number'").get()?.[0])
  }

  #writeCounters(): void {
    if (this.#sequence !== undefined)
      this.sql("INSERT OR REPLACE INTO _nightferry_sync_meta(key, value) VALUES('sequence', ?)").run(
        BigInt(this.#sequence),
      )
    for (const [store, { items, most }] of this.#counts)
      this.sql('UPDATE _nightferry_sync_store SET items = ?, most = ? WHERE store = ?').run(
        BigInt(items),
        BigInt(most),
        BigInt(store),
      )
  }

  #writePosition(): void {
    const position = { number: this.number(), token: randomBytes(16).toString('hex') }
    writePosition(this.#db, [position])
    this.#position = position
  }
}
