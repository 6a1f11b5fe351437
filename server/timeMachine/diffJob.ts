/**
 * Compares two restore points, as a job of a child process (BK-8). What one copy remembers of both is compared inside
 * it; scratch copies are made only for what cannot be (TM-21, TM-22). They are encrypted like the copies they come from.
 */

import { CodedError } from '../../schemas/errors.ts'
import type { DiffReport, ObjectChange, RowChange, TableChange } from '../../schemas/http/diff.ts'
import { MAX_DIFF_OBJECTS } from '../../schemas/limits.ts'
import { isRealTable } from '../backup/applySchema.ts'
import type { CopyPlace } from '../backup/copyKey.ts'
import { readMeta, readObjects, type SchemaObject } from '../backup/copyLayout.ts'
import { readShape } from '../backup/copyTables.ts'
import { hasPast, type PastTable, pastName, readPast, readPastTables } from '../backup/pastLayout.ts'
import { attach, openDatabase } from '../sql/betterSqlite.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { countPairs, countUnkeyed, isComparable, listPairs } from './countPairs.ts'
import { diffSchema } from './diffSchema.ts'
import { rewindInto } from './pastJobs.ts'
import { objectsAt } from './rewindCopy.ts'
import { pairAll, pairKept, type RowPairs } from './rowPairs.ts'

/** A point to compare: the copy that holds it, and which one it is. */
export interface DiffSide extends CopyPlace {
  readonly token: string
  /** Where a scratch copy of it can lie. */
  readonly scratchPath: string
}

export interface DiffInput {
  readonly from: DiffSide
  readonly to: DiffSide
  /** Its rows are listed, and no other table is looked at. */
  readonly table?: string
  readonly values: boolean
  readonly limit: number
}

export type DiffOutcome = Omit<DiffReport, 'from' | 'to'>

/** @throws {CodedError} `restore.unknown` if a copy does not know its point any more, `storage.*`. */
export async function diffJob(input: DiffInput): Promise<DiffOutcome> {
  const copy = openSide(input.from)
  try {
    copy.exec('BEGIN')
    const from = placeOf(copy, input.from)
    if (input.from.copyPath !== input.to.copyPath) return await new Comparison(copy, input).files()
    const to = placeOf(copy, input.to)
    if (from < to) return await new Comparison(copy, input).inside(from, to)
    const swapped = { ...input, from: input.to, to: input.from }
    return invert(await new Comparison(copy, swapped).inside(to, from))
  } finally {
    copy.close()
    for (const { scratchPath } of [input.from, input.to]) await removeSqliteFile(scratchPath)
  }
}

function openSide({ copyPath, copyKey }: CopyPlace): SqlDatabase {
  return openDatabase(copyPath, { cipher: cipherOf(copyKey) })
}

const cipherOf = (copyKey: string) => ({ kind: 'aegis', key: Buffer.from(copyKey, 'hex') }) as const

/** Number of a point of the copy; infinite for where it stands. @throws {CodedError} `restore.unknown`. */
function placeOf(copy: SqlDatabase, { token }: DiffSide): number {
  if (readMeta(copy).token === token) return Number.POSITIVE_INFINITY
  const state = readPast(copy).find((held) => held.token === token)
  if (state === undefined) throw new CodedError('restore.unknown', `there is no restore point ${token}`)
  return state.number
}

type Pairs = { readonly kind: 'pairs'; readonly pairs: RowPairs } | { readonly kind: 'unkeyed' }

class Comparison {
  readonly #db: SqlDatabase
  readonly #input: DiffInput
  /** Names of the files of both states, once they are needed. */
  #files: { readonly a: string; readonly b: string } | undefined

  constructor(db: SqlDatabase, input: DiffInput) {
    this.#db = db
    this.#input = input
  }

  /** Two states of one copy. */
  async inside(from: number, to: number): Promise<DiffOutcome> {
    const now = readObjects(this.#db)
    const states = readPast(this.#db)
    const at = (number: number) => (Number.isFinite(number) ? objectsAt(states, number) : undefined) ?? now
    const [was, is] = [at(from), at(to)]
    const forms = hasPast(this.#db) ? readPastTables(this.#db) : []
    const plans = new Map(
      this.#names(was, is).map((table) => [table, this.#plan(table, { was, is, now, forms, from })]),
    )
    // What is told by this transaction comes first: files are attached outside of it.
    const names = [...plans.keys()].toSorted(
      (a, b) => Number(plans.get(a) === 'compare') - Number(plans.get(b) === 'compare'),
    )
    return this.#report(was, is, names, async (table) => {
      const planned = plans.get(table) ?? 'same'
      if (planned === 'same') return undefined
      if (planned === 'compare') return this.#pairFiles(table)
      return { kind: 'pairs', pairs: pairKept(this.#db, planned, from, Number.isFinite(to) ? to : undefined) }
    })
  }

  /** Two states of different copies. */
  async files(): Promise<DiffOutcome> {
    await this.#open()
    const [was, is] = [objectsOf(this.#db, 'a'), objectsOf(this.#db, 'b')]
    return this.#report(was, is, this.#names(was, is), (table) => this.#pairFiles(table))
  }

  /** The kept rows that tell it all; or that nothing was kept; or that whole tables are to be compared. */
  #plan(table: string, { was, is, now, forms, from }: InsidePlan): PastTable | 'same' | 'compare' {
    const sql = (objects: readonly SchemaObject[]): string | null | undefined =>
      objects.find(({ type, name }) => type === 'table' && name === table)?.sql
    if (sql(was) !== sql(is) || sql(is) !== sql(now)) return 'compare'
    const own = forms.filter(({ name }) => name === table)
    const since = (select: string): boolean => this.#db.prepare(select).get(BigInt(from)) !== undefined
    if (own.some(({ id }) => since(`SELECT 1 FROM _nightferry_past_whole WHERE point >= ? AND id = ${id}`)))
      return 'compare'
    const used = own.filter(({ id }) => since(`SELECT 1 FROM ${pastName(id)} WHERE point >= ? LIMIT 1`))
    const [form, ...others] = used
    if (form === undefined) return 'same'
    const { columns } = readShape(this.#db, { schema: 'main', table })
    const fits = others.length === 0 && form.key !== 'none' && columns.join('\0') === form.columns.join('\0')
    return fits ? form : 'compare'
  }

  async #pairFiles(table: string): Promise<Pairs> {
    const pairs = pairAll(this.#db, table, await this.#open())
    return pairs === undefined ? { kind: 'unkeyed' } : { kind: 'pairs', pairs }
  }

  async #open(): Promise<{ readonly a: string; readonly b: string }> {
    if (this.#files !== undefined) return this.#files
    // Files are attached outside of a transaction; each state is what it is, whatever the copy does meanwhile.
    this.#db.exec('COMMIT')
    for (const [name, side] of [
      ['a', this.#input.from],
      ['b', this.#input.to],
    ] as const) {
      const copy = openSide(side)
      const place = placeOf(copy, side)
      copy.close()
      if (Number.isFinite(place)) await rewindInto(side, side.token, side.scratchPath)
      attach(this.#db, Number.isFinite(place) ? side.scratchPath : side.copyPath, name, cipherOf(side.copyKey))
    }
    this.#db.exec('BEGIN')
    for (const [name, { token }] of [
      ['a', this.#input.from],
      ['b', this.#input.to],
    ] as const)
      if (this.#tokenOf(name) !== token)
        throw new CodedError('session.busy', 'the copy was written while it was looked into', { next: 'Try it again.' })
    this.#files = { a: 'a', b: 'b' }
    return this.#files
  }

  #tokenOf(file: string): string {
    const row = this.#db.prepare(`SELECT value FROM ${file}._nightferry_copy_meta WHERE key = 'token'`).get()
    return String(row?.[0])
  }

  /** Tables to look at. @throws {CodedError} `database.unknown` if there is none of the name that was given. */
  #names(was: readonly SchemaObject[], is: readonly SchemaObject[]): readonly string[] {
    const { table } = this.#input
    const names = new Set([...was, ...is].filter(isRealTable).map(({ name }) => name))
    if (table === undefined) return [...names]
    if (names.has(table)) return [table]
    throw new CodedError('database.unknown', `neither point has a table ${table}`, {
      next: 'Leave --table away to see which tables differ.',
    })
  }

  async #report(
    was: readonly SchemaObject[],
    is: readonly SchemaObject[],
    names: readonly string[],
    pairsOf: (table: string) => Promise<Pairs | undefined>,
  ): Promise<DiffOutcome> {
    const { table, limit, values } = this.#input
    const tables: TableChange[] = []
    let rows: RowChange[] = []
    for (const name of names) {
      const found = await pairsOf(name)
      if (found === undefined) continue
      const change = this.#count(name, found)
      if (change.added + change.changed + change.removed > 0 || change.note !== undefined) tables.push(change)
      if (table !== undefined && found.kind === 'pairs' && change.note === undefined)
        rows = listPairs(this.#db, found.pairs, { limit, values })
    }
    const schema: ObjectChange[] = diffSchema(was, is)
    const total = tables.reduce((sum, { added, changed, removed }) => sum + added + changed + removed, 0)
    return {
      schema: schema.slice(0, MAX_DIFF_OBJECTS),
      moreObjects: Math.max(0, schema.length - MAX_DIFF_OBJECTS),
      tables: tables.toSorted((a, b) => (a.table < b.table ? -1 : 1)),
      ...(table !== undefined && { rows, moreRows: total - rows.length }),
    }
  }

  #count(table: string, found: Pairs): TableChange {
    if (found.kind === 'unkeyed') {
      const counts = countUnkeyed(this.#db, table, this.#files ?? { a: 'a', b: 'b' })
      const differ = counts.added + counts.removed > 0
      return { table, ...counts, ...(differ && { note: 'rows have no lasting key: a changed one counts as two' }) }
    }
    if (!isComparable(found.pairs))
      return { table, added: 0, changed: 0, removed: 0, note: 'too many columns to compare its rows' }
    return { table, ...countPairs(this.#db, found.pairs) }
  }
}

interface InsidePlan {
  readonly was: readonly SchemaObject[]
  readonly is: readonly SchemaObject[]
  readonly now: readonly SchemaObject[]
  readonly forms: readonly PastTable[]
  readonly from: number
}

function objectsOf(db: SqlDatabase, schema: string): readonly SchemaObject[] {
  return db
    .prepare(`SELECT type, name, table_name, sql FROM ${schema}._nightferry_copy_object ORDER BY position`)
    .all()
    .map(([type, name, tableName, sql]) => ({
      ...{ type: String(type), name: String(name), tableName: String(tableName) },
      sql: typeof sql === 'string' ? sql : null,
    }))
}

/** What was asked for the other way round. */
function invert({ schema, tables, rows, ...rest }: DiffOutcome): DiffOutcome {
  const turn = { added: 'removed', changed: 'changed', removed: 'added' } as const
  const turned = <T extends { readonly change: keyof typeof turn; was?: unknown; is?: unknown }>(held: T): T => {
    const { was, is, ...others } = held
    return {
      ...others,
      change: turn[held.change],
      ...(is !== undefined && { was: is }),
      ...(was !== undefined && { is: was }),
    } as T
  }
  return {
    ...rest,
    schema: schema.map(turned),
    tables: tables.map(({ added, removed, ...others }) => ({ ...others, added: removed, removed: added })),
    ...(rows !== undefined && { rows: rows.map(turned) }),
  }
}
