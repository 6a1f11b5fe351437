/** A device is lost: its owner fences it from another one, which takes over. With both programs as their users run them. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { createAgentProcess, createRegisteredAgent } from '../support/agentProcess.ts'
import { startServer } from '../support/startServer.ts'

it("[ID-1] [ID-4] [ID-5] a replacement takes over with the account's password, and the lost device is told", {
  timeout: 120_000,
}, async ({ onTestFinished }) => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-lost-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const account = await server.createAccount()
  const path = join(folder, 'app.db')
  const database = new Database(path)
  onTestFinished(() => void database.close())
  database.exec('CREATE TABLE note(id INTEGER PRIMARY KEY, text)')
  const phone = await createRegisteredAgent(server, account, join(folder, 'phone'), 'phone')
  await phone.do('add', path)
  await phone.do('backup')
  const other = await createRegisteredAgent(server, account, join(folder, 'other'), 'other')

  // Without the password the copy of another device is out of reach, whoever asks.
  const restore = ['restore', '--database', 'app', '--from-device', 'phone', '--to', join(folder, 'moved.db')]
  const thief = createAgentProcess(join(folder, 'other'), { NIGHTFERRY_PASSWORD: 'not the password' })
  expect(await thief.run(...restore)).toMatchObject({ exitCode: 12, errorCode: 'auth.invalid' })
  expect(await thief.run('fence', 'phone')).toMatchObject({ exitCode: 12, errorCode: 'auth.invalid' })
  expect(await other.run('fence', 'nobody')).toMatchObject({ exitCode: 10, errorCode: 'device.unknown' })

  expect(await other.do(...restore, '--lost')).toMatchObject({ database: 'app' })
  database.exec("INSERT INTO note VALUES (1, 'written by the thief')")
  const refused = await phone.run('backup')
  expect(refused).toMatchObject({ exitCode: 12, errorCode: 'device.fenced' })
  expect(JSON.stringify(refused.report)).toContain('lost, replaced by other')
  expect(await phone.run('restore', '--database', 'app', '--to', join(folder, 'look.db'))).toMatchObject({
    errorCode: 'device.fenced',
  })
  expect(await other.do('backup')).toMatchObject({ mode: 'none' })

  // It was found again: both go on, each with its own copy.
  expect(await other.do('unfence', 'phone')).toMatchObject({ device: 'phone', reason: null })
  expect(await phone.do('backup')).toMatchObject({ mode: 'delta', puts: 1 })
  expect(await other.do('backup')).toMatchObject({ mode: 'none' })
  expect(await other.run('restore', '--database', 'app', '--to', join(folder, 'x.db'), '--lost')).toMatchObject({
    exitCode: 2,
  })
})
