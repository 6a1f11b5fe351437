/**
 * The operator's command line, on a real account service: opened in this process, and over its REST interface. Both
 * ways run the same commands and must answer alike.
 */

import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeMessage } from '../../../schemas/syncml/codec.ts'
import { ha1 } from '../../../schemas/syncml/credential.ts'
import type { DatabaseRow } from '../../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { sqlNotifications } from '../../../server/catalogue/sqlite/notifications.ts'
import { type Listening, listen } from '../../../server/http/listen.ts'
import { package1 } from '../../fixtures/syncml.ts'
import { type Edge, openEdge } from '../http/edge.ts'
import { openersOf, runOperator } from './operatorRun.ts'

let edge: Edge
let listening: Listening
beforeEach(async () => {
  edge = await openEdge()
  listening = await listen(edge.app, { host: '127.0.0.1', port: 0, requestTimeoutMs: 5000 })
})
afterEach(async () => {
  await listening.close(0)
  await edge.close()
})

const run = (argv: string[], environment: Record<string, string> = {}, openers = openersOf(edge, listening)) =>
  runOperator(argv, environment, openers)

describe.each(['--data', '--server'])('the operator with %s', (way) => {
  const where = async (): Promise<[string[], Record<string, string>]> => {
    if (way === '--data') return [['--data', edge.local.dataDir], {}]
    return [['--server', `${listening.url}/`], { NIGHTFERRY_TOKEN: await edge.local.service.issueOperatorToken() }]
  }

  it('[DC-40] adds, lists and disables accounts and makes app passwords', async () => {
    const [options, environment] = await where()
    const secret = { ...environment, NIGHTFERRY_PASSWORD: 'long enough' }
    const added = await run(['account', 'add', 'anna', '--json', ...options], secret)
    expect([added.exitCode, added.json()]).toEqual([0, expect.objectContaining({ name: 'anna', disabled: false })])
    expect((await run(['account', 'add', 'anna', ...options], secret)).exitCode).toBe(1)
    const made = (await run(['account', 'app-password', 'anna', '--json', ...options], environment)).json()
    expect(Object.keys(made)).toEqual(['user', 'password'])
    expect((await run(['account', 'disable', 'anna', ...options], environment)).exitCode).toBe(0)
    const listed = await run(['account', 'list', '--json', ...options], environment)
    expect(listed.json()).toEqual({ accounts: [expect.objectContaining({ name: 'anna', disabled: true })] })
    expect((await run(['account', 'list', ...options], environment)).stdout).toMatch(/^NAME +STATE.*\nanna +disabled/)
    await run(['account', 'disable', 'anna', '--undo', ...options], environment)
    expect((await edge.local.service.listAccounts())[0]?.disabled).toBe(false)
    expect((await run(['account', 'disable', 'otto', ...options], environment)).exitCode).toBe(10)
  })

  it('[AC-14] gives a datastore a password of its own, shows that it has one, and takes it away', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    const [options, environment] = await where()
    const secret = { ...environment, NIGHTFERRY_PASSWORD: 'second secret' }
    const set = await run(['datastore', 'password', 'Anna', 'contacts', ...options], secret)
    expect(set).toMatchObject({ exitCode: 0, stdout: 'contacts of Anna asks for its own password\n' })
    expect(set.stdout + set.stderr).not.toContain('second secret')
    const listed = await run(['datastore', 'list', 'anna', '--json', ...options], environment)
    expect(listed.json()).toEqual({ account: 'anna', datastores: ['./contacts'] })
    // The digest is over the account's own spelling of its name.
    const proof = { scheme: 'basic' as const, data: Buffer.from('anna:second secret'), nonces: [], verDtd: '1.2' }
    const peer = { accountId, accountName: 'anna', deviceId: 'IMEI:1' }
    expect(await edge.datastorePasswords.verify(peer, './contacts', proof, '::1')).toBeDefined()
    expect((await run(['datastore', 'password', 'anna', 'app', ...options], secret)).exitCode).toBe(10)
    expect((await run(['datastore', 'password', 'otto', 'contacts', ...options], secret)).exitCode).toBe(10)
    const short = { ...environment, NIGHTFERRY_PASSWORD: 'short' }
    expect((await run(['datastore', 'password', 'anna', 'contacts', ...options], short)).exitCode).toBe(1)
    const removed = await run(
      ['datastore', 'password', 'anna', 'contacts', '--remove', '--json', ...options],
      environment,
    )
    expect(removed.json()).toEqual({ account: 'anna', datastore: 'contacts', protected: false })
    const left = await run(['datastore', 'list', 'anna', ...options], environment)
    expect(left.stdout).toContain('none asks for a password of its own')
  })

  it('[AC-15] makes what the server proves itself with, shows it once, and takes it away', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    const peer = { accountId, deviceId: 'IMEI:1' }
    const [options, environment] = await where()
    const command = ['device', 'server-password', 'phone']
    const made = (await run([...command, '--json', ...options], environment)).json()
    expect(made).toEqual({ device: 'IMEI:1', serverId: 'nightferry-test', password: expect.any(String) })
    expect(await edge.serverPasswords.find(peer)).toEqual({ password: made.password, nonce: undefined })
    const file = join(edge.local.dataDir, 'password')
    writeFileSync(file, 'from a file\n')
    const given = await run([...command, '--password-file', file, ...options], environment)
    expect(given).toMatchObject({ exitCode: 0, stdout: 'server id  nightferry-test\n' })
    expect((await edge.serverPasswords.find(peer))?.password).toBe('from a file')
    expect((await run([...command, '--remove', ...options], environment)).exitCode).toBe(0)
    expect(await edge.serverPasswords.find(peer)).toBeUndefined()
    expect((await run(['device', 'server-password', 'tablet', ...options], environment)).exitCode).toBe(10)
  })

  it('[DC-40] lists devices and names an unknown one', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    const [options, environment] = await where()
    const listed = await run(['device', 'list', '--json', ...options], environment)
    expect(listed.json().devices).toEqual([
      expect.objectContaining({ accountName: 'anna', name: 'phone', deviceId: 'IMEI:1', disabled: false }),
    ])
    expect((await run(['device', 'show', 'tablet', ...options], environment)).exitCode).toBe(10)
  })

  it('[DC-40] shows a device, its databases and why one is kept as a file, and their points', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    await edge.local.service.registerDevice(accountId, 'tablet', 'IMEI:2')
    const { accountId: other } = await edge.local.service.register('otto', 'long enough')
    await edge.local.service.registerDevice(other, 'till', 'IMEI:1')
    const databases = sqlDatabases(edge.db)
    await databases.put(databaseRow(accountId, 'IMEI:1', 'app', 'the index i cannot be evaluated here'))
    await databases.put(databaseRow(accountId, 'IMEI:2', 'elsewhere'))
    await databases.put(databaseRow(other, 'IMEI:1', 'not of anna'))
    const [options, environment] = await where()
    const shown = await run(['device', 'show', 'anna/phone', '--json', ...options], environment)
    expect([shown.exitCode, shown.json()]).toEqual([
      0,
      {
        device: expect.objectContaining({ deviceId: 'IMEI:1', accountName: 'anna' }),
        databases: [
          {
            ...{ name: 'app', kind: 'file', number: 3, sizeBytes: 4096, lastBackupAt: 1000, lastMode: 'full' },
            ...{ reason: 'the index i cannot be evaluated here', health: expect.anything() },
          },
        ],
      },
    ])
    expect((await run(['device', 'show', 'anna/phone', ...options], environment)).stdout).toContain(
      'the index i cannot be evaluated here',
    )
    const points = await run(['points', 'anna/phone', 'app', '--json', ...options], environment)
    expect([points.exitCode, points.json()]).toEqual([
      0,
      {
        ...{ device: 'IMEI:1', database: 'app' },
        points: [{ point: 'latest', number: 3, lineage: 'a'.repeat(32), takenAt: 1, sizeBytes: 10 }],
      },
    ])
  })

  it('[PU-1, PU-3, DC-40] wakes a device, for everything, one database or one datastore', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    const [options, environment] = await where()
    const wake = (...words: string[]) => run(['device', 'wake', 'phone', '--json', ...words, ...options], environment)
    expect((await wake()).exitCode).toBe(10)
    await logIn(accountId, 'IMEI:1')
    const kept = () => sqlNotifications(edge.db).get({ accountId, deviceId: 'IMEI:1' })
    const woken = await wake()
    expect([woken.exitCode, woken.json()]).toEqual([
      0,
      { device: 'IMEI:1', issuedAt: expect.any(Number), sessionId: (await kept())?.sessionId, syncs: [] },
    ])
    await wake('--database', 'my app')
    expect((await kept())?.syncs).toEqual([{ serverUri: './databases/my%20app', type: 207, contentType: 0 }])
    await wake('--database', 'app', '--type', 'refresh-from-device')
    expect((await kept())?.syncs).toEqual([{ serverUri: './databases/app', type: 208, contentType: 0 }])
    expect((await wake('--datastore', 'card', '--type', 'from-server')).json().syncs).toEqual([
      { serverUri: 'card', type: 'from-server' },
    ])
    expect((await kept())?.syncs).toEqual([{ serverUri: 'card', type: 209, contentType: 7 }])
    for (const words of [
      ['--type', 'two-way'],
      ['--database', 'app', '--type', 'from-server'],
      ['--database', 'app', '--datastore', 'card'],
      ['--datastore', 'card', '--type', 'sometimes'],
    ]) {
      expect((await wake(...words)).exitCode, words.join(' ')).toBe(2)
    }
    await edge.local.service.setDeviceDisabled('IMEI:1', true, accountId)
    expect((await wake()).exitCode).toBe(12)
  })

  it('[TR-1, TR-3, DC-40] traces a device for a while, and shows its messages without what is private', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    const [options, environment] = await where()
    const trace = (...words: string[]) => run([...words, '--json', ...options], environment)
    expect((await trace('trace', 'show', 'phone')).json()).toMatchObject({ messages: [] })
    const on = (await trace('device', 'trace', 'phone', 'on', '--hours', '2')).json()
    expect(on).toEqual({ device: 'IMEI:1', traced: true, since: on.since, until: Number(on.since) + 7_200_000 })
    edge.tracer.note({
      ...{ deviceId: 'IMEI:1', sessionId: '7', msgId: 1, remoteAddress: '::1', encoding: 'wbxml' },
      received: encodeMessage(package1.message, 'wbxml'),
    })
    await edge.tracer.idle()
    const shown = await trace('trace', 'show', 'phone')
    expect(shown.json()).toMatchObject({ since: on.since, until: on.until, messages: [{ sessionId: '7', cut: false }] })
    const text = await run(['trace', 'show', 'phone', ...options], environment)
    expect(text.stdout).toMatch(/^\d{4}-.* session 7 message 1, received from ::1, \d+ octets of wbxml\n<\?xml/)
    const off = await trace('device', 'trace', 'phone', 'off')
    expect(off.json()).toMatchObject({ traced: false })
    for (const words of [['on', '--hours', '0'], ['on', '--hours', '73'], ['sometimes']]) {
      expect((await trace('device', 'trace', 'phone', ...words)).exitCode, words.join(' ')).toBe(2)
    }
    expect((await trace('device', 'trace', 'tablet', 'on')).exitCode).toBe(10)
  })
})

/** A login of the account's device, as its first backup leaves it. */
async function logIn(accountId: string, deviceId: string): Promise<void> {
  await sqlKnownLogins(edge.db).put({
    ...{ accountId, deviceId, userName: 'anna', accountName: 'anna', ha1: ha1('anna', 'secret') },
    ...{ lastAccessAt: 1, enabled: true, checkedAt: 1 },
  })
}

/** A copy as a file if there is a reason for it, else as tables. */
function databaseRow(accountId: string, deviceId: string, name: string, reason?: string): DatabaseRow {
  return {
    ...{ accountId, deviceId, name, copyId: randomUUID(), kind: reason === undefined ? 'sql' : 'file' },
    ...{ wrappedKey: 'wrapped', lineage: 'a'.repeat(32), number: 3, token: 'b'.repeat(32), sizeBytes: 4096 },
    ...{ lastBackupAt: 1000, lastMode: 'full', createdAt: 1000 },
    ...(reason === undefined ? {} : { reason }),
  }
}

describe('the operator', () => {
  it('[DC-41] needs a token for a server elsewhere, and never a password as an option', async () => {
    const remote = ['account', 'list', '--server', listening.url]
    expect((await run(remote)).exitCode).toBe(12)
    expect((await run(remote, { NIGHTFERRY_TOKEN: 'wrong' })).exitCode).toBe(12)
    expect((await run(['account', 'add', 'anna', '--password', 'x'])).exitCode).toBe(2)
    const token = { NIGHTFERRY_TOKEN: 'x' }
    expect((await run(['account', 'list', '--server', 'http://127.0.0.1:1'], token)).exitCode).toBe(14)
  })

  it('[DC-40] serve prints one line and ends when it is told to; a new key is announced', async () => {
    const served = await run(['serve', '--json'], {}, openersOf(edge, listening, true))
    expect([served.exitCode, served.json()]).toEqual([0, { listening: listening.url }])
    expect(served.stderr).toContain('data/master.key')
    expect((await run(['serve', '--port', 'none'])).exitCode).toBe(2)
  })

  it("makes an operator's token that works", async () => {
    const token = String((await run(['operator-token', '--hours', '2', '--json'])).json().token)
    expect((await edge.local.service.verifyToken(token)).scope).toBe('operator')
    expect((await run(['operator-token', '--hours', '0'])).exitCode).toBe(2)
    expect((await run(['keys', 'status', '--json'])).json()).toMatchObject({ currentKeyId: edge.keyCare.currentKeyId })
  })

  it('a password file is read without its line end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nightferry-password-'))
    const file = join(directory, 'password')
    try {
      writeFileSync(file, 'from a file\n')
      expect((await run(['account', 'add', 'anna', '--password-file', file])).exitCode).toBe(0)
      await edge.local.service.login('anna', 'from a file')
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
