/**
 * Kysely's driver over our SQLite port, with commits in groups: statements of sessions that write at the same moment
 * share one transaction and one fsync, and each resolves when that is done. What resolved is durable, as before;
 * a statement that fails fails alone. A transaction of the caller has the connection to itself.
 */

import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import type { SqlDatabase, SqlStatement, SqlValue } from '../../sql/sqlDatabase.ts'

/** A driver that owns `database`. */
export function createGroupCommitDriver(database: SqlDatabase): Driver {
  const group = new Group(database)
  return {
    init: async () => undefined,
    acquireConnection: async () => new Connection(database, group),
    releaseConnection: async () => undefined,
    beginTransaction: async (connection) => (connection as Connection).begin(),
    commitTransaction: async (connection) => (connection as Connection).end('COMMIT'),
    rollbackTransaction: async (connection) => (connection as Connection).end('ROLLBACK'),
    destroy: async () => {
      group.commit()
      database.close()
    },
  }
}

/** Milliseconds that several sessions wait for more of them; one alone waits for nobody. */
const GATHER_MS = 2

/**
 * While many write, a commit is the dearest part of their work, and none of them is alone: more milliseconds for more
 * company. That is so above this many statements in about this time; one session writes six at the most.
 */
const BUSY_GATHER_MS = 8
const BUSY_STATEMENTS = 10
const BUSY_TIME_MS = 50

/** Statements that one session writes at once. */
const ONE_SESSION = 2

interface OpenGroup {
  readonly done: Promise<void>
  statements: number
  resolve(): void
  reject(cause: unknown): void
}

/** The transaction that statements share, and the turn of those who want one of their own. */
class Group {
  static readonly #opened = new Set<Group>()

  /** A second connection of this very process would wait, blocking, for a commit that cannot come meanwhile. */
  static commitAll(): void {
    for (const group of Group.#opened) group.commit()
  }

  readonly #database: SqlDatabase
  #open: OpenGroup | undefined
  #owned: Promise<void> | undefined
  /** Statements of late: each counts for less as time goes by. */
  #recent = 0
  #recentAt = 0
  readonly #prepared = new Map<string, Prepared>()

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** While a caller's transaction is open: fulfilled when it ends. Look again before you go on. */
  get owned(): Promise<void> | undefined {
    return this.#owned
  }

  /** Takes the connection; what others wrote so far is committed. Call the result to give it back. */
  own(): () => void {
    this.commit()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#owned = promise
    return () => {
      this.#owned = undefined
      resolve()
    }
  }

  /** Runs a statement in the shared transaction; fulfilled when it is durable. */
  async write<T>(work: () => T): Promise<T> {
    // SQLite gives a whole transaction up on some errors (a full disk): those before are not to be called durable.
    if (this.#open && !this.#database.inTransaction) this.commit()
    const open = this.#open ?? this.#begin()
    const result = work()
    open.statements++
    const now = performance.now()
    this.#recent = this.#recent * Math.exp((this.#recentAt - now) / BUSY_TIME_MS) + 1
    this.#recentAt = now
    await open.done
    return result
  }

  /** The statement of a text, made once. */
  prepare(sql: string): Prepared {
    const held = this.#prepared.get(sql)
    if (held) return held
    const statement = this.#database.prepare(sql)
    const prepared = { statement, columns: statement.columns() }
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear()
    this.#prepared.set(sql, prepared)
    return prepared
  }

  commit(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    Group.#opened.delete(this)
    try {
      this.#database.exec('COMMIT')
      open.resolve()
    } catch (cause) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
      open.reject(cause)
    }
  }

  #begin(): OpenGroup {
    Group.commitAll()
    // Immediate: one that reads before it writes would fail when another process wrote in between.
    this.#database.exec('BEGIN IMMEDIATE')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // A group whose only statement failed has nobody who waits for it.
    promise.catch(() => undefined)
    const open = { done: promise, statements: 0, resolve, reject }
    this.#open = open
    Group.#opened.add(this)
    // Whatever else this turn of the event loop brings comes along; when that is much, so is what the next turns bring.
    setImmediate(() => {
      if (this.#open !== open) return
      const busy = this.#recent > BUSY_STATEMENTS
      if (open.statements <= ONE_SESSION && !busy) this.commit()
      else setTimeout(() => this.#open === open && this.commit(), busy ? BUSY_GATHER_MS : GATHER_MS)
    })
    return open
  }
}

/** Statements of the program are few; those with lists of other lengths come and go. */
const MAX_PREPARED = 200

interface Prepared {
  readonly statement: SqlStatement
  readonly columns: readonly string[]
}

class Connection implements DatabaseConnection {
  readonly #database: SqlDatabase
  readonly #group: Group
  #release: (() => void) | undefined

  constructor(database: SqlDatabase, group: Group) {
    this.#database = database
    this.#group = group
  }

  async begin(): Promise<void> {
    while (this.#group.owned) await this.#group.owned
    this.#release = this.#group.own()
    try {
      Group.commitAll()
      this.#database.exec('BEGIN IMMEDIATE')
    } catch (cause) {
      this.#giveBack()
      throw cause
    }
  }

  async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    try {
      if (this.#database.inTransaction) this.#database.exec(how)
    } finally {
      // A commit that failed is followed by a rollback.
      if (how === 'ROLLBACK' || !this.#database.inTransaction) this.#giveBack()
    }
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const owner = this.#release !== undefined
    while (!owner && this.#group.owned) await this.#group.owned
    const { statement, columns } = this.#group.prepare(sql)
    const values = parameters.map(toSql)
    const run = (): QueryResult<Row> =>
      columns.length > 0
        ? { rows: statement.all(...values).map((row) => toObject(columns, row) as Row) }
        : { numAffectedRows: BigInt(statement.run(...values)), rows: [] }
    const reads = columns.length > 0 && /^select\b/i.test(sql)
    return owner || reads ? run() : await this.#group.write(run)
  }

  // biome-ignore lint/correctness/useYield: the catalogue reads no results as streams
  async *streamQuery(): AsyncGenerator<never> {
    throw new TypeError('the catalogue does not stream')
  }

  #giveBack(): void {
    this.#release?.()
    this.#release = undefined
  }
}

function toObject(columns: readonly string[], row: readonly SqlValue[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column, index) => [column, toPlain(row[index])]))
}

function toPlain(value: SqlValue | undefined): unknown {
  if (typeof value !== 'bigint') return value ?? null
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function toSql(value: unknown): SqlValue {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`a ${typeof value} is not a value of SQL`)
}
