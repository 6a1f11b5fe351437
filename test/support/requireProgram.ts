/**
 * Says whether a foreign program is there for an interop test.
 * Where it is missing the test is skipped with the reason, except under `NIGHTFERRY_REQUIRE_INTEROP=1`,
 * where a missing program fails, so that no one believes in a comparison that never ran.
 */

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a program can be started, and why not; `reason` is made for a test's title. */
export interface Interop {
  readonly available: boolean
  readonly reason: string
}

/**
 * Looks for `name` on the search path, or at `name` if it is an absolute path.
 * Use: `const cli = interop('sqlite3', 'sqlite3'); describe.skipIf(!cli.available)(\`… \${cli.reason}\`, …)`.
 * @param packageName the Debian package that brings the program
 * @throws Error if it is missing and `NIGHTFERRY_REQUIRE_INTEROP=1`
 */
export function interop(name: string, packageName: string): Interop {
  if (isExecutable(name)) return { available: true, reason: '' }
  const reason = `(skipped: ${name} of package ${packageName} is not installed)`
  if (process.env.NIGHTFERRY_REQUIRE_INTEROP === '1') {
    throw new Error(`${name} of package ${packageName} is not installed, but NIGHTFERRY_REQUIRE_INTEROP=1 asks for it`)
  }
  return { available: false, reason }
}

function isExecutable(name: string): boolean {
  const folders = name.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter)
  return folders.some((folder) => {
    const path = folder === '' ? name : join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return statSync(path).isFile()
    } catch {
      return false
    }
  })
}
