/** Alerts from a change of the fleet to a real web server and a real mail server, over restarts and failures. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Alert, AlertPort } from '../../../server/alerts/alert.ts'
import { createAlertDispatcher } from '../../../server/alerts/dispatchAlerts.ts'
import { lookAtFleet } from '../../../server/alerts/lookAtFleet.ts'
import { createMailAlerts } from '../../../server/alerts/mailAlerts.ts'
import { raiseAlert } from '../../../server/alerts/raiseAlerts.ts'
import { createWebhookAlerts } from '../../../server/alerts/webhookAlerts.ts'
import { assembleAlerts } from '../../../server/assembleAlerts.ts'
import { sqlAlerts } from '../../../server/catalogue/sqlite/alerts.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlProofs } from '../../../server/catalogue/sqlite/proofs.ts'
import { type GivenOptions, readConfig } from '../../../server/config/config.ts'
import type { Secrets } from '../../../server/config/secrets.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { createLoggers } from '../../../server/logger.ts'
import { createMetrics } from '../../../server/metrics.ts'
import { SIGNATURE_HEADER, signBody } from '../../../server/push/signedPost.ts'
import { type LocalUnderTest, openLocal } from '../account/accountParts.ts'

const HOUR = 3_600_000
const SECRET = 'a secret of the operator'.replaceAll(' ', '-').padEnd(40, '0')
const never = new AbortController().signal

let local: LocalUnderTest
let catalogue: CatalogueDb
let accountId: string
beforeEach(async () => {
  local = await openLocal()
  catalogue = await openCatalogue(local.dataDir, openKeyRing({ dataDir: local.dataDir }).keyRing)
  accountId = (await local.service.register('alice', 'a long password')).accountId
})
afterEach(async () => {
  await catalogue.destroy()
  await local.close()
})

async function addDatabase(deviceId: string, name = 'app'): Promise<void> {
  await local.service.registerDevice(accountId, `name of ${deviceId}`, deviceId).catch(() => undefined)
  await sqlDatabases(catalogue).put({
    ...{ accountId, deviceId, name, copyId: `${deviceId}-${name}`, kind: 'sql', wrappedKey: 'x', number: 1 },
    ...{ lineage: 'a'.repeat(32), token: 'b'.repeat(32), sizeBytes: 1, lastMode: 'full' },
    ...{ lastBackupAt: local.time.now(), createdAt: local.time.now() },
  })
}

/** Alerts that a port was given, in one list for each delivery. */
function listening(pauseMs = 0): AlertPort & { readonly sent: (readonly Alert[])[]; fails: boolean } {
  const port = {
    name: 'webhook' as const,
    pauseMs,
    sent: [] as (readonly Alert[])[],
    fails: false,
    send: async (alerts: readonly Alert[]) => {
      if (port.fails) throw new Error('away')
      port.sent.push(alerts)
    },
  }
  return port
}

function watch(ports: readonly AlertPort[]) {
  const alerts = sqlAlerts(catalogue)
  const parts = {
    ...{ alerts, ports, clock: local.time.now, accounts: local.service, staleAfterMs: 36 * HOUR },
    ...{ databases: sqlDatabases(catalogue), proofs: sqlProofs(catalogue) },
  }
  const dispatch = createAlertDispatcher({ ...parts, log: createLoggers('silent').server })
  return {
    alerts,
    parts,
    dispatch,
    look: async () => {
      const counts = await lookAtFleet(parts, () => false)
      await dispatch()
      return counts
    },
  }
}

const textsOf = (alerts: readonly Alert[] = []) => alerts.map(({ deviceId, text }) => `${deviceId} ${text}`)

describe('the fleet', () => {
  it('[AL-1, AL-2] is told of once when it changes, to bad and back, over restarts', async () => {
    const port = listening()
    await addDatabase('nf-1')
    expect(await watch([port]).look()).toEqual(new Map())
    local.time.advance(37 * HOUR)
    expect(await watch([port]).look()).toEqual(new Map([['late', 1]]))
    await watch([port]).look()
    await addDatabase('nf-1')
    expect(await watch([port]).look()).toEqual(new Map())
    expect(port.sent.map(textsOf)).toEqual([
      ['nf-1 late: its last backup is 37 hours old'],
      ['nf-1 ok again, was late'],
    ])
    expect(port.sent[0]?.[0]).toMatchObject({ accountName: 'alice', deviceName: 'name of nf-1', database: 'app' })
  })

  it('[AL-1] counts refusals, failed proofs, devices that never came; none that is fenced', async () => {
    const port = listening()
    for (const id of ['nf-refused', 'nf-unproven', 'nf-fenced']) await addDatabase(id)
    await local.service.registerDevice(accountId, 'empty', 'nf-empty')
    await local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    await local.service.setDeviceFence(accountId, 'nf-fenced', 'lost')
    local.time.advance(HOUR)
    const { alerts, look } = watch([port])
    await alerts.noteFailure({ accountId, deviceId: 'nf-refused', name: 'app' }, local.time.now(), 'storage.full')
    const key = { accountId, deviceId: 'nf-unproven', name: 'app' }
    const proof = { checkedAt: local.time.now(), provenAt: 0, token: '', failure: 'damaged' }
    await sqlProofs(catalogue).put({ ...key, ...proof })
    expect(await look()).toEqual(
      new Map([
        ['failing', 1],
        ['unproven', 1],
      ]),
    )
    local.time.advance(40 * HOUR)
    expect(await look()).toEqual(
      new Map([
        ['failing', 1],
        ['late', 1],
        ['never', 1],
      ]),
    )
    expect(port.sent.flatMap(textsOf).sort()).toEqual([
      'nf-empty never: it was never backed up',
      'nf-refused failing: its last backup was refused (storage.full)',
      'nf-unproven late: its last backup is 41 hours old',
      'nf-unproven unproven: its copy could not be restored: damaged',
    ])
  })
})

describe('alerts on their way', () => {
  const event: Omit<Alert, 'id' | 'at'> = {
    kind: 'fenced-device',
    severity: 'bad',
    ...{ accountName: 'alice', deviceId: 'd', deviceName: 'phone', database: '' },
    text: 'it is fenced, and tried to log in',
  }

  it('[AL-4, AL-8] wait for a way that is away, over restarts, and come once; the same event not again for a day', async () => {
    const port = listening()
    port.fails = true
    const other: AlertPort = { ...listening(), name: 'mail' }
    const first = watch([port, other])
    expect(await raiseAlert(first.parts, event)).toBe(true)
    expect(await raiseAlert(first.parts, event)).toBe(false)
    await first.dispatch()
    port.fails = false
    const second = watch([port, other])
    await second.dispatch()
    expect(port.sent).toEqual([])
    local.time.advance(61_000)
    await second.dispatch()
    await second.dispatch()
    expect(port.sent.map((sent) => sent.length)).toEqual([1])
    expect((other as ReturnType<typeof listening>).sent.length).toBe(1)
    local.time.advance(25 * HOUR)
    expect(await raiseAlert(second.parts, event)).toBe(true)
  })

  it('[AL-5] are posted signed, together', async () => {
    const received: { body: string; signature: string }[] = []
    const gateway: Server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += String(chunk)
      })
      request.on('end', () => {
        received.push({ body, signature: String(request.headers[SIGNATURE_HEADER]) })
        response.writeHead(204).end()
      })
    })
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/alerts`
    const options = { url, secret: SECRET, serverId: 'nightferry-1', clock: local.time.now, stopped: never }
    const { dispatch, parts } = watch([createWebhookAlerts(options)])
    await raiseAlert(parts, event)
    local.time.advance(1)
    await raiseAlert(parts, { ...event, deviceId: 'e' })
    await dispatch()
    gateway.close()
    const [post] = received
    expect(received.length).toBe(1)
    expect(post?.signature).toBe(signBody(SECRET, local.time.now(), post?.body ?? ''))
    expect(JSON.parse(post?.body ?? '')).toMatchObject({ serverId: 'nightferry-1', alerts: [event, { deviceId: 'e' }] })
  })

  it('[AL-3, AL-6] 500 late devices are one mail through a real mail server, with a login, and nothing secret', async () => {
    const mails: string[] = []
    const logins: string[] = []
    const smtp = new SMTPServer({
      authOptional: false,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      onAuth: ({ username = '', password = '' }, _session, done) => {
        logins.push(`${username}:${password}`)
        done(null, { user: username })
      },
      onData: (stream, _session, done) => {
        let text = ''
        stream.on('data', (chunk: Uint8Array) => {
          text += Buffer.from(chunk).toString('utf8')
        })
        stream.on('end', () => {
          mails.push(text)
          done()
        })
      },
    })
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
    const { port } = smtp.server.address() as AddressInfo
    const mail = createMailAlerts({
      ...{ url: `smtp://ops@127.0.0.1:${port}`, password: 'mail-password', from: 'nightferry@example.org' },
      ...{ to: ['ops@example.org'], serverId: 'nightferry-1' },
    })
    const { dispatch, parts } = watch([mail])
    for (let device = 0; device < 500; device++)
      await raiseAlert(parts, {
        ...event,
        kind: 'health',
        deviceId: `nf-${device}`,
        deviceName: `till\r\nBcc: x ${device}`,
      })
    await dispatch()
    await raiseAlert(parts, event)
    // What comes within a quarter of an hour waits for the next mail.
    await dispatch()
    expect(mails.length).toBe(1)
    local.time.advance(16 * 60_000)
    await dispatch()
    await new Promise<void>((resolve) => smtp.close(() => resolve()))
    expect(logins[0]).toBe('ops:mail-password')
    expect(mails.length).toBe(2)
    expect(mails[0]).toContain('Subject: Nightferry: 500 to look at')
    expect(mails[0]?.match(/alice\/till/g)?.length).toBe(500)
    expect(mails[0]?.split('\r\n\r\n')[0]).not.toContain('Bcc')
    expect(mails[0]).not.toContain('mail-password')
    expect(mails[1]).toContain('alice/phone: it is fenced')
  })
})

/** What `assembleAlerts` needs of a server that is given `options`. */
const assembled = (options: GivenOptions, secrets: Secrets = {}) => ({
  ...{ config: readConfig({}, options), secrets, catalogue, serverId: 'nightferry-1', clock: local.time.now },
  ...{ databases: sqlDatabases(catalogue), proofs: sqlProofs(catalogue), accounts: local.service },
  ...{ metrics: createMetrics({ withProcess: false }), log: createLoggers('silent').server },
})

it('[AL-9] that a copy could not be restored is at hand for its device, until it can be', async () => {
  await addDatabase('nf-1')
  await addDatabase('nf-2')
  const key = { accountId, deviceId: 'nf-1', name: 'app' }
  const proof = { checkedAt: local.time.now(), provenAt: 0, token: '' }
  await sqlProofs(catalogue).put({ ...key, ...proof, failure: 'damaged' })
  const assembly = assembleAlerts(assembled({}))
  await assembly.work()
  expect(assembly.unprovenSince(key)).toBe(local.time.now())
  expect(assembly.unprovenSince({ ...key, deviceId: 'nf-2' })).toBeUndefined()
  await sqlProofs(catalogue).put({ ...key, ...proof })
  local.time.advance(6 * 60_000)
  await assembly.work()
  expect(assembly.unprovenSince(key)).toBeUndefined()
  await assembly.close()
})

it('[AL-7] a test says what each way answered, and a way that lacks its secret or server is refused at the start', async () => {
  const away = { alertWebhook: 'http://127.0.0.1:9/alerts' }
  const assembly = assembleAlerts(assembled(away, { alertSecret: SECRET }))
  expect(await assembly.test()).toEqual([{ port: 'webhook', failure: 'the gateway does not answer' }])
  await assembly.close()
  expect(await assembleAlerts(assembled({})).test()).toEqual([])
  expect(() => assembleAlerts(assembled(away))).toThrow('secret')
  expect(() => assembleAlerts(assembled({ alertMailTo: 'ops@example.org' }))).toThrow('mail server')
})
