/**
 * A server with one backup and some devices that wait for a Delivery of it, all real processes on loopback. Orders go over
 * HTTP, so that a test can say what the command line cannot.
 */

import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { DevicePreference, StrategyName } from '../../schemas/delivery/preferences.ts'
import type { DeliverySteering, DeliverySummary } from '../../schemas/http/deliveries.ts'
import { type AgentProcess, createRegisteredAgent } from './agentProcess.ts'
import { startServer, type TestAccount, type TestServer } from './startServer.ts'

/** Stands in rows of the database: what must never be seen on the way. */
export const KNOWN_PLAINTEXT = 'Nightferry-known-plaintext-0123456789'

export interface SharingDevice {
  readonly name: string
  readonly deviceId: string
  readonly agent: AgentProcess
  /** Where its file comes to lie. */
  readonly path: string
}

export interface SharedDelivery {
  readonly server: Pick<TestServer, 'url'>
  /** Kills the server, and starts it again where it was. */
  restartServer(): Promise<void>
  readonly account: TestAccount
  readonly folder: string
  readonly source: SharingDevice
  readonly devices: readonly SharingDevice[]
  order(
    devices: readonly SharingDevice[],
    more?: {
      readonly strategy?: StrategyName
      readonly each?: Partial<Omit<DevicePreference, 'deviceId'>>
      readonly waitS?: number
      readonly onLoss?: 'ask' | 'take-over'
      readonly segments?: number
    },
  ): Promise<DeliverySummary>
  steer(deliveryId: string, action: DeliverySteering): Promise<DeliverySummary>
  status(deliveryId: string): Promise<DeliverySummary>
  /** An owner's access token. */
  owner(): Promise<string>
  close(): Promise<void>
}

/** A database of about `megabytes` that hardly compresses, with the known plaintext in each row. */
export function writeSample(path: string, megabytes: number): void {
  const database = new Database(path)
  database.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, x BLOB)')
  const insert = database.prepare('INSERT INTO t(name, x) VALUES(?, ?)')
  database.transaction(() => {
    for (let row = 0; row < megabytes * 250; row++) insert.run(KNOWN_PLAINTEXT, randomBytes(3900))
  })()
  database.close()
}

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** Where the processes run, if not all on loopback. */
export interface Places {
  /** Runs a program where the server is; `host` is what it listens at there, and `reach` where the test finds it. */
  readonly server: { readonly via: readonly string[]; readonly host: string; readonly reach: string }
  /** Likewise for a device; `server` is the server's address from there. */
  device(name: string): { readonly via: readonly string[]; readonly server: string }
}

export async function openSharedDelivery(
  names: readonly string[],
  megabytes: number,
  places?: Places,
): Promise<SharedDelivery> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-shared-'))
  const port = await freePort()
  const args = ['--port', String(port), ...(places === undefined ? [] : ['--host', places.server.host])]
  const start = () =>
    startServer({
      ...{ dataFolder: join(folder, 'data'), args },
      ...(places && { via: places.server.via, urlOf: () => `http://${places.server.reach}:${port}` }),
    })
  let server = await start()
  const account = await server.createAccount()
  const add = async (name: string): Promise<SharingDevice> => {
    const place = places?.device(name)
    const url = place === undefined ? server.url : `http://${place.server}:${port}`
    const agent = await createRegisteredAgent({ url }, account, join(folder, name), name, place?.via)
    const { deviceId } = (await agent.do('status')) as { deviceId: string }
    return { name, deviceId, agent, path: join(folder, `${name}.db`) }
  }
  const source = await add('till')
  const path = join(folder, 'app.db')
  writeSample(path, megabytes)
  await source.agent.do('add', path)
  await source.agent.do('backup')
  const devices: SharingDevice[] = []
  for (const name of names) devices.push(await add(name))
  const body = { name: account.user, password: account.password }
  // Logging in costs the server more than all else here: once is enough.
  const login = call(server, 'POST', '/accounts/login', undefined, body) as Promise<{ accessToken: string }>
  const owner = async (): Promise<string> => (await login).accessToken
  return {
    restartServer: async () => {
      server.process.kill('SIGKILL')
      await server.stop()
      server = await start()
    },
    ...{ server: { url: server.url }, account, folder, source, devices, owner },
    order: async (chosen, { strategy = 'shortestTime', each = {}, waitS = 60, onLoss = 'take-over', segments } = {}) =>
      (await call(server, 'POST', '/api/v1/deliveries', await owner(), {
        ...{ database: 'app', fromDeviceId: source.deviceId, waitS },
        preferences: { strategy, devices: chosen.map(({ deviceId }) => ({ deviceId, ...each })), onLoss },
        ...(segments !== undefined && { segments }),
      })) as DeliverySummary,
    steer: async (deliveryId, action) =>
      (await call(server, 'PUT', `/api/v1/deliveries/${deliveryId}/state`, await owner(), {
        action,
      })) as DeliverySummary,
    status: async (deliveryId) => {
      const { deliveries } = (await call(server, 'GET', '/api/v1/deliveries', await owner())) as {
        deliveries: DeliverySummary[]
      }
      const found = deliveries.find((delivery) => delivery.deliveryId === deliveryId)
      if (found === undefined) throw new Error(`there is no Delivery ${deliveryId}`)
      return found
    },
    close: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** One call of the server. @throws Error with its answer if it is a refusal. */
export async function call(
  server: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  token: string | undefined,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
