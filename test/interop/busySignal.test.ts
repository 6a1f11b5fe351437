/** Real clients and a server that signals as soon as it can: ours ask again, SyncEvolution, which cannot, is never told. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer } from '../support/startServer.ts'
import { SyncEvolutionLab, syncEvolutionMissing } from '../support/syncEvolution.ts'
import { expectSync } from './syncEvolutionModes.ts'

const missing = syncEvolutionMissing()
const AT_ONCE = ['--busy-after-ms', '1']

describe('a server that signals after a millisecond', () => {
  it('[OM-34] [DC-51] our agent backs up and goes on with Deltas', async ({ onTestFinished }) => {
    const server = await startServer({ args: AT_ONCE })
    onTestFinished(() => server.stop())
    const home = mkdtempSync(join(tmpdir(), 'nightferry-busy-'))
    onTestFinished(() => rmSync(home, { recursive: true, force: true }))
    const path = join(home, 'app.db')
    const db = new Database(path)
    db.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text)')
    const agent = await createRegisteredAgent(server, await server.createAccount(), join(home, 'agent'), 'desk')
    await agent.do('add', path)
    const exchanges: number[] = []
    for (let night = 0; night < 3; night++) {
      db.exec(`INSERT INTO note(text) VALUES ('night ${night}')`)
      const report = (await agent.do('backup')) as { exchanges: number; mode: string }
      expect(report.mode).toBe(night === 0 ? 'full' : 'delta')
      exchanges.push(report.exchanges)
    }
    db.close()
    // A file that is built and made durable takes longer than a millisecond.
    expect(Math.max(...exchanges)).toBeGreaterThan(1)
  })

  it.skipIf(missing !== '')(`[OM-34] SyncEvolution is not told ${missing}`, async () => {
    const lab = await SyncEvolutionLab.open({ args: AT_ONCE })
    try {
      const one = lab.client('one')
      one.generate('make', '--count', 200)
      await expectSync(lab, one, 'slow')
    } finally {
      await lab.close()
    }
  })
})
