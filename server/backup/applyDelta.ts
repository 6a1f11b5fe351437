/**
 * Applies a Delta to a device copy: schema, then per table the touched keys leave, then the rows enter, then the
 * position moves, all in one transaction. Whole or not at all; a Delta that came before, or that overlaps what the
 * copy already holds, does no harm. Rules BK-3, BK-4, BK-11, BK-12.
 */

import type { DeltaCounts, DeltaEvent, DeltaHead, DeltaTable } from '../../schemas/delta/delta.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { applySchema } from './applySchema.ts'
import {
  type CopyMeta,
  type DatabaseHeader,
  readMeta,
  readPassedToken,
  writeMeta,
  writePosition,
} from './copyLayout.ts'
import { type EmptiedTable, formatGuardMark, type GuardMark, readGuardMark } from './guardMark.ts'
import { keepPast, type PastKeeper, type PastTime } from './keepPast.ts'
import { dropPast, isTokenTaken } from './pastLayout.ts'
import { placeDelta } from './placeDelta.ts'
import { translateApplyError } from './sqliteCause.ts'
import { openTable, type TableWriter } from './tableWriter.ts'

/** What became of a Delta that was not refused. */
export interface ApplyOutcome {
  readonly outcome: 'applied' | 'duplicate'
  /** Number the copy stands at now. */
  readonly number: number
  readonly token: string
  readonly counts: DeltaCounts
  /** Tables of over 100 rows that lost more than half of them; the owner and the operator shall see it. */
  readonly emptied: readonly EmptiedTable[]
  /** What the copy notes of the last Delta that did so: this one, or one before (TM-18). */
  readonly guarded?: GuardMark
}

/** What becomes of the state that a Delta leaves: it is kept inside the copy, or all older states are forgotten there. */
export type PastOrder = { readonly kind: 'keep'; readonly time: PastTime } | { readonly kind: 'forget' }

/**
 * Applies the Delta that `events` spell to `copy`. Steps are reported to `onStep`, for tests that kill the process.
 *
 * @throws {CodedError} `anchor.mismatch`, `delta.gap`, `delta.conflict`, `delta.unsupported` (508: the whole file is
 *   needed), `delta.invalid`, `storage.full`, `storage.corrupt`. The copy is then as it was.
 * @throws {NeedsSnapshotError} if `past` is to be kept and cannot; likewise.
 */
export async function applyDelta(
  copy: SqlDatabase,
  events: AsyncIterable<readonly DeltaEvent[]> | Iterable<readonly DeltaEvent[]>,
  onStep: (step: 'begin' | 'schema' | 'rows' | 'position' | 'commit') => void = () => {},
  past: PastOrder = { kind: 'forget' },
): Promise<ApplyOutcome> {
  const application = new Application(copy, () => onStep('schema'), past)
  onStep('begin')
  copy.exec('BEGIN IMMEDIATE')
  try {
    for await (const batch of events) {
      for (const event of batch) if (application.take(event) === 'duplicate') return endDuplicate(copy)
    }
    onStep('rows')
    const outcome = application.finish()
    onStep('position')
    copy.exec('COMMIT')
    onStep('commit')
    return outcome
  } catch (cause) {
    if (copy.inTransaction) copy.exec('ROLLBACK')
    throw translateApplyError(cause)
  }
}

function endDuplicate(copy: SqlDatabase): ApplyOutcome {
  const meta = readMeta(copy)
  copy.exec('ROLLBACK')
  const counts = { puts: 0, deletes: 0, schemaChanges: 0 }
  return { outcome: 'duplicate', number: meta.number, token: meta.token, counts, emptied: [], ...guardOf(meta) }
}

function guardOf(meta: Pick<CopyMeta, 'guarded'>): Pick<ApplyOutcome, 'guarded'> {
  const guarded = readGuardMark(meta)
  return guarded === undefined ? {} : { guarded }
}

class Application {
  readonly #copy: SqlDatabase
  readonly #onSchema: () => void
  readonly #order: PastOrder
  #past: PastKeeper | undefined
  readonly #emptied: EmptiedTable[] = []
  #head: DeltaHead | undefined
  #held: CopyMeta | undefined
  #table: TableWriter | undefined
  #counts: DeltaCounts | undefined

  constructor(copy: SqlDatabase, onSchema: () => void, order: PastOrder) {
    this.#copy = copy
    this.#onSchema = onSchema
    this.#order = order
  }

  take(event: DeltaEvent): 'duplicate' | undefined {
    if (event.kind === 'head') return this.#takeHead(event.head)
    if (event.kind === 'schema') this.#applySchema(event.objects)
    else if (event.kind === 'table') this.#openTable(event.table)
    else if (event.kind === 'touched') this.#writer().remove(event.key)
    else if (event.kind === 'put') this.#writer().insert(event.row)
    else {
      this.#closeTable()
      this.#counts = event.counts
    }
    return undefined
  }

  finish(): ApplyOutcome {
    const [head, held, counts] = [this.#head, this.#held, this.#counts]
    const last = head?.positions[head.positions.length - 1]
    if (!head || !held || !counts || !last) throw new CodedError('delta.invalid', 'the Delta is not complete')
    const emptied = this.#emptied
    const guarded = emptied.length > 0 ? formatGuardMark(held, emptied) : undefined
    writeMeta(this.#copy, { ...changesOf(held, head.database), ...(guarded !== undefined && { guarded }) })
    writePosition(
      this.#copy,
      head.positions.filter((position) => position.number > held.number),
    )
    const guard = guardOf(guarded === undefined ? held : { guarded })
    return { outcome: 'applied', number: last.number, token: last.token, counts, emptied, ...guard }
  }

  #takeHead(head: DeltaHead): 'duplicate' | undefined {
    const held = readMeta(this.#copy)
    this.#head = head
    this.#held = held
    const history = { get: (number: number) => readPassedToken(this.#copy, number) }
    if (placeDelta({ ...held, history }, head) === 'duplicate') return 'duplicate'
    // Names of states are random: whoever gives one twice wants the older state out of sight.
    if (isTokenTaken(this.#copy, head.positions.at(-1)?.token ?? ''))
      throw new CodedError('delta.invalid', 'the position the Delta ends at has the name of an older state')
    const order = this.#order
    if (order.kind === 'keep') this.#past = keepPast(this.#copy, held, order.time)
    // What is not kept from now on could not be undone: going back further would give states that never were.
    else dropPast(this.#copy)
    const { encoding } = held
    if (encoding !== head.database.encoding) {
      throw new CodedError('delta.conflict', `the copy is ${encoding}, the database ${head.database.encoding}`)
    }
    return undefined
  }

  #applySchema(objects: Extract<DeltaEvent, { kind: 'schema' }>['objects']): void {
    this.#past?.schema(objects)
    applySchema(this.#copy, objects)
    this.#onSchema()
  }

  #openTable(table: DeltaTable): void {
    this.#closeTable()
    this.#table = openTable(this.#copy, table, this.#past)
  }

  #closeTable(): void {
    const removed = this.#table?.emptied()
    if (this.#table && removed) this.#emptied.push({ table: this.#table.name, removed })
    this.#table = undefined
  }

  #writer(): TableWriter {
    if (!this.#table) throw new CodedError('delta.invalid', 'a row outside of a table')
    return this.#table
  }
}

/** What the database says of itself otherwise than the copy has it: usually nothing. */
function changesOf(held: CopyMeta, { encoding: _, ...said }: DatabaseHeader): Partial<CopyMeta> {
  const names = Object.keys(said) as (keyof typeof said)[]
  return Object.fromEntries(names.filter((name) => said[name] !== held[name]).map((name) => [name, said[name]]))
}
