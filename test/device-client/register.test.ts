/** Registration of a device against the real HTTP edge with a real account service. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgentRecords } from '../../device-client/agentRecords.ts'
import type { InitOptions } from '../../device-client/deviceClient.ts'
import { createNodeFetch } from '../../device-client/node/fetch.ts'
import { createFileKeyStore } from '../../device-client/node/fileKeyStore.ts'
import { nodeRandom } from '../../device-client/node/random.ts'
import { registerDevice } from '../../device-client/register.ts'
import { type Listening, listen } from '../../server/http/listen.ts'
import { type Edge, openEdge } from '../server/http/edge.ts'

let edge: Edge
let listening: Listening
let directory = ''
const transport = createNodeFetch()
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nightferry-register-'))
  edge = await openEdge()
  await edge.local.service.register('anna', 'long enough')
  listening = await listen(edge.app, { host: '127.0.0.1', port: 0, requestTimeoutMs: 5000 })
})
afterEach(async () => {
  transport.close()
  await listening.close(0)
  await edge.close()
  rmSync(directory, { recursive: true, force: true })
})

function device(name: string) {
  const records = createAgentRecords(createFileKeyStore(join(directory, name)))
  const options: InitOptions = { server: `${listening.url}/`, user: 'anna', device: name, password: 'long enough' }
  const register = (more: Partial<typeof options> = {}) =>
    registerDevice({ fetch: transport.fetch, random: nodeRandom, records }, { ...options, ...more })
  return { records, register }
}

describe('init', () => {
  it('[DC-41] gives the device an id and a secret that log it in; the password is kept nowhere', async () => {
    const { records, register } = device('till')
    const report = await register()
    expect(report).toMatchObject({ server: listening.url, user: 'anna', device: 'till' })
    expect(await records.identity()).toEqual(report)
    const pair = await edge.local.service.loginDevice(report.deviceId, await records.secret())
    expect((await edge.local.service.verifyToken(pair.accessToken)).deviceId).toBe(report.deviceId)
    expect(JSON.stringify([report, await records.identity(), await records.secret()])).not.toContain('long enough')
  })

  it('[DC-52] [AC-15] with verifyServer makes the password that the server proves itself with, and tells it', async () => {
    const { records, register } = device('till')
    const { deviceId } = await register({ verifyServer: true })
    const login = await records.serverLogin()
    expect(login).toEqual({ serverId: 'nightferry-test', password: expect.stringMatching(/^[\w+/]{32}$/) })
    const [{ accountId = '' } = {}] = await edge.local.service.listAccounts()
    expect((await edge.serverPasswords.find({ accountId, deviceId }))?.password).toBe(login?.password)
    const plain = device('desk')
    await plain.register()
    expect(await plain.records.serverLogin()).toBeUndefined()
  })

  it('refuses a wrong password, a taken name, a second life and a server that is none, and keeps nothing then', async () => {
    const { records, register } = device('till')
    await expect(register({ password: 'wrong password' })).rejects.toMatchObject({ code: 'auth.invalid' })
    await expect(register({ server: `${listening.url}/livez#` })).rejects.toBeDefined()
    await expect(records.identity()).rejects.toMatchObject({ code: 'device.unknown' })
    await register()
    await expect(register()).rejects.toMatchObject({ code: 'config.invalid' })
    await expect(device('other').register({ device: 'till' })).rejects.toMatchObject({ code: 'device.exists' })
  })
})
