/**
 * Finds the folder with captures and benches that lies beside a developer's checkout.
 * It is no part of the project: tests that read it are skipped where it is missing.
 */

import { existsSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'

const candidate = process.env.NIGHTFERRY_SHARED ?? resolve(import.meta.dirname, '../../../shared')

/** Absolute path without links (its programs compare it with their own), or undefined where the folder is not there. */
export const sharedDir: string | undefined = existsSync(candidate) ? realpathSync(candidate) : undefined
