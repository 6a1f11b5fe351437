/**
 * Real databases of a real application: Debian's Chromium fills a profile, the agent backs up three of its databases,
 * Chromium goes on with the observers inside them, Deltas follow, and a replacement gets every database back equal by
 * independent tools. Chromium switches triggers off on all its connections, and keeps its files locked while it runs.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AgentProcess, type AgentReport, createRegisteredAgent } from '../support/agentProcess.ts'
import { CHROMIUM, type LocalSite, startChromium, startSite } from '../support/chromiumProfile.ts'
import { interop } from '../support/requireProgram.ts'
import { compareByTools, runShell, sqliteTools, takeReference } from '../support/sqliteTools.ts'
import { startServer, type TestServer } from '../support/startServer.ts'

const browser = interop(CHROMIUM, 'chromium')
const NAMES = ['History', 'Favicons', 'Web Data'] as const
/** A user waits no longer than this to read why a database cannot be backed up. */
const SOON_MS = 7000

const available = browser.available && sqliteTools.available
describe.skipIf(!available)(`a Chromium profile ${browser.reason}${sqliteTools.reason}`, () => {
  let folder = ''
  let server: TestServer
  let site: LocalSite
  let desk: AgentProcess
  let replacement: AgentProcess
  const profile = () => join(folder, 'profile')
  const original = (name: string) => join(profile(), 'Default', name)
  const restored = (name: string) => join(folder, 'replacement', 'Default', name)
  const urls = (path: string) => runShell(path, 'SELECT url FROM urls ORDER BY id')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nightferry-chromium-'))
    server = await startServer()
    site = await startSite()
    const account = await server.createAccount()
    desk = await createRegisteredAgent(server, account, join(folder, 'home'), 'desk')
    replacement = await createRegisteredAgent(server, account, join(folder, 'other home'), 'replacement')
  })

  afterAll(async () => {
    await site.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** One session of a person in front of the profile. */
  async function browse(at: string, paths: readonly string[], town: string): Promise<void> {
    const chromium = await startChromium(at, site)
    try {
      for (const path of paths) await chromium.visit(path)
      await chromium.sendForm({ firstname: 'Ada', town })
    } finally {
      await chromium.close()
    }
  }

  async function backupAll(): Promise<readonly AgentReport[]> {
    return (await desk.do('backup')).databases as AgentReport[]
  }

  /** The device's file as it is now and what `restoredPath` holds must be the same to every tool. */
  function expectEqual(name: string, restoredPath: string): void {
    const [device, copy] = [join(folder, `${name} of the device`), join(folder, `${name} of the restore`)]
    takeReference(original(name), device)
    takeReference(restoredPath, copy)
    const verdict = compareByTools(device, copy)
    expect(verdict.dumps[1], name).toBe(verdict.dumps[0])
    expect(verdict.digests[1], name).toBe(verdict.digests[0])
    expect(verdict, name).toMatchObject({ difference: '', integrity: ['ok\n', 'ok\n'] })
    for (const path of [device, copy]) rmSync(path)
  }

  test('[DC-22] the first backup of each database is the whole file', async () => {
    await browse(profile(), ['/first', '/second?x=1', '/third'], 'Zürich')
    for (const name of NAMES) await desk.do('add', original(name))
    const reports = await backupAll()
    expect(reports.map(({ database, mode }) => [database, mode])).toEqual(NAMES.map((name) => [name, 'full']))
    expect(runShell(original('Favicons'), 'SELECT count(*) > 2 FROM favicons')).toBe('1\n')
    expect(runShell(original('Web Data'), 'SELECT value FROM autofill ORDER BY 1')).toBe('Ada\nZürich\n')
  })

  test('[DC-21] while Chromium runs a backup ends soon with exit code 11 and the reason', async () => {
    const chromium = await startChromium(profile(), site)
    try {
      await chromium.visit('/while-open')
      const answer = await desk.run('backup', '--database', 'History')
      expect(answer).toMatchObject({
        exitCode: 11,
        report: { error: { code: 'database.locked', message: expect.stringContaining(original('History')) } },
      })
      expect(answer.durationMs).toBeLessThan(SOON_MS)
    } finally {
      await chromium.close()
    }
    expect(urls(original('History'))).toContain('/while-open')
    expect(await desk.do('backup', '--database', 'History')).toMatchObject({ mode: 'delta' })
  })

  test('[DC-4] Chromium works on the tracked profile, and what it writes comes as a Delta', async () => {
    await browse(profile(), ['/fourth', '/first', '/fifth'], 'Genève')
    expect(urls(original('History'))).toMatch(/\/fourth\n.*\/fifth\n/s)
    const reports = await backupAll()
    expect(reports.map(({ database, mode }) => [database, mode])).toEqual(NAMES.map((name) => [name, 'delta']))
  })

  test.each(NAMES)('[DC-27] %s comes back equal on a replacement', async (name) => {
    mkdirSync(join(folder, 'replacement', 'Default'), { recursive: true })
    await replacement.do('restore', '--database', name, '--from-device', 'desk', '--to', restored(name))
    expectEqual(name, restored(name))
  })

  test('[DC-8] a night without Chromium sends nothing', async () => {
    const reports = await backupAll()
    expect(reports.map(({ mode, bytesSent }) => [mode, bytesSent])).toEqual(NAMES.map(() => ['none', 0]))
  })

  test('[DC-27] more nights: each one is a Delta that makes the copy equal', async () => {
    for (const [night, town] of ['Bern', 'Genève', 'Lugano'].entries()) {
      await browse(profile(), [`/night-${night}`, '/third'], town)
      for (const { mode } of await backupAll()) expect(mode).toBe('delta')
    }
    for (const name of NAMES) {
      const look = join(folder, `look at ${name}`)
      await desk.do('restore', '--database', name, '--to', look)
      expect(runShell(look, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '!_nightferry!_%' ESCAPE '!'")).toBe(
        '0\n',
      )
      expectEqual(name, look)
    }
  })

  test('[RS-7] Chromium works on a profile made from the restored files, which goes on with Deltas', async () => {
    const target = join(folder, 'replacement')
    const before = urls(restored('History'))
    const chromium = await startChromium(target, site)
    try {
      await chromium.visit('/on-the-replacement')
      expect(await chromium.readHistoryPage('Page /fourth')).toContain('Grüße 🙂')
    } finally {
      await chromium.close()
    }
    expect(urls(restored('History'))).toContain(before.trimEnd())
    expect(urls(restored('History'))).toContain('/on-the-replacement')
    expect(runShell(restored('Web Data'), 'SELECT value FROM autofill ORDER BY 1')).toContain('Genève\nZürich\n')
    for (const name of NAMES) expect(runShell(restored(name), 'PRAGMA integrity_check')).toBe('ok\n')
    expect(await replacement.do('backup', '--database', 'History')).toMatchObject({ mode: 'delta' })
  })
})
