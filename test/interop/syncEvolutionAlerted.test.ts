/**
 * A client that nobody of this project wrote is woken: our server gives a notification to a gateway, the gateway hands
 * it to SyncEvolution, and SyncEvolution synchronizes as it was asked to.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alertedSync, alertedSyncMissing, prepareAlertedSync } from '../support/alertedSync.ts'
import { differences } from '../support/heldItems.ts'
import { freePort, type SyncEvolutionClient, SyncEvolutionLab } from '../support/syncEvolution.ts'
import { expectSync } from './syncEvolutionModes.ts'

const missing = alertedSyncMissing()

describe.skipIf(missing !== '')(`[PU-6] [PU-8] SyncEvolution, woken by a notification of ours ${missing}`, () => {
  let lab: SyncEvolutionLab
  let one: SyncEvolutionClient
  let two: SyncEvolutionClient
  const posted: string[] = []
  const gateway = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      posted.push(body)
      gateway.emit('posted')
      response.writeHead(204).end()
    })
  })

  beforeAll(async () => {
    gateway.listen(0, '127.0.0.1')
    await once(gateway, 'listening')
    const port = await freePort()
    // The client finds its configuration by the address it synchronizes with.
    const serverId = `http://127.0.0.1:${port}/omads`
    const webhook = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
    lab = await SyncEvolutionLab.open({
      args: ['--port', String(port), '--push-webhook', webhook, '--push-server-id', serverId],
      environment: { NIGHTFERRY_PUSH_SECRET: 'x'.repeat(32) },
    })
    prepareAlertedSync(alerted())
    one = lab.client('one')
    two = lab.client('two')
    one.generate('make', '--count', 8)
    await expectSync(lab, one, 'slow')
    await expectSync(lab, two, 'slow')
  })
  afterAll(async () => {
    gateway.close()
    await lab?.close()
  })

  const alerted = () => join(lab.folder, 'alerted')

  /** What the gateway is given when the operator wakes `one`. */
  async function wake(type: string): Promise<Uint8Array> {
    const arrival = once(gateway, 'posted')
    lab.command('device', 'wake', 'lab-one', '--datastore', 'addressbook', '--type', type)
    await arrival
    const { forms } = JSON.parse(posted.at(-1) ?? '') as { forms: { version: string; digest: string; data: string }[] }
    const form = forms.find(({ version, digest }) => version === '1.2' && digest === 'none')
    return Buffer.from(form?.data ?? '', 'base64')
  }

  const equal = async () =>
    expect(differences('contact', one.items(), await lab.serverItems('contacts'))).toEqual({ a: [], b: [] })

  it('two-way: changes of both sides are exchanged', async () => {
    two.generate('change', '--add', 2, '--modify', 1, '--seed', 2, '--tag', 'two')
    await expectSync(lab, two, 'two-way')
    one.generate('change', '--add', 3, '--delete', 1, '--tag', 'one')
    const result = await alertedSync(alerted(), one, await wake('two-way'))
    expect(result, result.text).toMatchObject({ exit: 0, mode: 'two-way' })
    await equal()
    expect(await lab.serverItems('contacts')).toHaveLength(12)
  })

  it('refresh from the device: the server holds what the device holds', async () => {
    one.generate('change', '--add', 1, '--delete', 2, '--seed', 5, '--tag', 'again')
    const result = await alertedSync(alerted(), one, await wake('refresh-from-device'))
    expect(result, result.text).toMatchObject({ exit: 0, mode: 'refresh-from-local' })
    await equal()
  })

  it('one-way from the server: the device gets what is new there', async () => {
    await expectSync(lab, two, 'two-way')
    two.generate('change', '--add', 2, '--seed', 7, '--tag', 'three')
    await expectSync(lab, two, 'two-way')
    const result = await alertedSync(alerted(), one, await wake('from-server'))
    expect(result, result.text).toMatchObject({ exit: 0, mode: 'one-way-from-remote' })
    await equal()
  })
})
