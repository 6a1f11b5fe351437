/**
 * Applications that switch triggers off write past the observers. Here the sqlite3 shell does it; the agent must find
 * out and compare, and must not suspect an application that only closes its database.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { runShell, sqliteTools } from '../support/sqliteTools.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

let folder = ''
let server: TestServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-triggers-'))
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const countTriggers = (path: string) =>
  runShell(path, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_nightferry_*'").trimEnd()

describe.skipIf(!sqliteTools.available)(`triggers off ${sqliteTools.reason}`, () => {
  test.each(['delete', 'wal'])('[DC-27] writes in %s mode that fire no triggers are found and sent', async (mode) => {
    const path = join(folder, `${mode}.db`)
    const schema =
      'CREATE TABLE note(id INTEGER PRIMARY KEY, text); CREATE TABLE tag(name TEXT PRIMARY KEY) WITHOUT ROWID'
    runShell(path, `PRAGMA journal_mode=${mode}`, schema, "INSERT INTO note(text) VALUES ('a'), ('b')")
    const agent = await createRegisteredAgent(
      server,
      await server.createAccount(),
      join(folder, `home ${mode}`),
      'desk',
    )
    await agent.do('add', path)
    expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
    expect(await agent.do('backup')).toMatchObject({ mode: 'none' })

    const nights = [
      "UPDATE note SET text = 'changed' WHERE id = 1; INSERT INTO tag VALUES ('x')",
      'DELETE FROM note WHERE id = 2',
      "INSERT INTO note(text) VALUES ('c'); UPDATE tag SET name = 'y'",
    ]
    for (const [night, sql] of nights.entries()) {
      runShell(path, '.dbconfig enable_trigger off', sql)
      expect(await agent.do('backup')).toMatchObject({ mode: 'delta' })
      const look = join(folder, `${mode} ${night}.db`)
      await agent.do('restore', '--database', mode, '--to', look)
      expect(canonicalDump(look)).toBe(canonicalDump(path))
      expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
    }
    expect(countTriggers(path)).toBe('0')
  })

  test.each(['delete', 'wal'])(
    '[DC-27] an application in %s mode that closes after a backup is not suspected',
    async (mode) => {
      const name = `open ${mode}`
      const path = join(folder, `${name}.db`)
      const agent = await createRegisteredAgent(
        server,
        await server.createAccount(),
        join(folder, `home ${name}`),
        'desk',
      )
      const application = new Database(path)
      application.pragma(`journal_mode=${mode}`)
      application.exec("CREATE TABLE note(id INTEGER PRIMARY KEY, text); INSERT INTO note(text) VALUES ('a')")
      await agent.do('add', path)
      expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
      application.exec("INSERT INTO note(text) VALUES ('b')")
      expect(await agent.do('backup')).toMatchObject({ mode: 'delta', puts: 1 })
      application.close()
      expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
      const observers = countTriggers(path)
      expect(Number(observers)).toBeGreaterThan(0)
      const again = new Database(path)
      again.exec("UPDATE note SET text = 'c' WHERE id = 1")
      again.close()
      expect(await agent.do('backup')).toMatchObject({ mode: 'delta', puts: 1 })
      expect(countTriggers(path)).toBe(observers)
    },
  )

  test.each(['delete', 'wal'])(
    '[DC-27] a database in %s mode that nobody has open is not suspected of what closing it does',
    async (mode) => {
      const name = `closed ${mode}`
      const path = join(folder, `${name}.db`)
      const home = join(folder, `home ${name}`)
      runShell(path, `PRAGMA journal_mode=${mode}`, 'CREATE TABLE note(id INTEGER PRIMARY KEY, text)')
      const agent = await createRegisteredAgent(server, await server.createAccount(), home, 'desk')
      await agent.do('add', path)
      const observers = countTriggers(path)
      expect(Number(observers)).toBeGreaterThan(0)
      expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
      runShell(path, "INSERT INTO note(text) VALUES ('a')")
      expect(await agent.do('backup')).toMatchObject({ mode: 'delta', puts: 1 })
      expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
      expect(countTriggers(path)).toBe(observers)
    },
  )
})
