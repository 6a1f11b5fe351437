/** The messages of a real agent, and of one that cannot log in, as the operator sees them; and what rests on disk. */

import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { encodeMessage } from '../../schemas/syncml/codec.ts'
import { package1 } from '../fixtures/syncml.ts'
import { createRegisteredAgent } from '../support/agentProcess.ts'
import { createCanaryScan } from '../support/canaryScan.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { startServer } from '../support/startServer.ts'

const CANARY = 'the canary sings at midnight'

interface Shown {
  readonly messages: readonly { direction: string; sessionId: string; msgId: number; xml: string; sizeBytes: number }[]
}

it('[TR-1, TR-2, TR-3] a traced device shows what was said, and nothing of its user', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-trace-'))
  const server = await startServer()
  const operator = async (...words: string[]): Promise<Record<string, unknown>> => {
    const args = [SERVER_PROGRAM, ...words, '--data', server.dataFolder, '--json']
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as Record<string, unknown>
  }
  try {
    const path = join(folder, 'app.db')
    const db = new Database(path)
    db.exec('CREATE TABLE t(a)')
    const agent = await createRegisteredAgent(server, await server.createAccount(), join(folder, 'home'), 'till')
    await agent.do('add', path, '--name', 'app')
    await agent.do('backup')
    await operator('device', 'trace', 'till', 'on')
    // The server learns of it within a second.
    await wait(1100)
    db.prepare('INSERT INTO t VALUES (?)').run(CANARY)
    await agent.do('backup')
    const { deviceId } = (await agent.do('status')) as { deviceId: string }
    const { header } = package1.message
    const stranger = { ...package1.message, header: { ...header, source: { locUri: deviceId } } }
    const response = await fetch(`${server.url}/omads`, {
      ...{ method: 'POST', body: Buffer.from(encodeMessage(stranger, 'wbxml')) },
      headers: { 'content-type': 'application/vnd.syncml+wbxml' },
    })
    expect(response.status).toBe(200)
    const shown = (await operator('device', 'trace', 'till', 'off')) && (await operator('trace', 'show', 'till'))
    const { messages } = shown as unknown as Shown
    const backup = messages.filter(({ sessionId }) => sessionId !== header.sessionId)
    expect(backup.map(({ direction }) => direction)).toEqual(['received', 'sent'])
    const [asked, answered] = backup
    expect(asked?.xml).toMatch(/<Cred>[\s\S]*<Data>\[\d+ (characters|octets)\]<\/Data>/)
    expect(asked?.xml).toContain('<LocURI>./databases/app</LocURI>')
    expect(answered?.xml).toMatch(/<NextNonce xmlns="syncml:metinf">\[\d+ (characters|octets)\]<\/NextNonce>/)
    expect(answered?.xml).toContain('<Data>212</Data>')
    const refused = messages.filter(({ sessionId }) => sessionId === header.sessionId)
    expect(refused.map(({ direction }) => direction)).toEqual(['received', 'sent'])
    expect(refused[1]?.xml).toMatch(/<Data>40[17]<\/Data>/)
    const traces = join(server.dataFolder, 'traces')
    const scan = createCanaryScan([traces])
    scan.add('a value', CANARY)
    scan.add('an element', 'SyncHdr')
    scan.add('the device', deviceId)
    expect([scan.scan(), readdirSync(traces)]).toEqual([[], [expect.stringMatching(/^[0-9a-f]{32}$/)]])
    expect(JSON.stringify(messages)).not.toContain(CANARY)
    db.close()
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
