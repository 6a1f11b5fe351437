/** Statements that differ only in which parameters are TEXT given as octets (WF-12). */

import type { SqlStatement } from '../sql/sqlDatabase.ts'

export class StatementsByMask {
  readonly #prepare: (mask: readonly boolean[]) => SqlStatement
  readonly #statements = new Map<string, SqlStatement>()

  constructor(prepare: (mask: readonly boolean[]) => SqlStatement) {
    this.#prepare = prepare
  }

  /** The statement for cells of this mask (`textBytesOf`), prepared once. */
  for(mask: readonly boolean[]): SqlStatement {
    const key = mask.some(Boolean) ? mask.map(Number).join('') : ''
    const known = this.#statements.get(key)
    if (known) return known
    const statement = this.#prepare(mask)
    this.#statements.set(key, statement)
    return statement
  }
}
