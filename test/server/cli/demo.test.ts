/** What the demo says of two files. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compareDatabases } from '../../../server/cli/demo/compareDatabases.ts'
import { changeDemoDatabase, createDemoDatabase } from '../../../server/cli/demo/demoDatabase.ts'

describe("the demo's comparison", () => {
  it('finds equal files equal, and one changed value', () => {
    const directory = mkdtempSync(join(tmpdir(), 'nightferry-demo-test-'))
    try {
      const left = join(directory, 'left.db')
      const right = join(directory, 'right.db')
      expect(createDemoDatabase(left)).toBe(5202)
      expect(compareDatabases(left, left)).toMatchObject({ equal: true, rows: 5202 + 1 })
      createDemoDatabase(right)
      expect(compareDatabases(left, right).equal).toBe(false)
      changeDemoDatabase(left)
      expect(compareDatabases(left, left).equal).toBe(true)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
