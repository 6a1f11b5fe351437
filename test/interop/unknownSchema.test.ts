/**
 * Databases whose schema only their application can evaluate: collations and functions of its own. Python's sqlite3
 * is that application. The server keeps such a database as a sealed file, and says so.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { interop } from '../support/requireProgram.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const python = interop('python3', 'python3')

/** Runs statements as an application that has a collation and two functions of its own; returns what SELECTs gave. */
function application(path: string, ...statements: readonly string[]): string {
  const script = `
import sqlite3, sys, json
db = sqlite3.connect(sys.argv[1])
db.create_collation('PHONEBOOK', lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
db.create_function('slug', 1, lambda x: str(x).lower(), deterministic=True)
db.create_function('allowed', 1, lambda x: 1, deterministic=True)
rows = []
for sql in json.loads(sys.argv[2]):
    rows += db.execute(sql).fetchall()
db.commit()
print(rows)
`
  return execFileSync('python3', ['-c', script, path, JSON.stringify(statements)], { encoding: 'utf8' })
}

const CONTENT = [
  "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE '!_nightferry!_%' ESCAPE '!' ORDER BY name",
  'SELECT * FROM people ORDER BY name COLLATE PHONEBOOK',
  'PRAGMA integrity_check',
]

describe.skipIf(!python.available)(
  `schemas that the server cannot evaluate${python.reason ? ` (${python.reason})` : ''}`,
  () => {
    let folder: string
    let server: TestServer

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nightferry-unknown-'))
      server = await startServer()
    })
    afterEach(async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    })

    const unknown = {
      'an index in a collation of the application': 'CREATE INDEX by_name ON people(name COLLATE PHONEBOOK)',
      'an index over a function of the application': 'CREATE INDEX by_slug ON people(slug(name))',
      'a column in a collation of the application': 'CREATE TABLE other(a TEXT COLLATE PHONEBOOK PRIMARY KEY)',
    }
    for (const [name, definition] of Object.entries(unknown)) {
      it(`[BK-6] ${name}: each backup is the whole file, the reason is shown, and it restores`, {
        timeout: 60_000,
      }, async () => {
        const path = join(folder, 'people.db')
        application(
          path,
          'CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT)',
          definition,
          "INSERT INTO people(name) VALUES('Äb'),('ab'),('Zz')",
        )
        const account = await server.createAccount()
        const agent = await createRegisteredAgent(server, account, join(folder, 'home'), 'one')
        await agent.do('add', path, '--name', 'people')
        expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
        application(path, "INSERT INTO people(name) VALUES('later')")
        expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
        expect(JSON.stringify(await agent.do('points', '--database', 'people'))).toContain('latest')
        const replacement = await createRegisteredAgent(server, account, join(folder, 'home2'), 'two')
        const restored = join(folder, 'restored.db')
        await replacement.do('restore', '--database', 'people', '--from-device', 'one', '--to', restored)
        expect(application(restored, ...CONTENT)).toBe(application(path, ...CONTENT))
        expect(application(restored, 'PRAGMA integrity_check')).toContain('ok')
      })
    }

    it('[BK-6] functions in checks, views and triggers cost nothing: nights stay Deltas', {
      timeout: 60_000,
    }, async () => {
      const path = join(folder, 'people.db')
      application(
        path,
        'CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT CHECK(allowed(name)))',
        'CREATE VIEW slugs AS SELECT slug(name) FROM people',
        'CREATE TRIGGER tr AFTER DELETE ON people BEGIN SELECT slug(OLD.name); END',
        "INSERT INTO people(name) VALUES('a'),('b')",
      )
      const account = await server.createAccount()
      const agent = await createRegisteredAgent(server, account, join(folder, 'home'), 'one')
      await agent.do('add', path, '--name', 'people')
      expect(await agent.do('backup')).toMatchObject({ mode: 'full' })
      application(path, "INSERT INTO people(name) VALUES('later')", "DELETE FROM people WHERE name='a'")
      expect(await agent.do('backup')).toMatchObject({ mode: 'delta', puts: 1, deletes: 1 })
      const replacement = await createRegisteredAgent(server, account, join(folder, 'home2'), 'two')
      const restored = join(folder, 'restored.db')
      await replacement.do('restore', '--database', 'people', '--from-device', 'one', '--to', restored)
      expect(application(restored, ...CONTENT)).toBe(application(path, ...CONTENT))
    })
  },
)
