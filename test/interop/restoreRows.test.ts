/** One row comes back into a database that goes on: through both programs, and the server is none the wiser. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

let server: TestServer
let home: string
let agent: AgentProcess
let path: string

beforeAll(async () => {
  server = await startServer()
  home = mkdtempSync(join(tmpdir(), 'nightferry-rows-'))
  agent = await createRegisteredAgent(server, await server.createAccount(), join(home, 'agent'), 'desk')
  path = join(home, 'app.db')
  change(
    "PRAGMA journal_mode=WAL; CREATE TABLE note(id INTEGER PRIMARY KEY, text, owner); INSERT INTO note(text, owner) VALUES('one', 'a'), ('two', 'b'), ('three', 'b')",
  )
  await agent.do('add', path, '--name', 'app')
  await agent.do('backup')
  change("DELETE FROM note WHERE owner = 'b'; UPDATE note SET text = 'ONE'")
  await agent.do('backup')
})
afterAll(async () => {
  await server?.stop()
  rmSync(home, { recursive: true, force: true })
})

function change(sql: string): void {
  const db = new Database(path)
  db.exec(sql)
  db.close()
}

const points = async () => ((await agent.do('points')) as unknown as { points: object[] }).points

it('[DC-91] [DC-94] rows by two conditions, and nothing else, on the device and on the server', async () => {
  const before = await points()
  // What a process left that was killed at this work.
  const left = join(home, 'agent', 'images', 'left.db.nightferry-restore')
  mkdirSync(left, { recursive: true })
  writeFileSync(join(left, 'plain.db'), 'rows of somebody')
  const args = ['restore', '--database', 'app', '--table', 'note', '--at', '1', '--where', 'owner=b', '--where', 'id=2']
  const counts = { inserted: 1, updated: 0, deleted: 0, unchanged: 0 }
  expect(await agent.do(...args, '--dry-run')).toMatchObject({ ...counts, dryRun: true, table: 'note' })
  expect(await agent.do(...args)).toMatchObject({ ...counts, dryRun: false })
  expect(readdirSync(join(home, 'agent', 'images'))).toEqual([])
  expect(await points()).toEqual(before)
  expect(await agent.do('backup')).toMatchObject({ mode: 'delta', puts: 1, deletes: 0, schemaChanges: 0 })
  const db = new Database(path, { readonly: true })
  expect(db.prepare('SELECT id, text FROM note').raw().all()).toEqual([
    [1, 'ONE'],
    [2, 'two'],
  ])
  db.close()
  expect(await agent.run(...args, '--to', join(home, 'x.db'))).toMatchObject({ exitCode: 2 })
  expect(await agent.run('restore', '--database', 'app')).toMatchObject({ exitCode: 2 })
  expect(await agent.run('restore', '--database', 'other', '--table', 'note')).toMatchObject({ exitCode: 10 })
})

it('[DC-95] any state as SQLite, SQL and CSV, over nothing that is there', async () => {
  const before = await points()
  const to = join(home, 'old.db')
  expect(await agent.do('export', 'app', '--format', 'sqlite', '--at', '1', '--to', to)).toMatchObject({ files: [to] })
  const db = new Database(to, { readonly: true })
  expect(db.prepare('SELECT count(*) FROM note').pluck().get()).toBe(3)
  db.close()
  const sql = ['export', 'app', '--format', 'sql', '--to', to]
  expect(await agent.run(...sql)).toMatchObject({ errorCode: 'restore.target-exists' })
  await agent.do(...sql, '--overwrite')
  expect(readFileSync(to, 'utf8')).toContain(`INSERT INTO "note"("id","text","owner") VALUES(1,'ONE','a');`)
  const csv = join(home, 'csv')
  expect(await agent.do('export', 'app', '--format', 'csv', '--at', '1', '--to', csv)).toMatchObject({ point: '1' })
  expect(readFileSync(join(csv, 'note.csv'), 'utf8')).toBe(
    '"id","text","owner"\r\n1,"one","a"\r\n2,"two","b"\r\n3,"three","b"\r\n',
  )
  expect(await agent.run('export', 'app', '--format', 'sqlite', '--to', path, '--overwrite')).toMatchObject({
    errorCode: 'restore.target-exists',
  })
  expect(readdirSync(join(home, 'agent', 'images'))).toEqual([])
  expect(await points()).toEqual(before)
  expect(await agent.do('backup')).toMatchObject({ mode: 'none' })
})
