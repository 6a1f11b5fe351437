/**
 * Queries that every message asks: building and compiling one costs more than SQLite needs to answer it, so that is done
 * once, with places where the values go.
 */

import type { Compilable, CompiledQuery, QueryResult } from 'kysely'
import type { CatalogueDb } from './openCatalogue.ts'

/** Stands for a value of that name until there is one. */
class Place {
  readonly name: PropertyKey
  constructor(name: PropertyKey) {
    this.name = name
  }
}

/**
 * The query that `build` makes of named values, as a function of them. `build` is called once, with something in place of
 * each value: it may put them anywhere a value of SQL stands, and must not look at them.
 */
export function compileOnce<Values extends object, Row>(
  db: CatalogueDb,
  build: (values: Values) => Compilable<Row>,
): (values: Values) => Promise<QueryResult<Row>> {
  let compiled: CompiledQuery<Row> | undefined
  return (values) => {
    compiled ??= build(new Proxy({}, { get: (_, name) => new Place(name) }) as Values).compile()
    const parameters = compiled.parameters.map((held) =>
      held instanceof Place ? values[held.name as keyof Values] : held,
    )
    return db.executeQuery({ ...compiled, parameters })
  }
}
