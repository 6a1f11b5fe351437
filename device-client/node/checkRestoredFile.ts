/** SQLite's own word on a restored file before it takes the target's name (RS-5). */

import { CodedError } from '../../schemas/errors.ts'
import { openDriver, translated } from './betterSqlite.ts'
import { sqliteCode } from './sqliteErrors.ts'

type Driver = ReturnType<typeof openDriver>

/** Findings about values and constraints: so it was on the device, and the pages are intact. */
const ABOUT_VALUES = /^(NULL value in |non-\w+ value in |(NUMERIC|TEXT) value in |CHECK constraint failed in )/

/**
 * Looks at the file through a handle that cannot write (RS-12).
 * @throws {CodedError} `integrity.mismatch` if SQLite finds damage, `database.invalid` if it cannot read the file.
 */
export function checkRestoredFile(path: string): void {
  const driver = openDriver(path, undefined, { readonly: true })
  try {
    const findings = translated(path, () => {
      driver.pragma('trusted_schema=OFF')
      // The application's own functions are not known here, and the device has judged its rows already.
      driver.pragma('ignore_check_constraints=ON')
      return findingsOf(driver)
    })
    const damage = findings.find((line) => line !== 'ok' && !ABOUT_VALUES.test(line))
    if (damage !== undefined)
      throw new CodedError('integrity.mismatch', `the restored file is damaged: ${damage.slice(0, 200)}`)
  } finally {
    driver.close()
  }
}

/** One check of the whole file where that can be done; else one for each table that has pages. */
function findingsOf(driver: Driver): readonly string[] {
  const tables = driver
    .prepare("SELECT name, coalesce(rootpage, 0) FROM sqlite_schema WHERE type = 'table'")
    .raw(true)
    .all() as [string, bigint][]
  // The whole check would also run virtual tables, of modules that need not be known here.
  const hasVirtual = tables.some(([, rootPage]) => rootPage === 0n)
  const whole = hasVirtual ? undefined : runCheck(driver, 'quick_check(20)')
  if (whole !== undefined) return whole
  return tables
    .filter(([, rootPage]) => rootPage !== 0n)
    .flatMap(([name]) => runCheck(driver, `quick_check('${name.replaceAll("'", "''")}')`) ?? [])
}

/**
 * Undefined where SQLite cannot evaluate what only the application can (a collation, a function in an index): such a
 * table rests on the digest of the whole file alone.
 */
function runCheck(driver: Driver, check: string): string[] | undefined {
  try {
    return driver.prepare(`PRAGMA ${check}`).pluck(true).all() as string[]
  } catch (cause) {
    if (sqliteCode(cause).startsWith('SQLITE_ERROR')) return undefined
    throw cause
  }
}
