/** SQLite's own word on a restored file before it takes the target's name (RS-5). */

import { CodedError } from '../../schemas/errors.ts'
import { openDriver, translated } from './betterSqlite.ts'

/** Findings about values and constraints: so it was on the device, and the pages are intact. */
const ABOUT_VALUES = /^(NULL value in |non-\w+ value in |(NUMERIC|TEXT) value in |CHECK constraint failed in )/

/** @throws {CodedError} `integrity.mismatch` if SQLite finds damage, `database.invalid` if it cannot read the file. */
export function checkRestoredFile(path: string): void {
  const driver = openDriver(path)
  try {
    const findings = translated(path, () => {
      driver.pragma('trusted_schema=OFF')
      const tables = driver
        .prepare("SELECT name, coalesce(rootpage, 0) FROM sqlite_schema WHERE type = 'table'")
        .raw(true)
        .all() as [string, bigint][]
      // The whole check would also run virtual tables, of modules that need not be known here.
      const checks = tables.some(([, rootPage]) => rootPage === 0n)
        ? tables
            .filter(([, rootPage]) => rootPage !== 0n)
            .map(([name]) => `quick_check('${name.replaceAll("'", "''")}')`)
        : ['quick_check(20)']
      return checks.flatMap((check) => driver.prepare(`PRAGMA ${check}`).pluck(true).all() as string[])
    })
    const damage = findings.find((line) => line !== 'ok' && !ABOUT_VALUES.test(line))
    if (damage !== undefined)
      throw new CodedError('integrity.mismatch', `the restored file is damaged: ${damage.slice(0, 200)}`)
  } finally {
    driver.close()
  }
}
