/**
 * What a device gets back equals what it gave, by our own canonical dump and by independent programs.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { buildZooDatabase, zoo } from '../../support/databaseZoo.ts'
import { interop } from '../../support/requireProgram.ts'
import { openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

let bench: RestoreBench
beforeAll(async () => {
  bench = await openRestoreBench()
})
afterAll(() => bench.close())

const shell = interop('sqlite3', 'sqlite3')
const differ = interop('sqldiff', 'sqlite3-tools')

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
}

describe.each(zoo)('$name', (animal) => {
  it('[RS-2] [BK-5] [BK-15] comes back with schema, rows, rowids, classes, bytes and header values', async () => {
    const original = join(bench.folder, `${animal.name}.db`)
    const restored = join(bench.folder, `${animal.name}.restored.db`)
    buildZooDatabase(animal, original)
    const row = await bench.backUp(original, `device-${animal.name}`)
    expect(row.reason).toBeUndefined()
    expect(row.kind).toBe('sql')

    const outcome = await bench.restoreTo(restored, 'replacement', `device-${animal.name}`)

    expect(canonicalDump(restored)).toBe(canonicalDump(original))
    expect(readFileSync(restored).subarray(18, 21)).toEqual(
      Buffer.concat([readFileSync(original).subarray(18, 20), Buffer.from([0])]),
    )
    expect(outcome.sizeBytes).toBe(readFileSync(restored).length)
    const db = openDatabase(restored, { cipher: { kind: 'none' } })
    expect(db.pragma('integrity_check')).toBe('ok')
    db.close()
    expect(readdirSync(bench.folder).filter((name) => /-wal$|-shm$|-journal$|nightferry-restore/.test(name))).toEqual(
      [],
    )
    expect(existsSync(`${restored}.nightferry-restore`)).toBe(false)
  })

  it.skipIf(!shell.available || !differ.available)(
    `[RS-2] comes back by the word of other programs ${shell.reason}${differ.reason}`,
    () => {
      const original = join(bench.folder, `${animal.name}.db`)
      const restored = join(bench.folder, `${animal.name}.restored.db`)
      for (const command of ['.sha3sum --schema', '.dump'])
        expect(run('sqlite3', restored, command)).toBe(run('sqlite3', original, command))
      expect(run('sqlite3', restored, 'PRAGMA integrity_check').trim()).toBe('ok')
      // Of tables whose rowid is hidden it says the same about a file and itself.
      expect(run('sqldiff', original, restored)).toBe(run('sqldiff', original, original))
    },
  )
})
