/** What a comparison found, as a report shows it: kinds and numbers, and a few keys of each. */

import type { JsonCell } from '../../schemas/delta/value.ts'
import type { VerifyDifference } from '../deviceClient.ts'
import type { TableFinding } from './compareTables.ts'

/** Keys that are shown of each kind. */
const SHOWN_KEYS = 5

/** Differences by table and kind. */
export function describeFindings(findings: readonly TableFinding[]): VerifyDifference[] {
  return findings.flatMap(({ table, differing, more, differs }) => {
    const name = table.shape.name
    const found: VerifyDifference[] = (['changed', 'missing', 'extra'] as const).flatMap((kind) => {
      const rows = differing.filter((row) => row.kind === kind)
      return rows.length === 0
        ? []
        : [{ kind, table: name, count: rows.length, keys: rows.slice(0, SHOWN_KEYS).map(({ key }) => keyText(key)) }]
    })
    if (more > 0) found.push({ kind: 'more', table: name, count: more, keys: [] })
    if (differs) found.push({ kind: 'table', table: name, count: 1, keys: [] })
    return found
  })
}

function keyText(key: readonly JsonCell[]): string {
  const [only] = key
  return JSON.stringify(key.length === 1 ? only : key).slice(0, 200)
}
